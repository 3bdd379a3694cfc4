"""A call for responses with its criteria, the responses, and the reviews with their scores."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from backend.capabilities.models import Stage
from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.introductions.states import DeclineReason
from backend.responses.states import CallStatus, RefusalReason, ResponseStatus, ReviewStatus

TEXT_LENGTH = 4000
LINE_LENGTH = 200
NOTE_LENGTH = 1000
CRITERION_LENGTH = 40
CRITERIA_MAX = 8
POINTS = range(1, 6)


class ResponseCall(SQLModel, table=True):
    """征集: a need that is open to responses until a moment, the end of a day in China.

    `open_key` is the need's id while the call lives, so that a need has one at a time. `locked_at` is when the first
    response came in: from then on the criteria stand. `outcome` is what the department says of its decision to all.
    """

    __tablename__ = "response_call"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    need_id: str = Field(foreign_key="need.id", index=True, ondelete="CASCADE")
    status: CallStatus = Field(default=CallStatus.OPEN, sa_type=enum_type(CallStatus), index=True)
    open_key: str | None = Field(default=None, max_length=16, unique=True)
    terms: str = Field(default="", max_length=TEXT_LENGTH)
    until: datetime = Field(sa_type=UtcDateTime, index=True)
    note: str = Field(default="", max_length=NOTE_LENGTH)
    outcome: str = Field(default="", max_length=NOTE_LENGTH)
    is_proposed: bool = False

    created_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    locked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decision_reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Criterion(SQLModel, table=True):
    """评审标准: scored from 1 to 5; `weight` counts against the sum of all weights of its call."""

    __tablename__ = "call_criterion"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    call_id: str = Field(foreign_key="response_call.id", index=True, ondelete="CASCADE")
    position: int
    name: str = Field(max_length=CRITERION_LENGTH)
    weight: int


class CallResponse(SQLModel, table=True):
    """应征: what one organisation answers to a call. `reason` and `outcome` are the department's words to it.

    `introduction_id` is the case that its being picked has begun.
    """

    __tablename__ = "response"
    __table_args__ = (UniqueConstraint("call_id", "organisation_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    call_id: str = Field(foreign_key="response_call.id", index=True, ondelete="CASCADE")
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    capability_id: str | None = Field(default=None, foreign_key="capability.id", ondelete="SET NULL")
    status: ResponseStatus = Field(default=ResponseStatus.DRAFT, sa_type=enum_type(ResponseStatus))
    version: int = 1

    solution: str = Field(default="", max_length=TEXT_LENGTH)
    stage: Stage | None = Field(default=None, sa_type=enum_type(Stage))
    evidence: str = Field(default="", max_length=TEXT_LENGTH)
    team: str = Field(default="", max_length=TEXT_LENGTH)
    schedule: str = Field(default="", max_length=TEXT_LENGTH)
    price: str = Field(default="", max_length=LINE_LENGTH)
    asks: str = Field(default="", max_length=TEXT_LENGTH)

    created_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    submitted_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: DeclineReason | None = Field(default=None, sa_type=enum_type(DeclineReason))
    outcome: str = Field(default="", max_length=NOTE_LENGTH)
    introduction_id: str | None = Field(default=None, foreign_key="introduction.id", ondelete="SET NULL")


class Review(SQLModel, table=True):
    """评审: one person asked to score all responses of a call. `due_at` is the end of a working day."""

    __tablename__ = "response_review"
    __table_args__ = (UniqueConstraint("call_id", "user_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    call_id: str = Field(foreign_key="response_call.id", index=True, ondelete="CASCADE")
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    status: ReviewStatus = Field(default=ReviewStatus.INVITED, sa_type=enum_type(ReviewStatus))
    refusal: RefusalReason | None = Field(default=None, sa_type=enum_type(RefusalReason))
    note: str = Field(default="", max_length=NOTE_LENGTH)
    invited_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    invited_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Score(SQLModel, table=True):
    """Points for one response by one criterion, with a remark."""

    __tablename__ = "response_score"
    __table_args__ = (UniqueConstraint("review_id", "response_id", "criterion_id"),)

    id: int | None = Field(default=None, primary_key=True)
    review_id: str = Field(foreign_key="response_review.id", ondelete="CASCADE")
    response_id: str = Field(foreign_key="response.id", index=True, ondelete="CASCADE")
    criterion_id: str = Field(foreign_key="call_criterion.id", index=True, ondelete="CASCADE")
    points: int
    remark: str = Field(default="", max_length=NOTE_LENGTH)
