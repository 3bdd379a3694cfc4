"""How the hard filters and their questions read on a match card."""

from backend.labels import LABELS
from backend.matching.filters import CapabilityFacts, Filter, FilterName, NeedFacts, check, questions
from backend.templating import make_environment
from tests.unit.test_match_filters import KNOWN, UNKNOWN


def rendered(need: NeedFacts, capability: CapabilityFacts, not_shown: tuple[str, ...] = ()) -> str:
    template = make_environment(LABELS).get_template("components/match_filters.html")
    lines = check(need, capability, KNOWN)
    return " ".join(str(template.module.match_filters(lines, questions(lines, not_shown))).split())  # type: ignore[attr-defined]


def test_the_card_says_every_state_in_words() -> None:
    need = NeedFacts("space", "310107", ("净高不低于8米，不少于300平方米，十万级，位于<普陀>区",))
    html = rendered(need, CapabilityFacts("space", "310107", ("层高5米，出租200至600平方米",)), ("能办环评。",))
    for words in ("不符", "待确认", "通过", "需求要求：净高不低于8米", "现有信息：层高5米", "对方尚未说明", "洁净级别"):
        assert words in html
    assert "能否做到“能办环评”？" in html
    assert "贵方洁净区是什么级别" in html
    assert "<普陀>" not in html


def test_every_filter_and_question_has_words() -> None:
    template = make_environment(LABELS).get_template("components/match_filters.html")
    for name in FilterName:
        for of_need in (False, True):
            for found in ("", "层高5米"):
                one = (
                    Filter(name, UNKNOWN, "要求", found, code="310107" if name == "region" else None, of_need=of_need),
                )
                html = str(template.module.match_filters(one, questions(one)))  # type: ignore[attr-defined]
                assert "</strong>" in html and "<strong></strong>" not in html
                if name is not FilterName.KIND:
                    assert "？" in html, name
    assert str(template.module.match_filters(())).strip() == ""  # type: ignore[attr-defined]


def test_a_stage_is_shown_by_its_label() -> None:
    need = NeedFacts("clinical", "310107", ("须已取得注册证",))
    html = rendered(need, CapabilityFacts("product", "310107", stage="type_test"))
    assert "现有信息：型式检验" in html
