"""Capabilities."""

from enum import StrEnum

from sqlmodel import Field

from backend.capabilities.states import CapabilityStatus
from backend.db import enum_type
from backend.disclosure.models import TEXT_LENGTH, TieredSubject


class CapabilityKind(StrEnum):
    """能力类型."""

    PRODUCT = "product"
    TECHNOLOGY = "technology"
    RESEARCH = "research"
    SERVICE = "service"
    SPACE = "space"
    CAPITAL = "capital"
    SCENARIO = "scenario"


class Stage(StrEnum):
    """研发阶段, from an idea to a device in use."""

    CONCEPT = "concept"
    PROTOTYPE = "prototype"
    PILOT = "pilot"
    ANIMAL = "animal"
    TYPE_TEST = "type_test"
    CLINICAL = "clinical"
    REGISTRATION = "registration"
    APPROVED = "approved"
    MARKETED = "marketed"


class Capability(TieredSubject, table=True):
    """What can be offered. Teaser and annex fields are those of every subject; the fields below form the brief."""

    __tablename__ = "capability"

    kind: CapabilityKind = Field(sa_type=enum_type(CapabilityKind), index=True)
    status: CapabilityStatus = Field(default=CapabilityStatus.DRAFT, sa_type=enum_type(CapabilityStatus), index=True)

    composition: str = Field(default="", max_length=TEXT_LENGTH)
    principle: str = Field(default="", max_length=TEXT_LENGTH)
    indications: str = Field(default="", max_length=TEXT_LENGTH)
    stage: Stage | None = Field(default=None, sa_type=enum_type(Stage))
    certificate: str = Field(default="", max_length=TEXT_LENGTH)
    performance: str = Field(default="", max_length=TEXT_LENGTH)
    cooperation: str = Field(default="", max_length=TEXT_LENGTH)
