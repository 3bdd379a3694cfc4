"""Steps that have been touched, the needs that came of blockers, and what the clock has told of a ledger.

A case that is agreed has all its steps at once: one that nobody has touched has no row, see `service.steps`.
"""

from datetime import date, datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.introductions.models import Leg
from backend.ledger.states import StepKind, StepStatus
from backend.needs.models import NeedKind

TEXT_LENGTH = 800
OWNER_LENGTH = 60
LINK_LENGTH = 300
BLOCKER_KINDS = (NeedKind.SERVICE, NeedKind.SPACE, NeedKind.CAPITAL, NeedKind.VALIDATION)
"""What a blocked step may lack; each is a kind of need."""


class LedgerStep(SQLModel, table=True):
    """One step of a case. `version` counts its changes, from 1; an untouched step has 0 and no row.

    `owner_organisation_id` answers for it, a party or an agency of the case; `owner_name` is the person, as typed.
    Days are days in China. `reason` says why it was skipped or reopened, `blocker` what holds it up.
    `reminded_for` and `overdue_for` are the due dates that its owner has been told of.
    """

    __tablename__ = "ledger_step"
    __table_args__ = (UniqueConstraint("introduction_id", "kind"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    introduction_id: str = Field(foreign_key="introduction.id", index=True, ondelete="CASCADE")
    kind: StepKind = Field(sa_type=enum_type(StepKind))
    status: StepStatus = Field(default=StepStatus.PLANNED, sa_type=enum_type(StepStatus), index=True)
    leg: Leg = Field(sa_type=enum_type(Leg))
    owner_organisation_id: str | None = Field(default=None, foreign_key="organisation.id", ondelete="SET NULL")
    owner_name: str = Field(default="", max_length=OWNER_LENGTH)
    due_on: date | None = Field(default=None, index=True)
    done_on: date | None = None
    evidence: str = Field(default="", max_length=TEXT_LENGTH)
    evidence_link: str = Field(default="", max_length=LINK_LENGTH)
    reason: str = Field(default="", max_length=TEXT_LENGTH)
    blocker: str = Field(default="", max_length=TEXT_LENGTH)
    blocker_kind: NeedKind | None = Field(default=None, sa_type=enum_type(NeedKind))
    blocked_on: date | None = None
    version: int = 0
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    reminded_for: date | None = None
    overdue_for: date | None = None


class LedgerNeed(SQLModel, table=True):
    """A need that came of the blocker of a step. `told_status` is the end of it that those concerned were told of."""

    __tablename__ = "ledger_need"

    need_id: str = Field(foreign_key="need.id", primary_key=True, ondelete="CASCADE")
    step_id: str = Field(foreign_key="ledger_step.id", index=True, ondelete="CASCADE")
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    told_status: str = Field(default="", max_length=30)


class LedgerState(SQLModel, table=True):
    """When a ledger was last moved, and when its broker was told that it stalls; written at the first move."""

    __tablename__ = "ledger_state"

    introduction_id: str = Field(foreign_key="introduction.id", primary_key=True, ondelete="CASCADE")
    moved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stalled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
