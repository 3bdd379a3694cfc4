"""The check-up of a need before others see it: what is missing, vague, or should not be there.

The rules are data. Each looks at the form as it stands; whoever writes the need decides. What is found is shown and
forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from backend.i18n import gettext as _
from backend.rehearsal.finders import (
    EVERYWHERE,
    PERSON,
    RECORD,
    SCENE,
    Draft,
    Found,
    aim_vague,
    brief_in_teaser,
    first,
    frequency_vague,
    identity,
    missing,
    no_number,
    only_a_name,
    organisation_named,
    phone,
    problem_short,
)


class Weight(StrEnum):
    """How much a finding matters: `warning` should not be sent, `advice` makes the match better."""

    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True)
class Finding:
    """A line of the check-up: the field that it leads to, what was found, and what to write."""

    code: str
    weight: Weight
    field: str
    message: str
    advice: str
    words: str = ""


@dataclass(frozen=True)
class Rule:
    """One thing that is looked for. It counts for needs of all kinds, or of some."""

    code: str
    weight: Weight
    message: str
    advice: str
    find: Callable[[Draft], Found | None]
    kinds: frozenset[str] = field(default=frozenset())


CLINICAL = frozenset({"clinical"})

RULES: tuple[Rule, ...] = (
    Rule(
        "identity-number",
        Weight.WARNING,
        _("有疑似身份证号的数字"),
        _("请删去。患者个人信息不得写入需求，附件中也要先去掉。"),
        identity,
    ),
    Rule(
        "record-number",
        Weight.WARNING,
        _("有疑似住院号、病历号的内容"),
        _("请删去，只写病种、年龄段和例数。"),
        first(RECORD, (*EVERYWHERE, "contact")),
    ),
    Rule(
        "person",
        Weight.WARNING,
        _("有疑似患者姓名的内容"),
        _("请改为“1 例 60 多岁患者”一类的写法。"),
        first(PERSON, EVERYWHERE),
    ),
    Rule(
        "phone",
        Weight.WARNING,
        _("正文中有手机号码"),
        _("患者电话请删去；本科室的联系电话写在“联系方式”一栏。"),
        phone,
    ),
    Rule(
        "organisation-named",
        Weight.WARNING,
        _("选择了匿名发布，但摘要中有单位名称"),
        _("请删去单位名称，或改写为“某三级医院”。"),
        organisation_named,
    ),
    Rule(
        "brief-in-teaser",
        Weight.WARNING,
        _("摘要中照抄了详情里的内部情况"),
        _("摘要会先被其他单位看到。数量、现行做法和条件请只写在详情中。"),
        brief_in_teaser,
    ),
    Rule(
        "only-a-name",
        Weight.ADVICE,
        _("只写了产品名称"),
        _("写明用在哪里、现在哪里不行、希望达到什么，能解决的不一定是同名产品。"),
        only_a_name,
    ),
    Rule(
        "no-problem",
        Weight.ADVICE,
        _("还没有写遇到的问题"),
        _("写明什么情况下发生、有什么表现和后果。"),
        missing("problem"),
    ),
    Rule(
        "problem-short",
        Weight.ADVICE,
        _("遇到的问题写得较短"),
        _("补充发生在哪一步、原因可能是什么、造成什么后果。"),
        problem_short,
    ),
    Rule(
        "no-scene",
        Weight.ADVICE,
        _("没有写术式或场景"),
        _("写明在哪种手术、检查或护理环节中遇到。"),
        missing("procedure", unless=SCENE, within=("title", "summary", "problem", "current_practice")),
        CLINICAL,
    ),
    Rule(
        "no-practice",
        Weight.ADVICE,
        _("没有写目前的做法"),
        _("写明现在用什么器械或办法，差在哪里，避免对方推荐已经用过的。"),
        missing("current_practice"),
        CLINICAL,
    ),
    Rule(
        "no-number",
        Weight.ADVICE,
        _("没有数量或频度"),
        _("写一个大致的数，例如每年多少台、其中几成出现。"),
        no_number,
    ),
    Rule(
        "frequency-vague",
        Weight.ADVICE,
        _("发生频度没有数字"),
        _("“经常”各人理解不同，写大致数量即可，例如每 10 台约 3 台。"),
        frequency_vague,
    ),
    Rule(
        "no-aim",
        Weight.ADVICE,
        _("没有写怎样算解决"),
        _("写一两条可以检验的结果，对方据此判断能否做到。"),
        missing("acceptance_criteria"),
    ),
    Rule(
        "aim-vague",
        Weight.ADVICE,
        _("“怎样算解决”还不能检验"),
        _("把“更好”“更方便”换成看得见的结果，例如“一次到位，不需要退出重来”“10 分钟以内”。"),
        aim_vague,
    ),
    Rule(
        "no-summary",
        Weight.ADVICE,
        _("没有写摘要"),
        _("其他单位先看到的是摘要，用两三句写明问题和期望。"),
        missing("summary"),
    ),
)


def check(draft: Draft) -> list[Finding]:
    """What there is to say about a need, warnings first; nothing about an empty form."""
    if draft.is_empty:
        return []
    findings = []
    for rule in RULES:
        if rule.kinds and draft.kind not in rule.kinds:
            continue
        found = rule.find(draft)
        if found is not None:
            findings.append(Finding(rule.code, rule.weight, found.field, rule.message, rule.advice, found.words))
    return sorted(findings, key=lambda f: f.weight is not Weight.WARNING)
