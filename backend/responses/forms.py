"""Forms and wordings of calls, responses, reviews and the decision."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from wtforms import BooleanField, HiddenField
from wtforms.validators import ValidationError

from backend.capabilities.forms import STAGES
from backend.forms import BaseForm, Choice, number_field, text_area, text_field
from backend.i18n import gettext as _
from backend.introductions.models import CONTACT_LENGTH, MESSAGE_LENGTH, NAME_LENGTH
from backend.introductions.states import DeclineReason
from backend.responses.calling import Weighted
from backend.responses.models import (
    CRITERIA_MAX,
    CRITERION_LENGTH,
    LINE_LENGTH,
    NOTE_LENGTH,
    POINTS,
    TEXT_LENGTH,
    CallResponse,
    Criterion,
    Score,
)
from backend.responses.reviewing import Given
from backend.responses.states import RefusalReason
from backend.responses.wordings import PASS_REASONS, POINT_WORDS, REFUSALS
from backend.typed_days import read_day

DEFAULT_CRITERIA = (
    Weighted(_("技术可行性"), 30),
    Weighted(_("成熟度"), 20),
    Weighted(_("团队与证据"), 20),
    Weighted(_("时间与费用"), 15),
    Weighted(_("合作条件"), 15),
)
NO_CAPABILITY = _("不关联")
NOT_CHOSEN = _("请选择")
ROWS = range(CRITERIA_MAX)


def _date_of(text: str | None) -> date | None:
    try:
        return read_day(text)
    except ValueError:
        return None


class DateForm(BaseForm):
    """Another date for a call, and why."""

    until = text_field(_("新的截止日期"), 20, required=_("请选择日期。"))
    note = text_area(_("更改原因"), NOTE_LENGTH, rows=2, required=_("请写明原因，应征单位会看到。"))

    def validate_until(self, field: Any) -> None:
        """A day that exists."""
        if _date_of(field.data) is None:
            raise ValidationError(_("请按“年-月-日”填写日期，例如 2026-12-31。"))

    @property
    def day(self) -> date:
        """The date, after validation."""
        found = _date_of(self.until.data)
        assert found is not None
        return found


class _Terms(BaseForm):
    until = text_field(_("截止日期"), 20, required=_("请选择日期。"))
    terms = text_area(_("征集说明"), TEXT_LENGTH, rows=4)
    note = text_area(_("给发布单位的话"), NOTE_LENGTH, rows=2)

    validate_until = DateForm.validate_until
    day = DateForm.day

    @property
    def rows(self) -> list[tuple[Any, Any]]:
        """The fields of each criterion: name and weight."""
        return [(self[f"name_{i}"], self[f"weight_{i}"]) for i in ROWS]

    @property
    def criteria(self) -> list[Weighted]:
        """The criteria, after validation; rows without a name are left out."""
        return [Weighted(str(name.data), int(str(weight.data))) for name, weight in self.rows if name.data]

    def validate(self, extra_validators: Any = None) -> bool:
        """Criteria have a whole weight from 1 to 100, and no name twice; one at least."""
        super().validate(extra_validators)
        seen: set[str] = set()
        for name, weight in self.rows:
            if not name.data:
                continue
            if name.data in seen:
                name.errors = [_("这项标准已经写过。")]
            seen.add(name.data)
            if not re.fullmatch(r"[1-9][0-9]?|100", weight.data or ""):
                weight.errors = [_("权重请填 1 到 100 的整数。")]
        if not seen:
            self["name_0"].errors = [_("请至少填写一项评审标准。")]
        return not self.problems


CallForm: type[Any] = type(
    "CallForm",
    (_Terms,),
    {
        **{f"name_{i}": text_field(_("标准 %(number)s") % {"number": i + 1}, CRITERION_LENGTH) for i in ROWS},
        **{f"weight_{i}": number_field(_("权重 %(number)s") % {"number": i + 1}, 3) for i in ROWS},
    },
)
"""Date, terms and criteria of a call."""


def call_data(criteria: Sequence[Weighted | Criterion]) -> dict[str, str]:
    """Criteria as data for the form."""
    names = {f"name_{i}": c.name for i, c in enumerate(criteria)}
    return names | {f"weight_{i}": str(c.weight) for i, c in enumerate(criteria)}


class ResponseForm(BaseForm):
    """What an organisation answers; handing in asks for more than saving a draft."""

    submitting = False

    organisation_id = HiddenField()
    version = HiddenField(default="0")
    solution = text_area(_("解决方案"), TEXT_LENGTH, rows=6)
    stage = Choice(_("所处阶段"), [(k.value, v) for k, v in STAGES.items()], empty=_("请选择"))
    evidence = text_area(_("依据"), TEXT_LENGTH)
    team = text_area(_("团队"), TEXT_LENGTH, rows=3)
    schedule = text_area(_("时间安排"), TEXT_LENGTH, rows=3)
    price = text_field(_("费用范围"), LINE_LENGTH)
    asks = text_area(_("希望医院提供的条件"), TEXT_LENGTH, rows=3)
    capability_id = Choice(_("对应的能力"), [], empty=NO_CAPABILITY)

    def validate(self, extra_validators: Any = None) -> bool:
        """What is handed in says all that reviewers score."""
        super().validate(extra_validators)
        if self.submitting:
            for name, message in REQUIRED.items():
                if not self[name].data and not self[name].errors:
                    self[name].errors = [message]
        return not self.problems

    @property
    def known_version(self) -> int:
        """The version that the form was opened with."""
        text = self.version.data or "0"
        return int(text) if re.fullmatch(r"[0-9]{1,8}", text) else 0


REQUIRED = {
    "solution": _("请写明用什么方法解决。"),
    "stage": _("请选择目前所处的阶段。"),
    "evidence": _("请写明已有的依据，没有时写“暂无”。"),
    "team": _("请写明由谁来做。"),
    "schedule": _("请写明各阶段需要的时间。"),
    "price": _("请写明费用范围，暂不能确定的写“待商议”。"),
}


def response_data(row: CallResponse) -> dict[str, Any]:
    """A response as data for its form."""
    data = row.model_dump(include={"solution", "evidence", "team", "schedule", "price", "asks"})
    return data | {
        "stage": row.stage.value if row.stage else "",
        "capability_id": row.capability_id or "",
        "organisation_id": row.organisation_id,
        "version": str(row.version),
    }


class InviteForm(BaseForm):
    """Whom to ask: a colleague from the list, or anybody by the address of their account."""

    user_id = Choice(_("本单位成员"), [], empty=NOT_CHOSEN)
    email = text_field(_("或者填写其他专家的账号邮箱"), 254)

    def validate(self, extra_validators: Any = None) -> bool:
        """One of the two."""
        super().validate(extra_validators)
        if not self.problems and bool(self.user_id.data) == bool(self.email.data):
            self.email.errors = [_("请从列表中选择一位成员，或者填写一个邮箱，只用其中一种。")]
        return not self.problems


class AcceptForm(BaseForm):
    """A reviewer's word before anything is shown."""

    agree = BooleanField(_("本人与应征单位没有利益冲突，对评审中看到的内容保密，不作其他用途。"))

    def validate_agree(self, field: Any) -> None:
        """Without it nothing is shown."""
        if not field.data:
            raise ValidationError(_("请先确认没有利益冲突并承诺保密。"))


