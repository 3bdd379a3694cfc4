"""What the API sends and takes. Closed tiers are null; who is not to be known is null."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from backend.api.scopes import Scope
from backend.capabilities.models import CapabilityKind, Stage
from backend.db import ID_PATTERN
from backend.disclosure.cards import Card
from backend.disclosure.models import NOTE_LENGTH, TEXT_LENGTH, TITLE_LENGTH, Audience, SubjectKind, Tier
from backend.matching.evidence import Segment, Shown
from backend.matching.filters import FilterName, State
from backend.matching.index_sync import EngineState
from backend.matching.ranker import Grade
from backend.matching.service import Match, Suggestions
from backend.needs.models import REQUIREMENT_LENGTH, REQUIREMENTS_MAX, NeedKind, Offer
from backend.organisations.models import MemberRole, Organisation, OrganisationKind

Item = TypeVar("Item")

_TEXT = Field(default="", max_length=TEXT_LENGTH)


class Page(BaseModel, Generic[Item]):
    """One page of a list; the header Link leads to the next one."""

    items: list[Item]
    page: int
    per_page: int
    total: int


class Named(BaseModel):
    """An organisation by name."""

    id: str
    name: str


class Teaser(BaseModel):
    """摘要 of a need or capability. `organisation` is null where its author is not to be known, `status` of others'."""

    side: SubjectKind
    id: str
    kind: str
    title: str
    summary: str
    specialty: str | None
    device_category: str | None
    region: str
    audience: Audience
    anonymous: bool
    organisation: Named | None
    department: str | None
    is_own: bool
    status: str | None
    published_at: datetime | None
    updated_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "side": "need",
                    "id": "0123456789abcdef",
                    "kind": "clinical",
                    "title": "能在心脏内调节弯度的房间隔穿刺针",
                    "summary": "现有穿刺针不能弯曲，抵住房间隔后容易上滑。",
                    "specialty": None,
                    "device_category": None,
                    "region": "310107",
                    "audience": "members",
                    "anonymous": True,
                    "organisation": None,
                    "department": None,
                    "is_own": False,
                    "status": None,
                    "published_at": "2026-11-22T08:00:00Z",
                    "updated_at": "2026-11-22T08:00:00Z",
                }
            ]
        }
    )


def teaser(card: Card) -> Teaser:
    """A card as the API sends it."""
    known = card.organisation_id is not None and card.organisation_name is not None
    return Teaser(
        side=card.subject_kind,
        id=card.id,
        kind=card.kind,
        title=card.title,
        summary=card.summary,
        specialty=card.specialty,
        device_category=card.device_category,
        region=card.region,
        audience=card.audience,
        anonymous=card.anonymous,
        organisation=Named(id=str(card.organisation_id), name=str(card.organisation_name)) if known else None,
        department=card.department_name,
        is_own=card.is_own,
        status=card.status if card.is_own else None,
        published_at=card.published_at,
        updated_at=card.updated_at,
    )


