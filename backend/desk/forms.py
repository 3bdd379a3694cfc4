"""Forms of the desk: put something off, hand it over, and whom to introduce this week."""

from wtforms import DateField

from backend.desk.models import NOTE_LENGTH
from backend.forms import BaseForm, Choice, text_area, text_field
from backend.i18n import gettext as _
from backend.introductions.models import MESSAGE_LENGTH
from backend.typed_days import read_day

NOBODY = _("请选择同事")


class Day(DateField):
    """A day as browsers send it or as it is typed, with a message of our own for anything else."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """An empty field and one that cannot be read both ask for a day."""
        try:
            self.data = read_day(valuelist[0] if valuelist else "")
            self.raw_data = [self.data.isoformat()] if self.data else []
        except ValueError:
            self.data = None
        if self.data is None:
            raise ValueError(_("请选择日期，例如 2026-12-01。"))


class DeferForm(BaseForm):
    """Until when, and why."""

    until = Day(_("延期至"))
    reason = text_field(_("原因"), NOTE_LENGTH, required=_("请写明延期原因。"))


class HandOverForm(BaseForm):
    """To whom, with a note."""

    user_id = Choice(_("转交给"), [], empty=NOBODY)
    note = text_field(_("说明"), NOTE_LENGTH)


MESSAGE = _(
    "根据双方在平台公开的摘要，贵单位与对方的需求和能力较为契合，特此引荐。"
    "如愿进一步了解，请在平台接受引荐；双方均接受后，平台开放详情和联系方式，并由本部门协助对接。"
)
"""What both sides read where a broker introduces many pairs at once; it may be changed before."""


class AssignForm(BaseForm):
    """The message that goes with all introductions that are made in one go."""

    message = text_area(_("引荐说明"), MESSAGE_LENGTH, required=_("请填写引荐说明，双方都会看到。"), rows=4)
