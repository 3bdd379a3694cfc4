"""A case, its parties, its brokers, what happened in it, and the undertakings that were accepted in it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.introductions.states import DeclineReason, IntroductionStatus

MESSAGE_LENGTH = 1000
NOTE_LENGTH = 1000
NAME_LENGTH = 60
CONTACT_LENGTH = 200
ROLE_LENGTH = 60


class Origin(StrEnum):
    """Who began a case."""

    BROKER = "broker"
    NEED_SIDE = "need_side"
    CAPABILITY_SIDE = "capability_side"
    RESPONSE = "response"
    """The department picked a response to its need."""


class Side(StrEnum):
    """What a party is in a case."""

    NEED = "need"
    CAPABILITY = "capability"
    PARTNER = "partner"


class PartyState(StrEnum):
    """How far a party has come in. `prospect` has not been asked yet and does not know of the case."""

    PROSPECT = "prospect"
    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LEFT = "left"


class Leg(StrEnum):
    """Which part of a case a broker looks after (前研后产): all of it, research in one city, production in another."""

    WHOLE = "whole"
    RESEARCH = "research"
    PRODUCTION = "production"


class Introduction(SQLModel, table=True):
    """引荐. `capability_id` is None where an organisation came by a response and has posted no capability.

    `open_key` names need and organisation while the case is open, so that a pair has one open case at a time.
    `waiting_since` is when the answer that is awaited was asked for. What the ranker said of the pair is kept.
    `release_ids` are the releases that this case has opened and that end with it.
    """

    __tablename__ = "introduction"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    need_id: str = Field(foreign_key="need.id", index=True, ondelete="CASCADE")
    capability_id: str | None = Field(default=None, foreign_key="capability.id", index=True, ondelete="SET NULL")
    status: IntroductionStatus = Field(
        default=IntroductionStatus.SUGGESTED, sa_type=enum_type(IntroductionStatus), index=True
    )
    origin: Origin = Field(sa_type=enum_type(Origin))
    open_key: str | None = Field(default=None, max_length=40, unique=True)
    follows_id: str | None = Field(default=None, max_length=16, index=True)
    message: str = Field(default="", max_length=MESSAGE_LENGTH)

    created_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime, index=True)
    proposed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    waiting_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    overdue_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    introduced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    agreed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    declined_by: Side | None = Field(default=None, sa_type=enum_type(Side))
    reason: DeclineReason | None = Field(default=None, sa_type=enum_type(DeclineReason))
    release_ids: list[str] = Field(default_factory=list, sa_type=JSON)

    ranker: str = Field(default="", max_length=64)
    position: int | None = None
    grade: str = Field(default="", max_length=20)
    probability: float | None = None


class CaseParty(SQLModel, table=True):
    """An organisation in a case. `region` is that of its need or capability: whose broker looks after this side.

    `contact` is what the party gives to the others on accepting; they see it once all have accepted. `message` is what
    it tells them.
    """

    __tablename__ = "case_party"
    __table_args__ = (UniqueConstraint("introduction_id", "organisation_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    introduction_id: str = Field(foreign_key="introduction.id", index=True, ondelete="CASCADE")
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    side: Side = Field(sa_type=enum_type(Side))
    state: PartyState = Field(sa_type=enum_type(PartyState))
    region: str = Field(max_length=6, index=True)
    capability_id: str | None = Field(default=None, max_length=16)
    role: str = Field(default="", max_length=ROLE_LENGTH)
    message: str = Field(default="", max_length=MESSAGE_LENGTH)
    contact: str = Field(default="", max_length=CONTACT_LENGTH)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")


class CaseBroker(SQLModel, table=True):
    """An agency that looks after a case or a leg of it. `share` is its part of the credit in percent, as agreed.

    `agreed_at` is when the agency agreed to the present legs and shares; None waits for it.
    """

    __tablename__ = "case_broker"
    __table_args__ = (UniqueConstraint("introduction_id", "organisation_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    introduction_id: str = Field(foreign_key="introduction.id", index=True, ondelete="CASCADE")
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    leg: Leg = Field(default=Leg.WHOLE, sa_type=enum_type(Leg))
    share: int = 100
    is_lead: bool = False
    invited_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    agreed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CaseEvent(SQLModel, table=True):
    """One step of a case, for its page; rows are only ever added.

    `note` is what was said to the step. `audience` says who reads the note: everybody in the case, or brokers alone.
    """

    __tablename__ = "case_event"
    __table_args__ = (Index("ix_case_event_case", "introduction_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    introduction_id: str = Field(foreign_key="introduction.id", ondelete="CASCADE")
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    actor: str = Field(max_length=20)
    actor_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    organisation_id: str | None = Field(default=None, foreign_key="organisation.id", ondelete="SET NULL")
    what: str = Field(max_length=40)
    status: str = Field(max_length=30)
    note: str = Field(default="", max_length=NOTE_LENGTH)
    note_for_brokers: bool = False
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Signature(SQLModel, table=True):
    """保密承诺 accepted by name: who, for which organisation, which text. It outlives the account and the membership.

    `digest` is the SHA-256 of the text as it was shown, in hex.
    """

    __tablename__ = "undertaking_signature"
    __table_args__ = (Index("ix_undertaking_signature_case", "introduction_id", "organisation_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    introduction_id: str = Field(foreign_key="introduction.id", ondelete="CASCADE")
    organisation_id: str = Field(foreign_key="organisation.id", ondelete="CASCADE")
    organisation_name: str = Field(max_length=100)
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    signed_name: str = Field(max_length=NAME_LENGTH)
    version: str = Field(max_length=20)
    digest: str = Field(max_length=64)
    signed_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