class _FromData(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class NeedBrief(_FromData):
    """详情 of a need."""

    procedure: str
    current_practice: str
    problem: str
    frequency: str
    acceptance_criteria: str
    constraints: str
    offers: list[str]
    offers_note: str


class CapabilityBrief(_FromData):
    """详情 of a capability."""

    composition: str
    principle: str
    indications: str
    stage: Stage | None
    certificate: str
    performance: str
    cooperation: str


class Requirement(_FromData):
    """需求要点, of the tier in which it stands."""

    text: str
    tier: Tier


class _Detail(BaseModel):
    teaser: Teaser
    contact: str | None = Field(description="密件; null where it is closed.")
    version: int
    can_edit: bool
    actions: list[str] = Field(
        description="What this token may do with it now, as an author; brokers review on the pages."
    )


class NeedDetail(_Detail):
    """A need as far as the user of the token may read it."""

    brief: NeedBrief | None = Field(description="详情; null where it is closed.")
    requirements: list[Requirement]


class CapabilityDetail(_Detail):
    """A capability as far as the user of the token may read it."""

    brief: CapabilityBrief | None = Field(description="详情; null where it is closed.")


class _Change(BaseModel):
    """Only what is sent changes."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(default="", max_length=TITLE_LENGTH)
    summary: str = _TEXT
    specialty: str | None = Field(default=None, description="诊疗科目, a code.", max_length=20)
    device_category: str | None = Field(default=None, description="医疗器械分类目录, a code.", max_length=20)
    region: str = Field(default="", description="行政区划代码.", max_length=20)
    audience: Audience = Audience.MEMBERS
    anonymous: bool = False
    contact: str = _TEXT


class NeedChange(_Change):
    """Fields of a need to change."""

    kind: NeedKind = NeedKind.CLINICAL
    department_id: str | None = Field(default=None, pattern=f"^{ID_PATTERN}$")
    procedure: str = _TEXT
    current_practice: str = _TEXT
    problem: str = _TEXT
    frequency: str = _TEXT
    acceptance_criteria: str = _TEXT
    constraints: str = _TEXT
    offers: list[Offer] = Field(default=[], max_length=len(Offer))
    offers_note: str = _TEXT
    teaser_requirements: list[str] = Field(
        default=[],
        max_length=REQUIREMENTS_MAX,
        description=f"要点 for all who see the teaser, at most {REQUIREMENT_LENGTH} characters each.",
    )
    requirements: list[str] = Field(
        default=[],
        max_length=REQUIREMENTS_MAX,
        description="要点 for readers of the brief. Without any, they are proposed from the text.",
    )


class CapabilityChange(_Change):
    """Fields of a capability to change."""

    kind: CapabilityKind = CapabilityKind.PRODUCT
    composition: str = _TEXT
    principle: str = _TEXT
    indications: str = _TEXT
    stage: Stage | None = None
    certificate: str = _TEXT
    performance: str = _TEXT
    cooperation: str = _TEXT


class _Draft(BaseModel):
    id: str | None = Field(
        default=None,
        pattern=f"^{ID_PATTERN}$",
        description="16 hex digits that you choose: sent twice, it makes one draft.",
    )
    organisation_id: str | None = Field(
        default=None, pattern=f"^{ID_PATTERN}$", description="Whose it is; by default your first organisation."
    )


class NeedDraft(_Draft, NeedChange):
    """A new need; it is a draft until it is submitted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "能在心脏内调节弯度的房间隔穿刺针",
                    "summary": "现有穿刺针不能弯曲，抵住房间隔后容易上滑。",
                    "kind": "clinical",
                    "region": "310107",
                    "problem": "抵住房间隔后针尖上滑，穿刺点移位，有穿破心脏的风险。",
                    "requirements": ["弯度可在心脏内调节", "抵住房间隔不上滑"],
                }
            ]
        }
    )


