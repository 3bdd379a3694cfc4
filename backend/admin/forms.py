"""The forms of administration: what to look for in the trail and among accounts, and why an account is suspended."""

from datetime import date
from typing import Any

from wtforms.validators import ValidationError

from backend.admin.trail import Asked, subject_id_in
from backend.admin.users import State
from backend.admin.wordings import NAMESPACES
from backend.forms import BaseForm, Choice, text_area, text_field
from backend.i18n import gettext as _

REASON_LENGTH = 500
STATES = {
    State.ACTIVE: _("正常"),
    State.UNCONFIRMED: _("邮箱未确认"),
    State.SUSPENDED: _("已停用"),
}


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


class TrailForm(BaseForm):
    """What the audit trail is narrowed to; it comes from the address."""

    namespace = Choice(_("事件类别"), list(NAMESPACES.items()), empty=_("全部类别"))
    actor = text_field(_("操作人"), 254)
    subject = text_field(_("对象编号"), 300)
    organisation = text_field(_("单位"), 100)
    since = text_field(_("开始日期"), 10)
    until = text_field(_("结束日期"), 10)

    def validate_subject(self, field: Any) -> None:
        """An id stands in the address of every page of a text, an account or an organisation."""
        if field.data and not subject_id_in(field.data):
            raise ValidationError(_("请填写 16 位编号，或粘贴页面地址。"))

    def validate_since(self, field: Any) -> None:
        """A date as browsers send it."""
        try:
            _date(field.data)
        except ValueError:
            raise ValidationError(_("请按 2026-01-31 的格式填写日期。")) from None

    def validate_until(self, field: Any) -> None:
        """A date, not before the other one."""
        self.validate_since(field)
        try:
            since = _date(self.since.data)
        except ValueError:
            return
        if since and field.data and str(field.data) < since.isoformat():
            raise ValidationError(_("结束日期不能早于开始日期。"))

    def asked(self) -> Asked:
        """What a valid form asks for."""
        return Asked(
            namespace=self.namespace.data or "",
            actor=self.actor.data or "",
            subject=self.subject.data or "",
            organisation=self.organisation.data or "",
            since=_date(self.since.data),
            until=_date(self.until.data),
        )


class SuspensionForm(BaseForm):
    """Why an account is suspended or reactivated."""

    reason = text_area(_("理由"), REASON_LENGTH, required=_("请写明理由。"), rows=3)
