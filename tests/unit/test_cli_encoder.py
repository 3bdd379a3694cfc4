"""`yiqiao encoder`: a run of tuning, comparing and packing with a small random model, and what bad files do."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner, Result

from backend.cli import app
from backend.config import Settings
from embeddings import adapter, bundled
from embeddings.tuning import comparison
from tests.small_models import save_small_model
from tests.steps import use_settings

Run = Callable[..., Result]
Row = dict[str, str]
TRAINED, MEASURED = 60, 12
FILLER = "由主机、手柄和电极组成，供院内使用的设备"


def product(number: int) -> Row:
    """An entry with characters of its own in name, use and composition."""
    own = "".join(chr(0x4E00 + 3 * number + n) for n in range(3))
    return {
        "id": f"p{number}",
        "name": f"{own}器械",
        "description": f"{FILLER}{own[:2]}。用于{own}一类浅表组织的凝固和止血。",
        "code": f"{1 + number % 22:02}-{1 + number // 22:02}",
        "year": "2021" if number < TRAINED else "2023",
        "kind": "determination",
    }


PRODUCTS = [product(number) for number in range(TRAINED + MEASURED)]


def need(number: int) -> Row:
    """A need for a product, in other words; every fifth is kept out."""
    text = f"{PRODUCTS[number]['name'][:3]}的出血总是止不住，手里的东西又太粗"
    return {"product": f"p{number}", "need": text, "split": "held_out" if number % 5 == 0 else "train"}


NEEDS = [need(number) for number in range(TRAINED)]


def write_products(path: Path, rows: Sequence[Row] = PRODUCTS) -> Path:
    """A file of regulatory entries."""
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


def write_needs(path: Path, rows: Sequence[Row] = NEEDS) -> Path:
    """A file of needs."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["product", "need", "split"])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small model."""
    folder = tmp_path_factory.mktemp("base") / "small-e5-base"
    texts = [text for row in (*PRODUCTS, *NEEDS) for text in row.values()]
    save_small_model(folder, "xlm-roberta-mean", [*texts, "querypassage: "], layers=4, longest=128)
    return folder