class CapabilityDraft(_Draft, CapabilityChange):
    """A new capability; it is a draft until it is submitted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "可调弯射频房间隔穿刺系统",
                    "summary": "针尖弯度可在心脏内调节，射频能量穿刺，无需推送。",
                    "kind": "product",
                    "region": "310114",
                    "stage": "type_test",
                }
            ]
        }
    )


class Act(BaseModel):
    """What to do: one of the `actions` of a need or capability."""

    action: str = Field(max_length=30, examples=["withdraw"])
    note: str = Field(default="", max_length=NOTE_LENGTH, description="Why; some actions ask for it.")


class AttachmentOut(_FromData):
    """A file of the annex. Where its author is not to be known, it has a neutral name."""

    id: str
    name: str
    size: int = Field(description="Bytes.")
    media_type: str
    stripped: bool = Field(description="Whether metadata about its makers is gone from it.")
    created_at: datetime

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "0123456789abcdef",
                    "name": "技术指标.pdf",
                    "size": 48213,
                    "media_type": "application/pdf",
                    "stripped": True,
                    "created_at": "2026-11-22T08:00:00Z",
                }
            ]
        },
    )


class AttachmentsOut(BaseModel):
    """The files of a need or capability."""

    items: list[AttachmentOut]
    can_change: bool = Field(description="Whether this token may add and remove files.")


class OrganisationOut(BaseModel):
    """An organisation as its page shows it."""

    id: str
    name: str
    kind: OrganisationKind
    region: str
    summary: str
    verified: bool

    @classmethod
    def of(cls, found: Organisation) -> "OrganisationOut":
        """From its record."""
        return cls(
            id=found.id,
            name=found.name,
            kind=found.kind,
            region=found.region,
            summary=found.summary,
            verified=found.is_verified,
        )


class MembershipOut(BaseModel):
    """In which organisation the user works, and as what."""

    organisation: Named
    kind: OrganisationKind
    role: MemberRole
    verified: bool
    jurisdiction: str | None


class Me(BaseModel):
    """Whose token this is, and what it may be used for."""

    user_id: str
    name: str
    memberships: list[MembershipOut]
    token: str = Field(description="The name that its owner gave the token.")
    scopes: list[Scope]
    expires_at: datetime


class Hit(BaseModel):
    """A teaser that fits the words, and the sentence of it that fits best."""

    teaser: Teaser
    snippet: str


class SearchOut(Page[Hit]):
    """Hits of a search; where `state` is not ready the newest. `nearest`: nothing fits well, these are the closest."""

    state: EngineState
    nearest: bool
    by_words: bool


class MatchText(BaseModel):
    """A text in search of its counterpart."""

    text: str = Field(min_length=1, max_length=TEXT_LENGTH, examples=["房间隔穿刺针不能弯曲，抵住房间隔后上滑"])
    side: SubjectKind = Field(description="On which side to look: capability for a need.")


class EvidenceOut(BaseModel):
    """A requirement beside the sentence that shows it best; `contrary`: it seems to state the opposite."""

    requirement: str
    sentence: str
    shown: Shown
    contrary: bool


class FilterOut(_FromData):
    """A demand that one side makes of the other."""

    name: FilterName
    state: State
    hard: bool
    asked: str
    found: str


class QuestionOut(_FromData):
    """What is worth asking, on a filter or (name null) on a requirement that nothing shows."""

    name: FilterName | None
    asked: str
    of_need: bool


class MatchOut(BaseModel):
    """A suggestion, never a promise."""

    teaser: Teaser
    probability: float = Field(ge=0, le=1)
    grade: Grade
    evidence: str
    table: list[EvidenceOut]
    filters: list[FilterOut]
    questions: list[QuestionOut]


class SuggestionsOut(BaseModel):
    """What fits; `nearest` are weaker ones beside a short list."""

    state: EngineState
    by_words: bool
    matches: list[MatchOut]
    nearest: list[MatchOut]


def plain(segments: Sequence[Segment]) -> str:
    """A sentence without its marks."""
    return "".join(segment.text for segment in segments)


def match_out(match: Match) -> MatchOut:
    """One suggestion."""
    return MatchOut(
        teaser=teaser(match.card),
        probability=match.probability,
        grade=match.grade,
        evidence=match.evidence_text,
        table=[
            EvidenceOut(requirement=r.requirement, sentence=plain(r.sentence), shown=r.shown, contrary=r.contrary)
            for r in match.table
        ],
        filters=[FilterOut.model_validate(line) for line in match.filters],
        questions=[QuestionOut.model_validate(question) for question in match.questions],
    )


def suggestions_out(found: Suggestions) -> SuggestionsOut:
    """What a search for matches has found."""
    return SuggestionsOut(
        state=found.state,
        by_words=found.by_words,
        matches=[match_out(match) for match in found.matches],
        nearest=[match_out(match) for match in found.nearest],
    )
