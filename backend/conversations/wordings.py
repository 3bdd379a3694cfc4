"""The wording of the steps of a case in its line."""

from backend.i18n import gettext as _
from backend.introductions.forms import EVENTS

STEPS = {
    **EVENTS,
    "introduction:meeting:propose": _("提议会议时间"),
    "introduction:meeting:fix": _("确定会议时间"),
    "introduction:meeting:move": _("更改会议"),
    "introduction:meeting:cancel": _("取消会议"),
    "introduction:meeting:hold": _("记录会议纪要"),
}
