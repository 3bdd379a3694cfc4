"""Organisations, their departments and members."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now


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
    """A party of the platform. An agency with a jurisdiction (行政区划代码) makes its members brokers."""

    __tablename__ = "organisation"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    key: str | None = Field(default=None, max_length=60, unique=True)
    name: str = Field(max_length=100, unique=True)
    kind: OrganisationKind = Field(sa_type=enum_type(OrganisationKind), index=True)
    region: str = Field(max_length=6, index=True)
    jurisdiction: str | None = Field(default=None, max_length=6)
    credit_code: str | None = Field(default=None, max_length=18, unique=True)
    summary: str = Field(default="", max_length=4000)
    verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Department(SQLModel, table=True):
    """A department of a hospital, with its specialty (诊疗科目)."""

    __tablename__ = "department"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    key: str | None = Field(default=None, max_length=60)
    name: str = Field(max_length=60)
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
