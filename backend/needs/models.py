"""Needs and their requirements."""

from enum import StrEnum

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from backend.db import enum_type, new_id
from backend.disclosure.models import TEXT_LENGTH, TieredSubject
from backend.needs.states import NeedStatus


class NeedKind(StrEnum):
    """需求类型."""

    CLINICAL = "clinical"
    TECHNICAL = "technical"
    SUPPLY = "supply"
    VALIDATION = "validation"
    SERVICE = "service"
    SPACE = "space"
    CAPITAL = "capital"
    SCENARIO = "scenario"


class Offer(StrEnum):
    """What the author of a need offers to a partner."""

    OBSERVATION = "observation"
    ANIMAL_STUDY = "animal_study"
    EVALUATION = "evaluation"
    DATA = "data"


class Need(TieredSubject, table=True):
    """What is lacking. Teaser and annex fields are those of every subject; the fields below form the brief."""

    __tablename__ = "need"

    kind: NeedKind = Field(sa_type=enum_type(NeedKind), index=True)
    status: NeedStatus = Field(default=NeedStatus.DRAFT, sa_type=enum_type(NeedStatus), index=True)
    department_id: str | None = Field(default=None, foreign_key="department.id", ondelete="SET NULL")

    procedure: str = Field(default="", max_length=TEXT_LENGTH)
    current_practice: str = Field(default="", max_length=TEXT_LENGTH)
    problem: str = Field(default="", max_length=TEXT_LENGTH)
    frequency: str = Field(default="", max_length=TEXT_LENGTH)
    acceptance_criteria: str = Field(default="", max_length=TEXT_LENGTH)
    constraints: str = Field(default="", max_length=TEXT_LENGTH)
    offers: list[str] = Field(default_factory=list, sa_type=JSON)
    offers_note: str = Field(default="", max_length=TEXT_LENGTH)


class Requirement(SQLModel, table=True):
    """需求要点: one checkable statement of a need, part of its brief."""

    __tablename__ = "requirement"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    need_id: str = Field(foreign_key="need.id", index=True, ondelete="CASCADE")
    position: int
    text: str = Field(max_length=400)
