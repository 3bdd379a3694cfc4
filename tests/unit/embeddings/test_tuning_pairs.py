"""The pairs that the encoder is tuned on, made from files."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from embeddings.tuning import pairs

NEEDS = Path(pairs.__file__).parents[2] / "seed_data" / "tuning" / "needs.csv"


def _product(number: int, **changes: str) -> dict[str, str]:
    return {
        "id": f"p{number}",
        "name": f"示例器械{number}",
        "description": f"由主机、手柄和第{number}种电极组成，供院内使用的设备。用于第{number}类浅表组织的凝固和止血。",
        "code": "01-03-01",
        "year": "2021",
        "kind": "determination",
        **changes,
    }


@pytest.fixture
def products_file(tmp_path: Path) -> Path:
    rows = [
        _product(1),
        _product(2, year="2023-1"),
        _product(3, description="用于第1类浅表组织的凝固和止血。由主机组成，另有电极和手柄若干。"),
        _product(4, code="6840"),
        _product(5, kind="exemption_2025", year=""),
    ]
    path = tmp_path / "products.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n", encoding="utf-8")
    return path


def test_cases_of_the_last_year_never_train(products_file: Path) -> None:
    products = pairs.read_products(products_file)
    made = [*pairs.use_pairs(products.values()), *pairs.name_pairs(products.values())]
    assert len(made) >= 2
    assert not any("第2" in pair.anchor + pair.positive for pair in made)
    with pytest.raises(pairs.PairsError, match="2023"):
        pairs.need_pairs([pairs.Need("p2", "夜里总报警", pairs.TRAIN)], products, 1)


def test_each_use_trains_once(products_file: Path) -> None:
    made = pairs.use_pairs(pairs.read_products(products_file).values())
    assert Counter(pair.anchor for pair in made)["用于第1类浅表组织的凝固和止血。"] == 1


def test_device_categories_mark_false_negatives_other_codes_do_not(products_file: Path) -> None:
    products = pairs.read_products(products_file)
    assert products["p1"].category == "01-03-01"
    assert products["p4"].category == "p4"


def test_needs_kept_out_do_not_train_and_copies_show_other_sides(products_file: Path) -> None:
    products = pairs.read_products(products_file)
    needs = [pairs.Need("p1", "止血太慢", pairs.TRAIN), pairs.Need("p3", "渗血", pairs.HELD_OUT)]
    made = pairs.need_pairs(needs, products, 2)
    assert [pair.anchor for pair in made] == ["止血太慢", "止血太慢"]
    assert len({pair.positive for pair in made}) == 2
    with pytest.raises(pairs.PairsError, match="lacks"):
        pairs.need_pairs([pairs.Need("nowhere", "止血太慢", pairs.TRAIN)], products, 1)


def test_answers_show_one_side_of_a_product(products_file: Path) -> None:
    product = pairs.read_products(products_file)["p3"]
    assert pairs.shown(product, "use") == "示例器械3：用于第1类浅表组织的凝固和止血。"
    assert pairs.shown(product, "rest") == "示例器械3：由主机组成，另有电极和手柄若干。"
    assert [pair.positive for pair in pairs.use_pairs([product])] == [pairs.shown(product, "rest")]


def test_the_protocol_takes_determinations_with_use_and_rest(products_file: Path) -> None:
    queries, pool = pairs.measured_cases(pairs.read_products(products_file))
    assert queries == {"p2": "用于第2类浅表组织的凝固和止血。"}
    assert set(pool) == {"p1", "p2", "p4"}
    assert pool["p1"] == "示例器械1：由主机、手柄和第1种电极组成，供院内使用的设备。"


@pytest.mark.parametrize("line", ["{", '{"id": "x", "name": "y"}'])
def test_broken_lines_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "products.jsonl"
    path.write_text(json.dumps(_product(1)) + "\n" + line, encoding="utf-8")
    with pytest.raises(pairs.PairsError, match="line 2"):
        pairs.read_products(path)


def test_missing_files_and_columns_are_told(tmp_path: Path) -> None:
    with pytest.raises(pairs.PairsError, match="cannot read"):
        pairs.read_products(tmp_path / "none.jsonl")
    path = tmp_path / "needs.csv"
    path.write_text("product,text\np1,abc\n", encoding="utf-8")
    with pytest.raises(pairs.PairsError, match="cannot read the needs"):
        pairs.read_needs(path)


def test_the_needs_of_the_project() -> None:
    """At least 2,000 train, at least 300 are kept out, one in ten is English, none is repeated or split by product."""
    needs = pairs.read_needs(NEEDS)
    splits = Counter(need.split for need in needs)
    assert set(splits) == {pairs.TRAIN, pairs.HELD_OUT}
    assert splits[pairs.TRAIN] >= 2000 and splits[pairs.HELD_OUT] >= 300
    assert len({need.text for need in needs}) == len(needs)
    train = {need.product for need in needs if need.split == pairs.TRAIN}
    assert not train & {need.product for need in needs if need.split == pairs.HELD_OUT}
    english = sum(need.text.isascii() for need in needs)
    assert 0.08 <= english / len(needs) <= 0.15
    assert not any("!" in need.text or "！" in need.text for need in needs)
    with NEEDS.open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["product", "need", "split"]
