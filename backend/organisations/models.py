"""Organisations, their departments and members, and those who are about to become members."""

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import event
from sqlmodel import Field, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.organisations.states import OrganisationStatus

NAME_LENGTH = 100
SUMMARY_LENGTH = 4000
DEPARTMENT_LENGTH = 60
REASON_LENGTH = 1000
MESSAGE_LENGTH = 500


class OrganisationKind(StrEnum):
    """单位类型."""

    HOSPITAL = "hospital"
    ENTERPRISE = "enterprise"
    UNIVERSITY = "university"
    INSTITUTE = "institute"
    PLATFORM = "platform"
    PARK = "park"
    FUND = "fund"
    AGENCY = "agency"


class MemberRole(StrEnum):
    """What a member may do for the organisation."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Organisation(SQLModel, table=True):
    """A party of the platform. An agency with a jurisdiction (行政区划代码) makes its members brokers.

    `verified_name` is the name under which others know the organisation: the one that was verified last. `name_key`
    follows the name, see `name_key_of`. The contact is for its own members and for those who verify it.
    """

    __tablename__ = "organisation"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    key: str | None = Field(default=None, max_length=60, unique=True)
    name: str = Field(max_length=NAME_LENGTH, unique=True)
    name_key: str = Field(default="", max_length=4 * NAME_LENGTH, index=True)
    verified_name: str | None = Field(default=None, max_length=NAME_LENGTH)
    kind: OrganisationKind = Field(sa_type=enum_type(OrganisationKind), index=True)
    region: str = Field(max_length=6, index=True)
    jurisdiction: str | None = Field(default=None, max_length=6)
    credit_code: str | None = Field(default=None, max_length=18, unique=True)
    summary: str = Field(default="", max_length=SUMMARY_LENGTH)
    contact_name: str = Field(default="", max_length=60)
    contact_phone: str = Field(default="", max_length=40)
    contact_email: str = Field(default="", max_length=254)
    status: OrganisationStatus = Field(
        default=OrganisationStatus.WAITING, sa_type=enum_type(OrganisationStatus), index=True
    )
    refusal: str = Field(default="", max_length=REASON_LENGTH)
    submitted_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    # No foreign key: to add one, SQLite would rebuild the table, and dropping the old one empties all that hang on it.
    merged_into_id: str | None = Field(default=None, max_length=16, index=True)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)

    @property
    def is_verified(self) -> bool:
        """Whether others may rely on it."""
        return self.status is OrganisationStatus.VERIFIED


def name_key_of(name: str) -> str:
    """A name as names are compared: full and half width alike, in any case, without spaces."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())[: 4 * NAME_LENGTH]


@event.listens_for(Organisation, "before_insert")
@event.listens_for(Organisation, "before_update")
def _follow_name(_mapper: Any, _connection: Any, organisation: Organisation) -> None:
    organisation.name_key = name_key_of(organisation.name)


class Department(SQLModel, table=True):
    """A department of a hospital, with its specialty (诊疗科目)."""

    __tablename__ = "department"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    key: str | None = Field(default=None, max_length=60)
    name: str = Field(max_length=DEPARTMENT_LENGTH)
    specialty: str | None = Field(default=None, max_length=6)


class Membership(SQLModel, table=True):
    """A user's role in an organisation, and the department they work in."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("user_id", "organisation_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    department_id: str | None = Field(default=None, foreign_key="department.id", ondelete="SET NULL")
    role: MemberRole = Field(sa_type=enum_type(MemberRole))
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Invitation(SQLModel, table=True):
    """An invitation by e-mail. Only a digest of its token is kept; the link works once, for one address."""

    __tablename__ = "invitation"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    email: str = Field(max_length=254, index=True)
    role: MemberRole = Field(sa_type=enum_type(MemberRole))
    token_digest: str = Field(max_length=64, unique=True)
    invited_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    accepted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MembershipRequest(SQLModel, table=True):
    """A user asks to become a member; `accepted` is None until somebody has answered."""

    __tablename__ = "membership_request"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    message: str = Field(default="", max_length=MESSAGE_LENGTH)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    accepted: bool | None = None