class RefuseForm(BaseForm):
    """Why a review is refused."""

    reason = Choice(_("谢绝原因"), [(k.value, v) for k, v in REFUSALS.items()], empty=_("请选择"))
    note = text_area(_("说明"), NOTE_LENGTH, rows=2)

    def validate(self, extra_validators: Any = None) -> bool:
        """Another reason needs words."""
        super().validate(extra_validators)
        if not self.reason.data:
            self.reason.errors = [_("请选择谢绝原因。")]
        elif self.reason.data == RefusalReason.OTHER and not self.note.data:
            self.note.errors = [_("请写明原因。")]
        return not self.problems


def score_form(criteria: Sequence[Criterion]) -> type[Any]:
    """The form of a reviewer for one response: points and a remark by each criterion, which may wait."""
    points = [(str(n), POINT_WORDS[n]) for n in reversed(POINTS)]
    fields: dict[str, Any] = {}
    for criterion in criteria:
        fields[f"points_{criterion.id}"] = Choice(criterion.name, points, empty=_("未评"))
        fields[f"remark_{criterion.id}"] = text_area(
            _("%(name)s的评语") % {"name": criterion.name}, NOTE_LENGTH, rows=2
        )
    return type("ScoreForm", (BaseForm,), fields)


def score_data(scores: Sequence[Score], response_id: str) -> dict[str, str]:
    """What a reviewer has given a response, as data for the form."""
    mine = [s for s in scores if s.response_id == response_id]
    data = {f"points_{s.criterion_id}": str(s.points) for s in mine}
    return data | {f"remark_{s.criterion_id}": s.remark for s in mine}


def given(form: Any, criteria: Sequence[Criterion]) -> dict[str, Given]:
    """What the form gives, after validation; a remark without points beside it is an error of the form."""
    return {
        c.id: Given(int(form[f"points_{c.id}"].data), str(form[f"remark_{c.id}"].data or ""))
        for c in criteria
        if form[f"points_{c.id}"].data
    }


def decision_form(responses: Sequence[CallResponse]) -> type[Any]:
    """The form of the decision: a verdict for each response, words for all, and the consent to the introductions."""
    reasons = [(k.value, v) for k, v in PASS_REASONS.items()]
    fields: dict[str, Any] = {
        "summary": text_area(
            _("结果说明"), NOTE_LENGTH, rows=3, required=_("请写明选定与否的理由，所有应征单位都会看到。")
        ),
        "digest": HiddenField(),
        "agree": BooleanField(_("已阅读并代表本单位接受保密承诺")),
        "signed_name": text_field(_("承诺人姓名"), NAME_LENGTH),
        "contact": text_field(_("联系方式"), CONTACT_LENGTH),
        "message": text_area(_("给对方的话"), MESSAGE_LENGTH, rows=2),
    }
    for response in responses:
        fields[f"picked_{response.id}"] = BooleanField(_("选定这份方案"))
        fields[f"reason_{response.id}"] = Choice(_("未入选的主要原因"), reasons, default=DeclineReason.OTHER.value)
        fields[f"outcome_{response.id}"] = text_area(_("给这家单位的说明"), NOTE_LENGTH, rows=2)
    return type("DecisionForm", (BaseForm,), fields)


def picks_any(form: Any, responses: Sequence[CallResponse]) -> bool:
    """Whether any response is picked."""
    return any(form[f"picked_{r.id}"].data for r in responses)


def check_consent(form: Any) -> None:
    """Say beside each field what is missing of the consent, which is needed where one is picked."""
    for name, message in (
        ("agree", _("选定后即发起引荐，请先接受保密承诺。")),
        ("signed_name", _("请填写承诺人姓名。")),
        ("contact", _("请填写联系方式，双方都接受后对方才能看到。")),
    ):
        if not form[name].data and not form[name].errors:
            form[name].errors = [message]
