"""Needs and their requirements."""

from enum import StrEnum

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from backend.db import enum_type, new_id
from backend.disclosure.models import TEXT_LENGTH, Tier, TieredSubject
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


class RequirementSource(StrEnum):
    """Who made the requirements of a need: the rules, from its text, or its author."""

    PROPOSED = "proposed"
    AUTHOR = "author"


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


REQUIREMENTS_MAX = 12
REQUIREMENT_LENGTH = 200


class Requirement(SQLModel, table=True):
    """需求要点: one checkable statement of a need.

    It belongs to the tier of the text that it came from, and is shown to and used for those alone who may read that
    tier. All requirements of a need have one source: proposed ones follow the text, an author's stay as they are.
    """

    __tablename__ = "requirement"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    need_id: str = Field(foreign_key="need.id", index=True, ondelete="CASCADE")
    position: int
    text: str = Field(max_length=REQUIREMENT_LENGTH)
    source: RequirementSource = Field(default=RequirementSource.AUTHOR, sa_type=enum_type(RequirementSource))
    tier: Tier = Field(default=Tier.BRIEF, sa_type=enum_type(Tier))
