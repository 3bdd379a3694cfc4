"""Tiers, releases, and what needs and capabilities have in common: owner, status, teaser and versions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now

TITLE_LENGTH = 80
TEXT_LENGTH = 4000
NOTE_LENGTH = 1000
REASON_LENGTH = 500


class SubjectKind(StrEnum):
    """The two sides of a match."""

    NEED = "need"
    CAPABILITY = "capability"

    @property
    def other(self) -> "SubjectKind":
        """The side that this one is matched with."""
        return SubjectKind.CAPABILITY if self is SubjectKind.NEED else SubjectKind.NEED


class Tier(StrEnum):
    """披露层级, from the widest audience to the narrowest."""

    TEASER = "teaser"
    BRIEF = "brief"
    ANNEX = "annex"


class Audience(StrEnum):
    """Who may read a teaser."""

    PUBLIC = "public"
    MEMBERS = "members"


class TieredSubject(SQLModel):
    """Columns that a need and a capability share. The teaser's own fields stand here, those of the brief do not."""

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    key: str | None = Field(default=None, max_length=60, unique=True)
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    author_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")

    title: str = Field(max_length=TITLE_LENGTH)
    specialty: str | None = Field(default=None, max_length=6, index=True)
    device_category: str | None = Field(default=None, max_length=8, index=True)
    region: str = Field(max_length=6, index=True)
    summary: str = Field(default="", max_length=TEXT_LENGTH)
    audience: Audience = Field(default=Audience.MEMBERS, sa_type=enum_type(Audience))
    anonymous: bool = False

    contact: str = Field(default="", max_length=TEXT_LENGTH)

    version: int = 1
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    submitted_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When its author last said that it holds: on publishing, extending, confirming."""
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class StatusChange(SQLModel, table=True):
    """One step in the life of a subject, with what was said to it; rows are only ever added."""

    __tablename__ = "status_change"
    __table_args__ = (Index("ix_status_change_subject", "subject_kind", "subject_id"),)

    id: int | None = Field(default=None, primary_key=True)
    subject_kind: SubjectKind = Field(sa_type=enum_type(SubjectKind))
    subject_id: str = Field(max_length=16)
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    actor: str = Field(max_length=20)
    actor_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    action: str = Field(max_length=30)
    status: str = Field(max_length=30)
    version: int
    note: str = Field(default="", max_length=NOTE_LENGTH)


class SubjectVersion(SQLModel, table=True):
    """A text as it was saved: all tiers and the requirements.

    `shown` says that others than its own organisation could read it, being submitted or open. A draft that nobody saw
    stays with its organisation for ever.
    """

    __tablename__ = "subject_version"
    __table_args__ = (UniqueConstraint("subject_id", "number", "subject_kind"),)

    id: int | None = Field(default=None, primary_key=True)
    subject_kind: SubjectKind = Field(sa_type=enum_type(SubjectKind))
    subject_id: str = Field(max_length=16)
    number: int
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    shown: bool = False
    fields: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Release(SQLModel, table=True):
    """披露授权: a tier of one subject, opened to one organisation; the annex includes the brief."""

    __tablename__ = "release"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    subject_kind: SubjectKind = Field(sa_type=enum_type(SubjectKind))
    subject_id: str = Field(max_length=16, index=True)
    tier: Tier = Field(sa_type=enum_type(Tier))
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    version: int
    granted_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ReleaseProposal(SQLModel, table=True):
    """A broker's suggestion to open a tier to an organisation; whoever writes for the author decides."""

    __tablename__ = "release_proposal"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    subject_kind: SubjectKind = Field(sa_type=enum_type(SubjectKind))
    subject_id: str = Field(max_length=16, index=True)
    tier: Tier = Field(sa_type=enum_type(Tier))
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    proposed_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    note: str = Field(default="", max_length=NOTE_LENGTH)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    accepted: bool | None = None


class AccessPurpose(StrEnum):
    """What an administrator reads a brief for."""

    COMPLAINT = "complaint"
    SECURITY = "security"
    SUPPORT = "support"
    LAW = "law"
    OTHER = "other"


class ReasonedAccess(SQLModel, table=True):
    """An administrator has said why he reads a brief, and may for a short time; rows are only added."""

    __tablename__ = "reasoned_access"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    subject_kind: SubjectKind = Field(sa_type=enum_type(SubjectKind))
    subject_id: str = Field(max_length=16, index=True)
    user_id: str | None = Field(default=None, foreign_key="user_account.id", index=True, ondelete="SET NULL")
    purpose: AccessPurpose = Field(sa_type=enum_type(AccessPurpose))
    reason: str = Field(max_length=REASON_LENGTH)
    version: int
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


@dataclass(frozen=True)
class TieredText:
    """The searchable text of a subject: its title, parts of its teaser and of its brief. An annex is never searched."""

    title: str
    teaser: tuple[str, ...]
    brief: tuple[str, ...] = ()

    def parts(self, tier: Tier) -> tuple[str, ...]:
        """The parts that a reader of this tier may see."""
        return self.teaser if tier is Tier.TEASER else self.teaser + self.brief
