"""Judged sets through the offline engine: the report, its figures, and odd material."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from backend.matching import evaluation, judging, ranker
from backend.matching.features import Features
from backend.matching.judging import Judged, Material
from backend.matching.ranker import Grade, Weights
from backend.matching.scoring import Scored
from backend.matching.sides import Candidate
from embeddings.evaluation.html import render
from tests.fakes import FakeEncoder
from tests.judged_files import write_lines, write_set

MODEL = Weights(-4.0, dict.fromkeys(ranker.NAMES, 0.0) | {"reverse": 8.0, "lead": 4.0}, 0.8, 0.3)


def offline(queries: Path, corpus: Path, *, limit: int | None = None) -> Material:
    """A judged set ranked with the fake encoder."""
    return judging.offline(queries, corpus, FakeEncoder(), MODEL, limit=limit)


def candidate(doc: str, lexical: float, dense: float, fused: float, probability: float, grade: Grade) -> Scored:
    """A judged candidate with the scores that a test wants."""
    features = Features(**dict.fromkeys(ranker.NAMES, 0.0) | {"dense": dense})
    return Scored(Candidate(doc, fused, dense, lexical), features, probability, 2, grade)


@pytest.fixture
def judged() -> Judged:
    """Three documents that every system orders differently; b is wanted."""
    scored = (
        candidate("a", 0.0, 0.9, 0.02, 0.9, Grade.STRONG),
        candidate("b", 5.0, 0.8, 0.01, 0.4, Grade.POSSIBLE),
        candidate("c", 9.0, 0.0, 0.03, 0.1, Grade.WEAK),
    )
    return Judged("q", "text", "0", {"b": 3, "c": 1}, scored, ("a", "b", "c"))


def test_each_method_ranks_what_it_has_found(judged: Judged) -> None:
    assert evaluation.rankings(judged) == {
        "lexical": ["c", "b"],
        "dense": ["a", "b"],
        "fused": ["c", "a", "b"],
        "ranked": ["a", "b", "c"],
    }
    found = evaluation.means(evaluation.systems([judged], 2))
    assert {name: values["mrr"] for name, values in found.items()} == pytest.approx(
        {"lexical": 0.5, "dense": 0.5, "fused": 1 / 3, "ranked": 0.5}
    )


def test_pairs_are_the_pool_and_what_was_graded(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "POOL", 1)
    assert [(s.candidate.subject_id, useful) for s, useful in judged.pairs(2)] == [("b", 1), ("c", 0)]
    assert [useful for _s, useful in judged.pairs(1)] == [1, 1]


def test_other_weights_reorder_the_same_candidates(judged: Judged) -> None:
    inverse = Weights(0.0, dict.fromkeys(ranker.NAMES, 0.0) | {"dense": -3.0}, 0.45, 0.1)
    again = judged.rescored(inverse)
    assert again.docs == ("c", "b", "a")
    assert [s.grade for s in again.scored] == [Grade.STRONG, Grade.WEAK, Grade.WEAK]
    assert again.rescored(inverse) == again and judged.docs == ("a", "b", "c")


def test_the_report(tmp_path: Path) -> None:
    material = offline(*write_set(tmp_path))
    report = json.loads(json.dumps(evaluation.report(material, MODEL)))
    measures = ["ndcg@10", "mrr", "recall@10", "recall@50", "hit@1"]
    assert list(report["systems"]) == ["lexical", "dense", "fused", "ranked"]
    assert all(list(values) == measures for values in report["systems"].values())
    assert (report["dataset"]["needs"], report["dataset"]["measured"], report["dataset"]["documents"]) == (42, 40, 120)
    assert report["relevant_from"] == 2 and report["weights"] == MODEL.version
    assert list(report["differences"]) == ["lexical", "dense", "fused"]
    for name, values in report["systems"].items():
        of_needs = [q["systems"][name]["mrr"] for q in report["queries"] if q["systems"]]
        assert values["mrr"] == pytest.approx(sum(of_needs) / 40)
        assert report["intervals"][name]["mrr"]["low"] <= values["mrr"] <= report["intervals"][name]["mrr"]["high"]
    for query in report["queries"]:
        assert len(query["ranked"]) <= 10
        for row in query["ranked"]:
            assert row["label"] == {"strong": "强", "possible": "可能", "weak": "弱"}[row["grade"]]
            assert row["title"] and 0 <= row["probability"] <= 1
        ranks = {row["doc"]: row["rank"] for row in query["ranked"]}
        assert all(ranks.get(row["doc"], row["rank"]) == row["rank"] for row in query["wanted"])
    grades = report["calibration"]["grades"]
    assert sum(share["total"] for share in grades.values()) == report["calibration"]["pairs"]
    assert report["abstention"]["without_answer"]["total"] == 2
    assert report["abstention"]["with_answer"]["total"] == 40


def test_only_the_first_needs(tmp_path: Path) -> None:
    material = offline(*write_set(tmp_path), limit=3)
    assert len(material.judged) == 3 and len(material.titles) == 120


def test_a_set_of_grade_one_alone_counts_it_as_relevant(tmp_path: Path) -> None:
    report = evaluation.report(offline(*write_set(tmp_path, grade=1)), MODEL)
    assert report["relevant_from"] == 1 and report["dataset"]["measured"] == 40


def test_calibration_may_be_measured_with_other_weights_than_the_ranking(tmp_path: Path) -> None:
    material = offline(*write_set(tmp_path))
    blank = Weights(0.0, dict.fromkeys(ranker.NAMES, 0.0), 0.8, 0.3)
    report = evaluation.report(material, MODEL, held_out=lambda _judged: blank)
    assert report["calibration"]["held_out"] is True
    assert [(b["predicted"], b["measured"]["total"]) for b in report["calibration"]["bins"]] == [
        (0.5, report["calibration"]["pairs"])
    ]
    assert report["systems"] == evaluation.report(material, MODEL)["systems"]


ODD = '<script>alert("x")</script>'


@pytest.mark.parametrize("name", [ODD, "a\tb\nc", "“引号”", "../../etc", " ", "\u0000"])
def test_odd_names_come_back_as_they_are(name: str, tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c", [{"id": name, "title": ODD, "text": "可弯穿刺针"}])
    queries = write_lines(tmp_path / "q", [{"id": name, "need": "穿刺针不能弯", "rel": {name: 3}}])
    report = evaluation.report(offline(queries, corpus), MODEL)
    assert report["queries"][0]["id"] == name and report["queries"][0]["ranked"][0]["doc"] == name
    assert report["systems"]["ranked"]["hit@1"] == 1.0
    assert ODD not in render(report)


def test_needs_without_words_and_of_ten_pages(tmp_path: Path) -> None:
    corpus = write_lines(
        tmp_path / "c", [{"id": "d", "title": "穿刺针", "text": "可弯"}, {"id": "e", "title": "", "text": ""}]
    )
    rows = [
        {"id": "empty", "need": " \n\u200b", "rel": {"d": 3}},
        {"id": "long", "need": "穿刺针不能弯，容易滑开。" * 1200, "rel": {"d": 3}},
        {"id": "textless", "need": "穿刺", "rel": {"e": 3}},
    ]
    found = {
        q["id"]: q for q in evaluation.report(offline(write_lines(tmp_path / "q", rows), corpus), MODEL)["queries"]
    }
    assert found["empty"]["ranked"] == [] and found["empty"]["grade"] is None and found["empty"]["silent"]
    assert found["empty"]["systems"]["ranked"]["mrr"] == 0.0
    assert found["long"]["systems"]["ranked"]["mrr"] == 1.0
    assert found["textless"]["wanted"][0]["rank"] is None


def test_ten_thousand_equal_documents(tmp_path: Path) -> None:
    rows = [{"id": f"d{n}", "title": "穿刺针", "text": "可弯"} for n in range(10_000)]
    corpus = write_lines(tmp_path / "c", [*rows, {"id": "other", "title": "球囊", "text": "用于扩张"}])
    queries = write_lines(tmp_path / "q", [{"id": "q", "need": "球囊扩张", "rel": {"other": 3}}])
    report = evaluation.report(offline(queries, corpus), MODEL)
    assert report["systems"]["lexical"]["hit@1"] == 1.0 and report["systems"]["ranked"]["hit@1"] == 1.0


def test_nothing_to_measure(tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c", [{"id": "d", "title": "穿刺针", "text": "可弯"}])
    queries = write_lines(tmp_path / "q", [{"id": "q", "need": "食堂", "rel": {}}, {"id": "r", "need": " ", "rel": {}}])
    report = evaluation.report(offline(queries, corpus), MODEL)
    assert report["systems"]["ranked"]["mrr"] is None and report["differences"] == {}
    assert "0 of 2 needs" in evaluation.summary(report)
    assert "没有一条需求有有用的文档" in render(report)


class Outline(HTMLParser):
    """Notes the tags of a page, and checks that what is opened is closed."""

    EMPTY = frozenset({"meta", "br", "rect", "path", "circle", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in {"src", "href", "action", "xlink:href"}]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_whole_and_loads_nothing(language: str, tmp_path: Path) -> None:
    report = json.loads(json.dumps(evaluation.report(offline(*write_set(tmp_path)), MODEL)))
    page = render(report, language)
    outline = Outline()
    outline.feed(page)
    assert outline.open == [] and outline.addresses == [] and "script" not in outline.tags
    assert "url(" not in page and "@import" not in page
    assert outline.tags.count("circle") == len(report["calibration"]["bins"])
    assert ("可靠性图" in page) is (language == "zh") and ("Reliability" in page) is (language == "en")
    for query in report["queries"]:
        assert query["id"] in page
    with pytest.raises(ValueError, match="zh or en"):
        render(report, "fr")
