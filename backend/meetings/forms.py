"""The forms of meetings, and the wording of their states."""

import re
from datetime import datetime
from typing import Any, Self

from wtforms import HiddenField, StringField
from wtforms.validators import Regexp, StopValidation

from backend.db import ID_PATTERN, utc_now
from backend.forms import BaseForm, Choice, clean_line, half_width, text_area, text_field
from backend.i18n import gettext as _
from backend.meetings.docking_guests import GuestState
from backend.meetings.models import (
    LINK_LENGTH,
    MAX_TIMES,
    MINUTES_LENGTH,
    MOST_SLOTS,
    MOST_TABLES,
    NOTE_LENGTH,
    PLACE_LENGTH,
    TITLE_LENGTH,
    DockingEvent,
    Fit,
    GuestReason,
    WishSource,
)
from backend.meetings.states import DockingStatus, MeetingStatus
from backend.typed_days import read_moment
from backend.working_days import CHINA

STATUSES = {
    MeetingStatus.PROPOSED: _("待确定时间"),
    MeetingStatus.FIXED: _("已确定"),
    MeetingStatus.HELD: _("已举行"),
    MeetingStatus.CANCELLED: _("已取消"),
}
FITS = {Fit.YES: _("可以"), Fit.MAYBE: _("勉强"), Fit.NO: _("不可以")}
DOCKING_STATUSES = {
    DockingStatus.DRAFT: _("筹备中"),
    DockingStatus.PUBLISHED: _("日程已发出"),
    DockingStatus.CANCELLED: _("已取消"),
}
GUESTS = {
    GuestState.WAITING: _("未答复"),
    GuestState.ACCEPTED: _("参加"),
    GuestState.DECLINED: _("不参加"),
}
GUEST_REASONS = {
    GuestReason.TIME: _("时间冲突"),
    GuestReason.PEOPLE: _("人员安排不开"),
    GuestReason.TOPIC: _("议题不合适"),
    GuestReason.SETTLED: _("已有合作方"),
    GuestReason.OTHER: _("其他原因"),
}
SOURCES = {WishSource.MATCH: _("匹配建议"), WishSource.MANUAL: _("人工添加")}
LENGTHS = [(str(n), _("%(minutes)s 分钟") % {"minutes": n}) for n in (30, 45, 60, 90, 120, 180)]


def moment_of(text: str | None) -> datetime | None:
    """A moment in China as a browser sends it or as it is typed; None for anything else."""
    try:
        return read_moment(text)
    except ValueError:
        return None


def written(moment: datetime | None) -> str:
    """A moment as a field for it holds it."""
    return f"{moment.astimezone(CHINA):%Y-%m-%dT%H:%M}" if moment else ""


def start_field(label: str) -> StringField:
    """A date with a time."""
    return StringField(label, filters=[clean_line], render_kw={"type": "datetime-local", "step": "300"})


def check_start(field: Any) -> None:
    """A typed time has to be one, and to come."""
    moment = moment_of(field.data)
    if moment is None:
        raise StopValidation(_("请填写日期和时间，例如 2026-11-24 14:00。"))
    if moment <= utc_now():
        raise StopValidation(_("请填写将来的时间。"))


class _Where(BaseForm):
    length = Choice(_("时长"), LENGTHS, default="60")
    place = text_field(_("地点"), PLACE_LENGTH)
    link = text_field(_("视频会议链接"), LINK_LENGTH)
    note = text_area(_("说明"), NOTE_LENGTH, rows=3)

    def validate_place(self, field: Any) -> None:
        """Somewhere it has to be."""
        if not field.data and not self.link.data:
            raise StopValidation(_("请填写地点或视频会议链接。"))

    def validate_link(self, field: Any) -> None:
        """An address that a browser opens."""
        if field.data and not field.data.startswith(("https://", "http://")):
            raise StopValidation(_("链接以 https:// 开头。"))


class ProposeForm(_Where):
    """Up to five times, and where."""

    meeting_id = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    start_1 = start_field(_("时间一"))
    start_2 = start_field(_("时间二（可不填）"))
    start_3 = start_field(_("时间三（可不填）"))
    start_4 = start_field(_("时间四（可不填）"))
    start_5 = start_field(_("时间五（可不填）"))

    @property
    def start_fields(self) -> list[Any]:
        """The fields of the times."""
        return [self[f"start_{n}"] for n in range(1, MAX_TIMES + 1)]

    @property
    def starts(self) -> list[datetime]:
        """The times that were typed."""
        return [moment for field in self.start_fields if (moment := moment_of(field.data)) is not None]

    def validate_start_1(self, field: Any) -> None:
        """One time is asked for."""
        check_start(field)

    def _may(self, field: Any) -> None:
        if field.data:
            check_start(field)

    def validate_start_2(self, field: Any) -> None:
        """May be empty."""
        self._may(field)

    def validate_start_3(self, field: Any) -> None:
        """May be empty."""
        self._may(field)

    def validate_start_4(self, field: Any) -> None:
        """May be empty."""
        self._may(field)

    def validate_start_5(self, field: Any) -> None:
        """May be empty."""
        self._may(field)


