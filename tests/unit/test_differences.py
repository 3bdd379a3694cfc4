"""Differences between two versions: what is taken out and put in, and nothing lost or invented on the way."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.capabilities import service as capabilities
from backend.capabilities.forms import CapabilityForm
from backend.disclosure.differences import AROUND, Piece, Sort, compare, pieces, shortened
from backend.disclosure.forms import SubjectForm
from backend.disclosure.models import Tier
from backend.disclosure.service import SubjectType
from backend.disclosure.versions import cut
from backend.needs import service as needs
from backend.needs.forms import NeedForm

SAME, OUT, IN, GAP = Sort.SAME, Sort.OUT, Sort.IN, Sort.GAP
texts = st.text(alphabet="针尖上滑，穿刺点移位。20台%\n a1", max_size=60)


@given(texts, texts)
def test_the_pieces_make_up_both_texts(before: str, after: str) -> None:
    found = pieces(before, after)
    assert "".join(p.text for p in found if p.sort is not IN) == before
    assert "".join(p.text for p in found if p.sort is not OUT) == after
    assert all(p.text for p in found)
    if before == after:
        assert {p.sort for p in found} <= {SAME}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("", "", []),
        ("", "新的一句。", [Piece(IN, "新的一句。")]),
        ("针尖上滑。", "针尖下滑。", [Piece(SAME, "针尖"), Piece(OUT, "上"), Piece(IN, "下"), Piece(SAME, "滑。")]),
        ("外径8.5F", "外径10F", [Piece(SAME, "外径"), Piece(OUT, "8.5F"), Piece(IN, "10F")]),
        ("甲。乙。", "乙。", [Piece(OUT, "甲。"), Piece(SAME, "乙。")]),
    ],
)
def test_chinese_by_characters_and_figures_as_a_whole(before: str, after: str, found: list[Piece]) -> None:
    assert pieces(before, after) == found


def test_long_unchanged_text_is_left_out_between_changes() -> None:
    long = "没有改动的一长段文字" * 20
    assert list(shortened([Piece(SAME, long)])) == [Piece(GAP, "……")]
    found = list(shortened([Piece(OUT, "甲"), Piece(SAME, long), Piece(IN, "乙")]))
    assert [p.sort for p in found] == [OUT, SAME, GAP, SAME, IN]
    assert (found[1].text, found[3].text) == (long[:AROUND], long[-AROUND:])


def test_two_texts_of_full_length_are_compared_soon() -> None:
    """Nobody waits for a page because all of a text was rewritten."""
    before, after = "穿刺针的弯度可以调节，" * 360, "调节弯度的穿刺针可以，" * 360
    start = time.perf_counter()
    found = pieces(before, after)
    assert time.perf_counter() - start < 5
    assert "".join(p.text for p in found if p.sort is not OUT) == after


def test_values_are_worded_as_the_form_words_them() -> None:
    before = {"kind": "clinical", "anonymous": False, "offers": [], "summary": "", "contact": "甲", "unknown": 1}
    after = {"kind": "technical", "anonymous": True, "offers": ["data"], "summary": None, "contact": "甲", "unknown": 2}
    changes = {change.label: "|".join(p.text for p in change.pieces) for change in compare(NeedForm(), before, after)}
    assert changes["匿名发布：对外不显示单位和科室名称"] == "否|是"
    assert changes["可以提供的支持"] == "数据支持"
    assert "临床" in changes["需求类型"] and "技术" in changes["需求类型"]
    assert set(changes) == {"匿名发布：对外不显示单位和科室名称", "可以提供的支持", "需求类型"}


@pytest.mark.parametrize(("form", "of"), [(NeedForm, needs.TYPE), (CapabilityForm, capabilities.TYPE)])
def test_every_field_of_a_form_has_its_tier_in_the_versions(form: type[SubjectForm], of: SubjectType) -> None:
    """A new field of a form belongs to a tier, or its changes would be kept from everybody."""
    names = {field.name for field in form()} - {
        "subject_id",
        "version",
        "editing",
        "organisation_id",
        "requirements_seen",
    }
    assert names == set(of.tiers)


def test_what_identifies_the_author_is_shown_to_no_outsider() -> None:
    fields = {"title": "标题", "anonymous": True, "audience": "public", "department_id": "0" * 16, "contact": "甲"}
    assert cut(fields, needs.TYPE.tiers, set(Tier), own_only=False) == {"title": "标题", "contact": "甲"}
    assert cut(fields, needs.TYPE.tiers, {Tier.TEASER}, own_only=False) == {"title": "标题"}
    assert set(cut(fields, needs.TYPE.tiers, set(Tier), own_only=True)) == set(fields)
