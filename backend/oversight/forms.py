"""The forms by which a tier is opened to an organisation, its opening is proposed, or a brief is read by a reason."""

from typing import Any

from wtforms import HiddenField
from wtforms.validators import ValidationError

from backend.disclosure.forms import PURPOSES
from backend.disclosure.models import NOTE_LENGTH, REASON_LENGTH, Tier
from backend.disclosure.reasoned import REASON_MINIMUM
from backend.forms import BaseForm, Choice, text_area
from backend.i18n import gettext as _

TIERS = {Tier.BRIEF: _("详情"), Tier.ANNEX: _("详情和密件")}
DAYS = {"30": _("30 天"), "90": _("90 天"), "180": _("180 天"), "0": _("长期，直到收回")}
DEFAULT_DAYS = "90"


class ReleaseForm(BaseForm):
    """To whom, which tier, and for how long."""

    q = HiddenField()
    organisation_id = Choice(_("单位"), [], empty="")
    tier = Choice(_("开放内容"), [(k.value, v) for k, v in TIERS.items()], default=Tier.BRIEF.value)
    days = Choice(_("有效期"), list(DAYS.items()), default=DEFAULT_DAYS)


class ProposalForm(BaseForm):
    """To whom, which tier, and why; the author's side decides for how long."""

    q = HiddenField()
    organisation_id = Choice(_("单位"), [], empty="")
    tier = Choice(_("开放内容"), [(k.value, v) for k, v in TIERS.items()], default=Tier.BRIEF.value)
    note = text_area(_("建议理由"), NOTE_LENGTH, rows=3)


class AccessForm(BaseForm):
    """What for, and why, an administrator reads a brief; the author's organisation reads both."""

    purpose = Choice(_("用途"), [(k.value, v) for k, v in PURPOSES.items()], empty=_("请选择"))
    reason = text_area(_("具体理由"), REASON_LENGTH, required=_("请写明查看详情的理由。"), rows=3)

    def validate_purpose(self, field: Any) -> None:
        """None is preselected: nobody shall pass by a purpose that he has not read."""
        if not field.data:
            raise ValidationError(_("请选择用途。"))

    def validate_reason(self, field: Any) -> None:
        """A word is no reason that anybody could judge later."""
        if len(field.data or "") < REASON_MINIMUM:
            raise ValidationError(_("理由不少于 %(minimum)s 个字，请写得具体一些。") % {"minimum": REASON_MINIMUM})
