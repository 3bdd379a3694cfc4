"""The check-up of a need: each rule on texts as departments write them."""

import pytest

from backend.rehearsal.checks import RULES, Weight, check
from backend.rehearsal.finders import Draft

WHOLE = {
    "title": "能在心脏内调节弯度、不上滑的房间隔穿刺针",
    "summary": "经典穿刺针不能弯曲，抵住房间隔后容易上滑，可能误入主动脉。希望有在心脏内可以调弯的针。",
    "procedure": "房颤消融、左心耳封堵等需要穿过房间隔的介入手术。",
    "current_practice": "退针后重新塑弯再送入，反复两三次。",
    "problem": "针尖抵在房间隔上时向上滑动，穿刺点偏离原先选定的位置，肥厚的间隔更难控制。",
    "frequency": "每年约 200 台，其中约三成需要重新定位。",
    "acceptance_criteria": "弯度可在心脏内调节；调好后停在选定位置不移位。",
}


def codes(**changes: str) -> set[str]:
    """What the check-up says of the whole need with some of its fields changed."""
    return {f.code for f in check(Draft({**WHOLE, **changes}))}


def test_a_whole_need_and_an_empty_form_are_left_in_peace() -> None:
    assert check(Draft(WHOLE)) == []
    assert check(Draft(dict.fromkeys(WHOLE, " "))) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"problem": ""}, "no-problem"),
        ({"problem": "导丝不好用。"}, "problem-short"),
        ({"frequency": "经常遇到"}, "frequency-vague"),
        ({"acceptance_criteria": ""}, "no-aim"),
        ({"acceptance_criteria": "希望更加先进、好用。"}, "aim-vague"),
        ({"current_practice": ""}, "no-practice"),
        ({"summary": ""}, "no-summary"),
    ],
)
def test_what_is_missing_or_vague(changes: dict[str, str], code: str) -> None:
    assert codes(**changes) == {code}


def test_a_number_anywhere_in_the_situation_will_do() -> None:
    def without_frequency(problem: str) -> set[str]:
        return codes(frequency="", current_practice="退针后重新塑弯再送入。", problem=problem)

    assert without_frequency(WHOLE["problem"]) == {"no-number"}
    assert without_frequency(f"{WHOLE['problem']}去年有 6 例出现心包积液。") == set()
    assert without_frequency(f"{WHOLE['problem']}约三成需要重来。") == set()


def test_a_scene_may_stand_in_the_problem() -> None:
    def without_procedure(problem: str) -> set[str]:
        practice = "退回来重新掰弯两三次。"
        return codes(procedure="", title="针会上滑", summary="希望改进。", current_practice=practice, problem=problem)

    assert "no-scene" in without_procedure("顶住以后总是往上跑，位置就丢了，只好再来一次，很费事。")
    assert "no-scene" not in without_procedure("房间隔穿刺时顶住以后总是往上跑，位置就丢了，只好再来一次。")


@pytest.mark.parametrize("name", ["一次性输液器", "3.0T磁共振", "可视喉镜"])
def test_a_product_alone_is_no_need(name: str) -> None:
    found = check(Draft({"title": name}))
    assert found[0].code == "only-a-name" and found[0].field == "title"
    assert "only-a-name" not in {f.code for f in check(Draft({"title": f"{name}容易起雾，希望改进"}))}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("患者身份证 11010519491231002X，术后第三天出现漏。", "identity-number"),
        ("该病人住院号：0023451，二次手术。", "record-number"),
        ("病历号 A1029384，见附图。", "record-number"),
        ("患者王小梅，女，63岁，针尖滑脱。", "person"),
        ("患者姓名：李建国，术中出血。", "person"),
        ("家属电话13812345678，可以回访。", "phone"),
    ],
)
@pytest.mark.parametrize("field", ["problem", "summary", "frequency"])
def test_personal_data_is_a_warning_and_comes_first(text: str, code: str, field: str) -> None:
    found = check(Draft({**WHOLE, field: f"{WHOLE[field]}{text}", "acceptance_criteria": ""}))
    assert (found[0].code, found[0].weight, found[0].field) == (code, Weight.WARNING, field)


@pytest.mark.parametrize(
    "text",
    [
        "患者高热不退时用冰毯降温，护士每半小时看一次体温。",
        "老年患者常合并房颤，患者易感染。",
        "患者张某，男，63 岁，为说明情况的化名。",
        "编号 110105194912310021 是设备的序列号。",
        "批号 13012345678901，灭菌后两年内有效。",
        "住院号由系统自动生成，无需手填。",
        "病人包某类敷料后不再渗液。",
    ],
)
def test_what_only_looks_like_personal_data(text: str) -> None:
    assert not codes(problem=WHOLE["problem"] + text) & {"identity-number", "record-number", "person", "phone"}


def test_the_departments_own_telephone_belongs_into_its_field() -> None:
    assert codes(contact="心内科办公室，13812345678") == set()


def test_numbers_are_shown_only_as_far_as_they_can_be_found_again() -> None:
    found = check(Draft({**WHOLE, "problem": f"{WHOLE['problem']}11010519491231002X"}))
    assert "11010519491231002X" not in found[0].words


@pytest.mark.parametrize(
    ("summary", "named"),
    [
        ("示例区中心医院心内科每年做两百台，针会上滑。", True),
        ("江城大学附属第一医院的针会上滑。", True),
        ("我院的针会上滑，希望改进。", False),
        ("多家医院都反映针会上滑，希望改进。", False),
        ("基层医院没有这种针，希望有便宜的。", False),
    ],
)
def test_an_anonymous_need_names_nobody(summary: str, named: bool) -> None:
    found = check(Draft({**WHOLE, "summary": summary}, anonymous=True, own_names=("示例区中心医院",)))
    assert ("organisation-named" in {f.code for f in found}) is named
    assert "organisation-named" not in codes(summary=summary)


def test_inner_figures_in_the_summary_are_pointed_out() -> None:
    assert "brief-in-teaser" in codes(summary=f"针会上滑。{WHOLE['frequency']}希望改进。")
    assert "brief-in-teaser" not in codes(summary=WHOLE["problem"])


def test_other_kinds_are_not_asked_for_an_operation() -> None:
    assert check(Draft({**WHOLE, "procedure": "", "current_practice": ""}, kind="capital")) == []
    assert codes(procedure="", current_practice="", title="针会上滑", summary="希望改进。") >= {"no-practice"}


def test_every_rule_has_words_of_its_own() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.message and rule.advice for rule in RULES)