class MoveForm(_Where):
    """Another time or place for a fixed meeting."""

    start = start_field(_("时间"))

    def validate_start(self, field: Any) -> None:
        """A time to come."""
        check_start(field)


class MinutesForm(BaseForm):
    """What came of a meeting; who was there is read beside it."""

    minutes = text_area(_("会议纪要"), MINUTES_LENGTH, required=_("请填写会议纪要。"), rows=8)
    agreed = text_area(_("议定事项"), MINUTES_LENGTH, rows=4)


class DeclineForm(BaseForm):
    """Why a guest of a docking event does not come. One page may hold several of them, so that ids name the guest."""

    reason = Choice(_("原因"), [(str(k), v) for k, v in GUEST_REASONS.items()], empty=_("请选择"))
    note = text_area(_("说明（可不填）"), NOTE_LENGTH, rows=3)

    def name_ids(self, organisation_id: str) -> Self:
        """The form with ids of its own."""
        for field in self:
            field.id = f"{field.name}-{organisation_id}"
            field.label.field_id = field.id
        return self

    def validate_reason(self, field: Any) -> None:
        """A reason is asked for."""
        if not field.data:
            raise StopValidation(_("请选择谢绝的原因。"))


def starts_of(event: DockingEvent) -> str:
    """The start of an event as its field holds it."""
    return written(event.starts_at)


def whole(label: str, default: str) -> StringField:
    """A whole number."""
    return StringField(label, filters=[lambda v: half_width(str(v)) if v is not None else None], default=default)


class DockingForm(BaseForm):
    """When, where, how many tables and talks."""

    event_id = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    title = text_field(_("名称"), TITLE_LENGTH, required=_("请填写名称。"))
    place = text_field(_("地点"), PLACE_LENGTH, required=_("请填写地点。"))
    start = start_field(_("开始时间"))
    slots = whole(_("场次数"), "8")
    slot_minutes = whole(_("每场分钟数"), "20")
    tables = whole(_("桌数"), "6")
    breaks = text_field(_("在第几场之后休息"), 40)
    break_minutes = whole(_("每次休息分钟数"), "15")

    @property
    def moment(self) -> datetime | None:
        """The start."""
        return moment_of(self.start.data)

    @property
    def pauses(self) -> tuple[int, ...]:
        """After which talks there is a break."""
        parts = re.split(r"[,、\s]+", half_width(self.breaks.data))
        return tuple(int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 4)

    def validate_start(self, field: Any) -> None:
        """A time to come."""
        check_start(field)

    def validate_slots(self, field: Any) -> None:
        """As many as an afternoon holds."""
        check_whole(field, 1, MOST_SLOTS)

    def validate_slot_minutes(self, field: Any) -> None:
        """Minutes of one talk."""
        check_whole(field, 5, 120)

    def validate_tables(self, field: Any) -> None:
        """Tables of the room."""
        check_whole(field, 1, MOST_TABLES)

    def validate_break_minutes(self, field: Any) -> None:
        """Minutes of one break."""
        check_whole(field, 0, 120)

    def validate_breaks(self, field: Any) -> None:
        """Numbers of talks, but not the last one."""
        typed = [part for part in re.split(r"[,、\s]+", half_width(field.data)) if part]
        last = int_of(self.slots.data)
        if len(typed) != len(self.pauses) or any(not 1 <= after < last for after in self.pauses):
            raise StopValidation(_("请填写场次的序号，用逗号分开，例如 4；最后一场之后不用填。"))


def int_of(text: str | None) -> int:
    """A whole number that was typed; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 5 else 0


def check_whole(field: Any, least: int, most: int) -> None:
    """A whole number in bounds."""
    text = field.data or ""
    if not (text.isascii() and text.isdigit() and len(text) < 5 and least <= int(text) <= most):
        raise StopValidation(_("请填写 %(least)s 至 %(most)s 的整数。") % {"least": least, "most": most})
