"""The evidence table of a match as its card shows it."""

import pytest
from jinja2 import Environment

from backend.labels import LABELS
from backend.matching.evidence import EvidenceRow, Segment, Shown, covered, segments, shown_grade, table
from backend.matching.ranker import Grade
from backend.templating import make_environment
from embeddings.evidence import Row
from embeddings.evidence import Shown as Found
from tests.web.pages import Page, read

ROWS = table(
    [
        Row("弯度可调", "弯度可以在体内调节。", 0.9, Found.COVERED, ((0, 2), (7, 9))),
        Row("外径≤8F", "外径<10F>", 0.5, Found.PARTLY),
        Row("一次性使用", "可重复使用。", 0.5, Found.NOT_SHOWN, contrary=True),
        Row("有英文手册", None, 0.0, Found.NOT_SHOWN),
        Row("第五点", "第五句", 0.9, Found.COVERED),
    ]
)


@pytest.fixture(scope="module")
def environment() -> Environment:
    """The templates of the application."""
    return make_environment(LABELS)


def shown(environment: Environment, rows: tuple[EvidenceRow, ...]) -> Page:
    """The table of some rows, parsed."""
    source = '{% from "components/evidence_table.html" import evidence_table %}{{ evidence_table(rows) }}'
    return read(environment.from_string(source).render(rows=rows))


def test_rows_are_plain_data() -> None:
    assert {grade.value for grade in Shown} == {grade.value for grade in Found}
    assert ROWS[0].sentence == segments("弯度可以在体内调节。", [(0, 2), (7, 9)])
    assert ROWS[0].sentence[0] == Segment("弯度", True)
    assert ROWS[3] == EvidenceRow("有英文手册", (), Shown.NOT_SHOWN)
    assert covered(ROWS) == 2


def test_every_point_stands_beside_its_sentence_and_a_grade_in_words(environment: Environment) -> None:
    page = shown(environment, ROWS)
    assert "要点 2/5 已覆盖" in page.text
    heads = [head.text for head in page.all("th") if head.attributes.get("scope") == "row"]
    assert heads == [row.requirement for row in ROWS]
    badges = [badge.text.strip() for badge in page.all("span", "shown")]
    assert badges == ["已覆盖", "部分", "未见说明", "未见说明", "已覆盖"]
    assert [mark.text for mark in page.all("mark")] == ["弯度", "调节"]
    assert "外径<10F>" in page.text
    assert all(t.attributes["role"] == "table" for t in page.all("table"))
    assert all(h.attributes["role"] == "columnheader" for h in page.all("th") if h.attributes.get("scope") == "col")


def test_a_sentence_that_seems_contrary_says_so(environment: Environment) -> None:
    page = shown(environment, ROWS)
    (contrary,) = page.all("span", "evidence-contrary")
    assert contrary.text == "原文似与要点相反，请核实："
    assert contrary.parent and "可重复使用" in contrary.parent.text


def test_more_than_four_rows_are_folded(environment: Environment) -> None:
    page = shown(environment, ROWS)
    (folded,) = page.all("details")
    assert "其余 1 条要点" in folded.text and "第五点" in folded.text and "有英文手册" not in folded.text
    assert shown(environment, ROWS[:4]).all("details") == []


def test_without_a_table_nothing_is_shown(environment: Environment) -> None:
    assert shown(environment, ()).text.strip() == ""


def test_what_seems_contrary_is_no_strong_match() -> None:
    plain, contrary = (EvidenceRow("可调弯", (), Shown.NOT_SHOWN, said) for said in (False, True))
    assert shown_grade(Grade.STRONG, [plain]) is Grade.STRONG
    assert shown_grade(Grade.STRONG, [plain, contrary]) is Grade.POSSIBLE
    assert shown_grade(Grade.WEAK, [contrary]) is Grade.WEAK
