"""The forms by which a tier is opened to an organisation, or its opening is proposed."""

from wtforms import HiddenField

from backend.disclosure.models import NOTE_LENGTH, Tier
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