@pytest.fixture
def run(settings: Settings, base: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command with the small model as base, and expects an exit code."""
    use_settings(monkeypatch, settings)
    monkeypatch.setattr(bundled, "build", lambda *_arguments: base)

    def start(*arguments: object, code: int = 0) -> Result:
        done = CliRunner().invoke(app, ["encoder", *(str(argument) for argument in arguments)])
        assert done.exit_code == code, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    return start


@pytest.fixture
def files(tmp_path: Path) -> tuple[object, ...]:
    """The options of products and needs."""
    products, needs = write_products(tmp_path / "products.jsonl"), write_needs(tmp_path / "needs.csv")
    return "--products", products, "--needs", needs


def test_from_pairs_to_the_file_that_ships(run: Run, files: tuple[object, ...], base: Path, tmp_path: Path) -> None:
    out, model = tmp_path / "run", tmp_path / "run" / "model"
    done = run("tune", *files, "--out", out, "--epochs", 3, "--rate", 3e-3, "--no-measure")
    assert f"The tuned model is in {model}" in done.stdout and "step" in done.stderr
    before, after = load_file(base / adapter.WEIGHTS), load_file(model / adapter.WEIGHTS)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed and all(name.startswith(("encoder.layer.2.", "encoder.layer.3.")) for name in changed)

    figures_file = tmp_path / "figures.json"
    general = tmp_path / "general.jsonl"
    lines = [{"a": NEEDS[n]["need"], "b": NEEDS[n + d]["need"], "score": 5 - 4 * d} for n in range(9) for d in (0, 1)]
    general.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    found = CliRunner().invoke(
        app, ["encoder", "compare", *map(str, (model, *files, "--general", general, "--out", figures_file))]
    )
    assert figures_file.exists(), found.output + repr(found.exception)
    figures = json.loads(figures_file.read_text("utf-8"))
    assert set(figures) == {"cases of the last year", "needs kept out", "general pairs"}
    lost = comparison.losses(figures, "base", "tuned")
    assert found.exit_code == (1 if lost else 0), found.output
    assert f"tuned {figures['needs kept out']['tuned']:.3f}" in found.stdout

    packed = tmp_path / "weights" / "small.safetensors"
    assert "Wrote" in run("pack", model, "--out", packed, "--figures", figures_file, *files).stdout
    source, _version = bundled.find_source()
    again = adapter.added(before, adapter.read(packed, bundled.file_digest(source)))
    steps = {name: np.abs(after[name] - before[name]).max() / 7 for name in after}
    assert all(np.abs(again[name] - after[name]).max() <= 0.51 * steps[name] + 1e-6 for name in after)
    told = adapter.read_provenance(packed)
    assert told["figures"] == figures and told["recipe"]["rate"] == 3e-3
    assert told["sources"].keys() == {"products.jsonl", "needs.csv"}

    # The folder is known by its recipe: another one does not go on in it, the same one has nothing left to do.
    done = run("tune", *files, "--out", out, "--rate", 1e-3, "--no-measure", code=1)
    assert "another recipe or other pairs" in done.stderr


def test_a_model_that_is_no_better_must_not_ship(
    run: Run, files: tuple[object, ...], base: Path, tmp_path: Path
) -> None:
    done = run("compare", base, *files, "--out", tmp_path / "figures.json", code=1)
    assert "Not better than the base: cases of the last year, needs kept out." in done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert all(0 < found["tuned"] == found["base"] < 1 for found in figures.values())


def test_the_mean_of_models(run: Run, files: tuple[object, ...], base: Path, tmp_path: Path) -> None:
    """What no part has changed is left as it is to the last bit, since it must not count as learned."""
    tuned = tmp_path / "run" / "model"
    run("tune", *files, "--out", tmp_path / "run", "--epochs", 1, "--rate", 3e-3, "--no-measure")
    done = run("average", tuned, "--out", tmp_path / "mean", "--base-share", 0.25)
    assert f"The mean is in {tmp_path / 'mean' / 'model'}" in done.stdout
    before, after, mean = (load_file(path / adapter.WEIGHTS) for path in (base, tuned, tmp_path / "mean" / "model"))
    for name, found in mean.items():
        assert np.allclose(found, 0.25 * before[name] + 0.75 * after[name], atol=1e-6)
        assert np.array_equal(before[name], after[name]) == np.array_equal(before[name], found)
    # Training reads the first tokens of a text; who uses the model reads as much as with the base.
    lengths = {
        json.loads((path / "tokenizer_config.json").read_text("utf-8"))["model_max_length"]
        for path in (base, tuned, tmp_path / "mean" / "model")
    }
    assert lengths == {128}
    kept = json.loads((tmp_path / "mean" / "recipe.json").read_text("utf-8"))["mean of"]
    assert [part["share"] for part in kept] == [0.75, 0.25] and kept[0]["recipe"]["rate"] == 3e-3

    for arguments, says in [
        ((tuned, "--out", tmp_path / "mean"), "is there already"),
        ((tuned, "--out", tmp_path / "x", "--share", 0.5), "do not add up to 1"),
        ((tuned, tuned, "--out", tmp_path / "x", "--share", 1), "once for each model"),
        ((tmp_path / "none", "--out", tmp_path / "x"), "cannot be read"),
    ]:
        assert says in run("average", *arguments, code=1).stderr.replace("\n", " ")
        assert not (tmp_path / "x").exists()


def test_pairs_are_lost_only_if_that_is_certain() -> None:
    draw = np.random.default_rng(0)
    scores = draw.uniform(0, 5, 200)
    pairs = comparison.SimilarPairs([("a", "b")] * 200, scores.tolist())
    close, alike, worse = (scores + draw.normal(0, noise, 200) for noise in (1.0, 1.05, 3.0))
    change = [comparison.highest_change(close, other, pairs) for other in (close, alike, worse)]
    assert change[0] == 0.0 and change[1] > 0 > change[2]
    figures = {"x": {"base": 0.8, "tuned": 0.79, comparison.HIGHEST: 0.01}, "y": {"base": 0.5, "tuned": 0.5}}
    assert comparison.losses(figures, "base", "tuned") == ["y"]
    figures["x"][comparison.HIGHEST] = -0.001
    assert comparison.losses(figures, "base", "tuned") == ["x", "y"]


def test_too_few_pairs(run: Run, tmp_path: Path) -> None:
    products = write_products(tmp_path / "products.jsonl", PRODUCTS[:20])
    needs = write_needs(tmp_path / "needs.csv", NEEDS[:20])
    done = run("tune", "--products", products, "--needs", needs, "--out", tmp_path / "run", code=1)
    assert "there are fewer pairs than one batch takes (48)" in done.stderr
    assert not (tmp_path / "run" / "model").exists()


def test_too_few_products(run: Run, tmp_path: Path) -> None:
    products = write_products(tmp_path / "products.jsonl", PRODUCTS[:3])
    needs = write_needs(tmp_path / "needs.csv", NEEDS[:0])
    done = run("tune", "--products", products, "--needs", needs, "--out", tmp_path / "run", code=1)
    assert "of another category than the answer's; 5 are needed" in done.stderr


@pytest.mark.parametrize(
    ("products", "needs", "says"),
    [
        (None, "product,need,split\n", "cannot read"),
        ('{"id": "p1"}', "product,need,split\n", "products.jsonl, line 1: the field 'name' is missing"),
        ("\n{", "product,need,split\n", "products.jsonl, line 2: not JSON"),
        ("", None, "cannot read the needs"),
        ("", "product,text\np1,止血\n", "cannot read the needs"),
        ("", "product,need,split\np1,止血,train\n", "'p1', which the products file lacks"),
        (json.dumps(PRODUCTS[-1]), f"product,need,split\n{PRODUCTS[-1]['id']},止血,train\n", "a case of 2023"),
    ],
)
def test_files_that_cannot_be_used(
    run: Run, tmp_path: Path, products: str | None, needs: str | None, says: str
) -> None:
    paths = tmp_path / "products.jsonl", tmp_path / "needs.csv"
    for path, content in zip(paths, (products, needs), strict=True):
        if content is not None:
            path.write_text(content, "utf-8")
    done = run("tune", "--products", paths[0], "--needs", paths[1], "--out", tmp_path / "run", code=1)
    assert says in done.stderr


def test_decisions_that_cannot_be_used(run: Run, files: tuple[object, ...], tmp_path: Path) -> None:
    decisions = tmp_path / "decisions.jsonl"
    decisions.write_text('{"need": "止血", "capability": 7}', "utf-8")
    done = run("tune", *files, "--out", tmp_path / "run", "--decisions", decisions, code=1)
    assert "decisions.jsonl, line 1: need or capability is missing or no text" in done.stderr


def test_comparing_what_is_not_there(run: Run, files: tuple[object, ...], base: Path, tmp_path: Path) -> None:
    assert "does not exist" in run("compare", tmp_path / "absent", *files, code=1).stderr
    absent = tmp_path / "absent.jsonl"
    assert "absent.jsonl" in run("compare", base, *files, "--general", absent, code=1).stderr
    assert "absent.jsonl" in run("compare", base, *files, "--corpus", absent, "--dataset", absent, code=1).stderr
    assert "--corpus and --dataset" in run("compare", base, *files, "--corpus", absent, code=1).stderr
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"a": "x", "b": "y", "score": "high"}', "utf-8")
    assert "broken.jsonl, line 1" in run("compare", base, *files, "--general", broken, code=1).stderr


def test_packing_what_does_not_fit(run: Run, files: tuple[object, ...], base: Path, tmp_path: Path) -> None:
    out, figures = tmp_path / "out.safetensors", tmp_path / "figures.json"
    options = ("--out", out, "--figures", figures, *files)
    assert "figures.json" in run("pack", base, *options, code=1).stderr
    figures.write_text("{", "utf-8")
    assert "figures.json" in run("pack", base, *options, code=1).stderr
    figures.write_text("{}", "utf-8")
    absent = tmp_path / "absent"
    assert "absent" in run("pack", absent, *options, code=1).stderr
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / adapter.WEIGHTS).write_bytes((base / adapter.WEIGHTS).read_bytes()[:1000])
    assert "cut" in run("pack", tmp_path / "cut", *options, code=1).stderr
    other = tmp_path / "other"
    save_small_model(other, "bert-cls", ["abc"])
    assert "not those of the same model" in run("pack", other, *options, code=1).stderr
    assert not out.exists()
