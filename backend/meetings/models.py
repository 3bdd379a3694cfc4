"""Meetings with their times, answers and those who came; docking events with their guests and talks."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.meetings.states import DockingStatus, MeetingStatus

MAX_TIMES = 5
PLACE_LENGTH = 120
LINK_LENGTH = 300
NOTE_LENGTH = 500
MINUTES_LENGTH = 4000
NAMES_LENGTH = 200
TITLE_LENGTH = 60
MOST_SLOTS, MOST_TABLES = 24, 60
DIGEST_LENGTH = 16


class Fit(StrEnum):
    """Whether a time suits."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


class WishSource(StrEnum):
    """Where the wish for a talk comes from."""

    MATCH = "match"
    MANUAL = "manual"


class GuestAnswer(StrEnum):
    """What a guest of a docking event says."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


class GuestReason(StrEnum):
    """Why a guest declines."""

    TIME = "time"
    PEOPLE = "people"
    TOPIC = "topic"
    SETTLED = "settled"
    OTHER = "other"


class CaseMeeting(SQLModel, table=True):
    """A meeting of a case; the id comes with its form. `sequence` counts its versions (RFC 5545, 3.8.7.4)."""

    __tablename__ = "case_meeting"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    introduction_id: str = Field(foreign_key="introduction.id", index=True, ondelete="CASCADE")
    organisation_id: str | None = Field(default=None, foreign_key="organisation.id", index=True, ondelete="SET NULL")
    created_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    status: MeetingStatus = Field(default=MeetingStatus.PROPOSED, sa_type=enum_type(MeetingStatus), index=True)
    starts_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    length: int = 60
    place: str = Field(default="", max_length=PLACE_LENGTH)
    link: str = Field(default="", max_length=LINK_LENGTH)
    note: str = Field(default="", max_length=NOTE_LENGTH)
    sequence: int = 0
    minutes: str = ""
    agreed: str = ""
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    held_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MeetingTime(SQLModel, table=True):
    """A time that was proposed."""

    __tablename__ = "meeting_time"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    meeting_id: str = Field(foreign_key="case_meeting.id", index=True, ondelete="CASCADE")
    starts_at: datetime = Field(sa_type=UtcDateTime)


class MeetingAnswer(SQLModel, table=True):
    """What an organisation says to a time."""

    __tablename__ = "meeting_answer"
    __table_args__ = (UniqueConstraint("time_id", "organisation_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    time_id: str = Field(foreign_key="meeting_time.id", ondelete="CASCADE")
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    fit: Fit = Field(sa_type=enum_type(Fit))
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class MeetingPresence(SQLModel, table=True):
    """Whether an organisation came, and who."""

    __tablename__ = "meeting_presence"
    __table_args__ = (UniqueConstraint("meeting_id", "organisation_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    meeting_id: str = Field(foreign_key="case_meeting.id", ondelete="CASCADE")
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    names: str = Field(default="", max_length=NAMES_LENGTH)


class DockingEvent(SQLModel, table=True):
    """对接会 of an agency: some tables, talks of one length one after the other, with breaks.

    `breaks` are numbers of slots after which there is a pause, as `2,4`.
    """

    __tablename__ = "docking_event"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    created_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    status: DockingStatus = Field(default=DockingStatus.DRAFT, sa_type=enum_type(DockingStatus))
    title: str = Field(max_length=TITLE_LENGTH)
    place: str = Field(max_length=PLACE_LENGTH)
    starts_at: datetime = Field(sa_type=UtcDateTime)
    slots: int = 8
    slot_minutes: int = 20
    tables: int = 6
    breaks: str = Field(default="", max_length=40)
    break_minutes: int = 15
    sequence: int = 0
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class DockingGuest(SQLModel, table=True):
    """An organisation that was sent a plan of a docking event: what it was sent last, and what it has answered.

    `sequence` is the version of the plan that it was sent last, `talks` how many it had in that, `plan` the digest of
    them; `answered_sequence` is the version that it answered. `note` is for the arranging agency alone.
    """

    __tablename__ = "docking_guest"
    __table_args__ = (UniqueConstraint("event_id", "organisation_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    event_id: str = Field(foreign_key="docking_event.id", ondelete="CASCADE")
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    sequence: int
    talks: int
    plan: str = Field(max_length=DIGEST_LENGTH)
    sent_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    answer: GuestAnswer | None = Field(default=None, sa_type=enum_type(GuestAnswer))
    answered_sequence: int = 0
    reason: GuestReason | None = Field(default=None, sa_type=enum_type(GuestReason))
    note: str = Field(default="", max_length=NOTE_LENGTH)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")


class DockingTalk(SQLModel, table=True):
    """A talk that is wished for; `slot` and `table_number` count from 1, None where the plan has no place for it."""

    __tablename__ = "docking_talk"
    __table_args__ = (
        UniqueConstraint("event_id", "need_id", "capability_id"),
        Index("ix_docking_talk_event", "event_id"),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    event_id: str = Field(foreign_key="docking_event.id", ondelete="CASCADE")
    need_id: str = Field(foreign_key="need.id", ondelete="CASCADE")
    capability_id: str = Field(foreign_key="capability.id", ondelete="CASCADE")
    source: WishSource = Field(sa_type=enum_type(WishSource))
    grade: str = Field(default="", max_length=20)
    probability: float | None = None
    ranker: str = Field(default="", max_length=64)
    position: int | None = None
    slot: int | None = None
    table_number: int | None = None
    introduction_id: str | None = Field(default=None, foreign_key="introduction.id", ondelete="SET NULL")
