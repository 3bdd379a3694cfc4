"""Judged sets, metrics checked by hand, intervals, tests and reports."""

from __future__ import annotations

import json
from math import log2
from pathlib import Path

import numpy as np
import pytest

from embeddings.evaluation import (
    DatasetError,
    Doc,
    System,
    as_dict,
    bootstrap_interval,
    compare_paired,
    evaluate,
    read_jsonl,
    table,
)

CORPUS = [{"id": "d1", "title": "针", "text": "可弯"}, {"id": "d2", "title": "架", "text": "", "more": 1}]


def _write(path: Path, rows: list[object]) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_read_jsonl(tmp_path: Path) -> None:
    corpus = _write(tmp_path / "c", [*CORPUS, ""])
    queries = _write(tmp_path / "q", [{"id": "q1", "need": "要弯", "rel": {"d1": 3, "d2": 0}}])
    judged = read_jsonl(corpus, queries)
    assert judged.corpus == {"d1": Doc("d1", "针", "可弯"), "d2": Doc("d2", "架", "")}
    assert judged.queries == {"q1": "要弯"}
    assert judged.relevance == {"q1": {"d1": 3, "d2": 0}}


@pytest.mark.parametrize(
    ("corpus", "queries", "message"),
    [
        ([*CORPUS, "{"], [], "c, line 3: not JSON"),
        (["[]"], [], "c, line 1: not a JSON object"),
        ([CORPUS[0], "", CORPUS[0]], [], "c, line 3: the id 'd1' is empty or repeated"),
        ([{"id": "", "title": "", "text": ""}], [], "c, line 1: the id '' is empty"),
        ([{"id": "a", "title": "t"}], [], "c, line 1: the field 'text'"),
        ([{"id": 1, "title": "t", "text": ""}], [], "c, line 1: the field 'id'"),
        (CORPUS, [{"id": "q", "need": "n"}], "q, line 1: the field 'rel'"),
        (CORPUS, [{"id": "q", "need": "n", "rel": {"d9": 1}}], "q, line 1: judges the unknown document 'd9'"),
        (CORPUS, [{"id": "q", "need": "n", "rel": {"d1": 4}}], "q, line 1: the grade of 'd1' is 4"),
        (CORPUS, [{"id": "q", "need": "n", "rel": {"d1": True}}], "the grade of 'd1' is True"),
        (CORPUS, [{"id": "q", "need": "n", "rel": {"d1": 1.5}}], "the grade of 'd1' is 1.5"),
        (CORPUS, [{"id": "q", "need": "n", "rel": {}}] * 2, "q, line 2: the id 'q' is empty or repeated"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, corpus: list[object], queries: list[object], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        read_jsonl(_write(tmp_path / "c", corpus), _write(tmp_path / "q", queries))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("corpus", "queries", "message"),
    [
        ([], [{"id": "q", "need": "n", "rel": {}}], "c holds no document"),
        (CORPUS, [], "q holds no need"),
        (
            [{"id": "\ud800", "title": "", "text": ""}],
            [{"id": "q", "need": "n", "rel": {}}],
            "c, line 1: the field 'id' is not Unicode",
        ),
        (["[" * 100_000], [{"id": "q", "need": "n", "rel": {}}], "c, line 1: not JSON"),
        (CORPUS, [{"id": "q", "need": "n", "rel": {"d1": float("nan")}}], "q, line 1: the grade of 'd1' is nan"),
    ],
)
def test_empty_and_odd_files(tmp_path: Path, corpus: list[object], queries: list[object], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        read_jsonl(_write(tmp_path / "c", corpus), _write(tmp_path / "q", queries))
    assert message in str(caught.value)


def test_whole_numbers_with_a_point_are_grades_and_lone_ones_are_relevant(tmp_path: Path) -> None:
    corpus = _write(tmp_path / "c", CORPUS)
    found = read_jsonl(corpus, _write(tmp_path / "q", [{"id": "q", "need": "n", "rel": {"d1": 1.0}}]))
    assert found.relevance == {"q": {"d1": 1}}
    assert (found.relevant_from(2), found.relevant_from(1)) == (1, 1)
    found = read_jsonl(corpus, _write(tmp_path / "q", [{"id": "q", "need": "n", "rel": {"d1": 2}}]))
    assert (found.relevant_from(2), found.relevant_from(3)) == (2, 3)
    found = read_jsonl(corpus, _write(tmp_path / "q", [{"id": "q", "need": "n", "rel": {}}]))
    assert found.relevant_from(2) == 2


def test_names_may_hold_anything() -> None:
    odd = ["a\0b", "a\0c", "\t\n", "“引号”", " ", "d" * 5000]
    relevance = {f"q {name}": {name: 3} for name in odd}
    found = evaluate({f"q {name}": [odd[0], name] for name in odd}, relevance)["MRR"]
    assert found == {f"q {name}": 1.0 if name == odd[0] else 0.5 for name in odd}


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot read"):
        read_jsonl(tmp_path / "none", tmp_path / "none")


def test_metrics_by_hand() -> None:
    relevance = {"q": {"a": 3, "b": 1, "c": 2}}
    scores = evaluate({"q": ["b", "z", "a"]}, relevance)
    # Gains 2^3-1 = 7, 2^1-1 = 1, 2^2-1 = 3; ideal order a, c, b.
    assert scores["nDCG@10"]["q"] == pytest.approx((1 + 7 / log2(4)) / (7 + 3 / log2(3) + 1 / log2(4)))
    assert scores["MRR"]["q"] == pytest.approx(1 / 3)
    assert scores["recall@10"]["q"] == pytest.approx(1 / 2)
    assert scores["recall@50"]["q"] == pytest.approx(1 / 2)
    assert scores["hit@1"]["q"] == 0.0
    lenient = evaluate({"q": ["b", "z", "a"]}, relevance, relevant_from=1)
    assert lenient["MRR"]["q"] == 1.0 and lenient["hit@1"]["q"] == 1.0
    assert lenient["recall@10"]["q"] == pytest.approx(2 / 3)
    assert lenient["nDCG@10"] == scores["nDCG@10"]


def test_perfect_cut_off_and_missing_rankings() -> None:
    relevance = {"q1": {"a": 2, "b": 1}, "q2": {"a": 3}, "q3": {"a": 3}, "none": {"a": 1}, "empty": {}}
    long = [f"x{n}" for n in range(10)] + ["a"]
    scores = evaluate({"q1": ["a", "b"], "q2": long, "other": ["a"]}, relevance)
    assert scores["nDCG@10"] == pytest.approx({"q1": 1.0, "q2": 0.0, "q3": 0.0})
    assert scores["recall@10"] == {"q1": 1.0, "q2": 0.0, "q3": 0.0}
    assert scores["recall@50"] == {"q1": 1.0, "q2": 1.0, "q3": 0.0}
    assert scores["MRR"]["q2"] == pytest.approx(1 / 11)
    assert scores["hit@1"] == {"q1": 1.0, "q2": 0.0, "q3": 0.0}


def test_order_given_is_the_ranking_whatever_the_names() -> None:
    for ranking in (["a", "z"], ["z", "a"]):
        found = evaluate({"q": ranking}, {"q": {"a": 3}})
        assert found["MRR"]["q"] == 1 / (ranking.index("a") + 1)
    assert evaluate({"q": ["z", "z", "a"]}, {"q": {"a": 3}})["MRR"]["q"] == 1 / 2


def test_nothing_to_measure_and_wrong_arguments() -> None:
    assert evaluate({}, {})["MRR"] == {}
    assert evaluate({}, {"q": {"a": 3}})["MRR"] == {"q": 0.0}
    with pytest.raises(ValueError, match="relevant_from"):
        evaluate({}, {}, relevant_from=0)
    with pytest.raises(ValueError, match="grades"):
        evaluate({}, {"q": {"a": 7}})


def test_bootstrap_interval() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, size=400)
    found = bootstrap_interval(values, samples=4000)
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.002)
    assert found.high == pytest.approx(values.mean() + half, abs=0.002)
    assert bootstrap_interval(values, samples=500, seed=3) == bootstrap_interval(values, samples=500, seed=3)
    assert bootstrap_interval(values, samples=500, seed=3) != bootstrap_interval(values, samples=500, seed=4)
    assert bootstrap_interval([0.25]).low == bootstrap_interval([0.25]).high == 0.25
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval([])
    with pytest.raises(ValueError, match="confidence"):
        bootstrap_interval([1.0], confidence=95)


def test_compare_paired() -> None:
    random = np.random.default_rng(2)
    a = {f"q{n}": float(value) for n, value in enumerate(random.random(100))}
    better = {name: value + 0.1 + 0.05 * float(random.normal()) for name, value in a.items()}
    compared = compare_paired(a, better, samples=2000)
    assert compared.difference.mean == pytest.approx(0.1, abs=0.02)
    assert compared.difference.low > 0
    assert compared.p_value == pytest.approx(1 / 2001)
    assert compared.queries == 100
    same = compare_paired(a, a, samples=200)
    assert same.p_value == 1.0 and same.difference.mean == 0.0
    # Two queries, both better: of the four equally likely sign flips two are as extreme.
    assert compare_paired({"a": 0, "b": 0}, {"a": 1, "b": 1}).p_value == pytest.approx(0.5, abs=0.03)
    with pytest.raises(ValueError, match="same queries"):
        compare_paired({"a": 1}, {"b": 1})
    with pytest.raises(ValueError, match="at least one"):
        compare_paired({}, {})


def _systems() -> list[System]:
    relevance = {f"q{n}": {f"d{n}": 3} for n in range(30)}
    right = {query: [next(iter(grades))] for query, grades in relevance.items()}
    wrong = {query: ["x", *ranking] for query, ranking in right.items()}
    return [System("基线", evaluate(wrong, relevance)), System("better", evaluate(right, relevance))]


def test_report() -> None:
    report = json.loads(json.dumps(as_dict(_systems())))
    assert report["queries"] == 30 and report["baseline"] == "基线"
    assert report["systems"]["better"]["MRR"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert report["differences"]["better"]["MRR"]["mean"] == 0.5
    assert report["differences"]["better"]["MRR"]["p_value"] < 0.01
    assert report["differences"]["better"]["recall@10"]["p_value"] == 1.0
    text = table(_systems())
    lines = text.splitlines()
    assert lines[0].split() == ["system", "nDCG@10", "MRR", "recall@10", "recall@50", "hit@1"]
    assert "0.500 [0.500, 0.500]" in lines[2] and "*" not in lines[2]
    assert "1.000 [1.000, 1.000]*" in lines[3]
    assert lines[-1].startswith("30 queries")


def test_wrong_reports() -> None:
    one = _systems()[0]
    with pytest.raises(ValueError, match="at least one system"):
        as_dict([])
    with pytest.raises(ValueError, match="same name"):
        as_dict([one, one])
    with pytest.raises(ValueError, match="nothing to report"):
        as_dict([System("x", evaluate({}, {}))])
    assert "paired" not in table([one])
