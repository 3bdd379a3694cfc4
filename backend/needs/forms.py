"""The form of a need, and the wording of its lists."""

from collections.abc import Sequence
from typing import Any

from wtforms import HiddenField, SelectMultipleField
from wtforms.validators import ValidationError

from backend.disclosure.forms import SubjectForm
from backend.disclosure.models import TEXT_LENGTH, Tier
from backend.forms import Choice, strip_numbering, text_area
from backend.i18n import gettext as _
from backend.needs.models import REQUIREMENT_LENGTH, REQUIREMENTS_MAX, NeedKind, Offer
from backend.needs.requirements import Point, digest, of_tier
from backend.needs.states import NeedAction, NeedStatus

KINDS = {
    NeedKind.CLINICAL: _("临床需求"),
    NeedKind.TECHNICAL: _("技术攻关"),
    NeedKind.SUPPLY: _("供应链配套"),
    NeedKind.VALIDATION: _("临床验证"),
    NeedKind.SERVICE: _("技术服务"),
    NeedKind.SPACE: _("载体空间"),
    NeedKind.CAPITAL: _("资金"),
    NeedKind.SCENARIO: _("应用场景"),
}
STATUSES = {
    NeedStatus.DRAFT: _("草稿"),
    NeedStatus.SUBMITTED: _("待审核"),
    NeedStatus.RETURNED: _("待补充"),
    NeedStatus.PUBLISHED: _("已发布"),
    NeedStatus.MATCHED: _("对接中"),
    NeedStatus.FULFILLED: _("已解决"),
    NeedStatus.WITHDRAWN: _("已撤回"),
    NeedStatus.EXPIRED: _("已到期"),
    NeedStatus.CLOSED: _("已关闭"),
    NeedStatus.DISCARDED: _("已删除"),
}
ACTIONS = {
    NeedAction.SUBMIT: _("提交审核"),
    NeedAction.TAKE_BACK: _("取回修改"),
    NeedAction.PUBLISH: _("通过并发布"),
    NeedAction.RETURN: _("退回补充"),
    NeedAction.REJECT: _("不予发布"),
    NeedAction.EXTEND: _("延长有效期"),
    NeedAction.EXPIRE: _("到期"),
    NeedAction.MATCH: _("标记为对接中"),
    NeedAction.FULFIL: _("标记为已解决"),
    NeedAction.CLOSE: _("关闭"),
    NeedAction.REOPEN: _("重新开放"),
    NeedAction.WITHDRAW: _("撤回"),
    NeedAction.DISCARD: _("删除"),
    NeedAction.RESTORE: _("恢复为草稿"),
}
OFFERS = {
    Offer.OBSERVATION: _("临床观摩"),
    Offer.ANIMAL_STUDY: _("动物实验设计"),
    Offer.EVALUATION: _("上市前评价"),
    Offer.DATA: _("数据支持"),
}

POINT_FIELDS = frozenset({"requirements", "teaser_requirements", "requirements_seen"})
"""Fields that are no columns of a need."""

_LINES = REQUIREMENTS_MAX * (REQUIREMENT_LENGTH + 1)


class NeedForm(SubjectForm):
    """Teaser, brief and annex of a need; publishing asks for more than saving a draft."""

    kind = Choice(_("需求类型"), [(k.value, v) for k, v in KINDS.items()], default=NeedKind.CLINICAL.value)
    department_id = Choice(_("科室"), [], empty=_("不指定科室"))

    procedure = text_area(_("术式与场景"), TEXT_LENGTH)
    current_practice = text_area(_("目前的做法"), TEXT_LENGTH)
    problem = text_area(_("遇到的问题与后果"), TEXT_LENGTH, rows=5)
    frequency = text_area(_("发生频度"), TEXT_LENGTH, rows=2)
    acceptance_criteria = text_area(_("怎样算解决"), TEXT_LENGTH)
    constraints = text_area(_("限制条件"), TEXT_LENGTH, rows=3)
    offers = SelectMultipleField(
        _("可以提供的支持"), choices={k.value: v for k, v in OFFERS.items()}, validate_choice=False
    )
    offers_note = text_area(_("支持说明"), TEXT_LENGTH, rows=2)
    teaser_requirements = text_area(_("需求要点（摘要）"), _LINES, rows=3)
    requirements = text_area(_("需求要点（详情）"), _LINES, rows=5)
    requirements_seen = HiddenField()

    def set_departments(self, departments: Sequence[tuple[str, str]]) -> None:
        """Offer the departments of the author's organisation."""
        self.department_id.choices = [("", _("不指定科室")), *departments]

    def requirement_lines(self) -> list[str]:
        """The requirements of the brief, one per line, without the numbering that comes along from Word."""
        return _lines(self.requirements.data)

    def teaser_requirement_lines(self) -> list[str]:
        """The requirements of the teaser."""
        return _lines(self.teaser_requirements.data)

    def requirements_untouched(self) -> bool:
        """Whether they are the proposals that the form was opened with."""
        points: tuple[Point, ...] = of_tier(self.teaser_requirement_lines(), Tier.TEASER)
        points += of_tier(self.requirement_lines(), Tier.BRIEF)
        return bool(points) and digest(points) == self.requirements_seen.data

    def validate_problem(self, field: Any) -> None:
        """A published need says what goes wrong."""
        if self.publishing and not field.data:
            raise ValidationError(_("发布前请写明遇到的问题与后果。"))

    def validate_offers(self, field: Any) -> None:
        """Only what the list holds; the library's own message is not in its Chinese catalogue."""
        if not set(field.data or ()) <= set(OFFERS):
            raise ValidationError(_("请从列表中选择。"))

    def validate_teaser_requirements(self, field: Any) -> None:
        """Few and short enough to be checked one by one."""
        _check_lines(self.teaser_requirement_lines())
        if not self.requirement_lines():
            _check_number(self.teaser_requirement_lines())

    def validate_requirements(self, field: Any) -> None:
        """As above; the number is that of both tiers, and is complained of where there is something to delete."""
        _check_lines(self.requirement_lines())
        if self.requirement_lines():
            _check_number(self.teaser_requirement_lines() + self.requirement_lines())


def _lines(text: str | None) -> list[str]:
    return [line for line in (strip_numbering(part) for part in (text or "").split("\n")) if line]


def _check_lines(lines: Sequence[str]) -> None:
    for number, line in enumerate(lines, 1):
        if len(line) > REQUIREMENT_LENGTH:
            raise ValidationError(_("第 %(number)s 条超过 200 字，请拆分或删减。") % {"number": number})


def _check_number(lines: Sequence[str]) -> None:
    if len(lines) > REQUIREMENTS_MAX:
        raise ValidationError(_("需求要点最多 12 条，请合并或删减。"))
