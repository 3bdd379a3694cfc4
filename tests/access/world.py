"""Texts of every kind and status with a canary in every sealed field, and somebody of every role who looks for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from sqlmodel import Session
from starlette.testclient import TestClient

from backend import outbox
from backend.accounts import sessions
from backend.capabilities.models import Capability
from backend.capabilities.states import CapabilityStatus
from backend.db import Database, utc_now
from backend.disclosure.models import Audience, Release, SubjectKind, Tier
from backend.needs.models import Need
from backend.needs.states import NeedStatus
from backend.organisations.models import MemberRole, OrganisationKind
from backend.responses.models import CallResponse, Criterion, ResponseCall
from backend.responses.states import CallStatus, ResponseStatus
from tests.factories import JIADING, PUTUO, Factory, Party

NAMED = ("示例·有名医院", "有名科室")
UNNAMED = ("示例·画眉鸟医院", "画眉鸟科室")
"""Organisation and department of the authors; by the second pair an anonymous author would be known."""
WORDS = "穿刺针弯度可调，抵住房间隔不上滑"
"""What both sides of a match say, so that they find each other."""
ANSWERED = "responsecanary"
"""Stands in every response to a call; its reading is for author and broker alone, as nobody reviews."""
RELEASED = (Tier.BRIEF, Tier.ANNEX)
EVERYTHING = frozenset(Tier)

BRIEF_FIELDS = {
    SubjectKind.NEED: (
        *("procedure", "current_practice", "problem", "frequency", "acceptance_criteria", "constraints", "offers_note"),
    ),
    SubjectKind.CAPABILITY: (
        *("composition", "principle", "indications", "certificate", "performance", "cooperation"),
    ),
}
STATUSES = {SubjectKind.NEED: tuple(NeedStatus), SubjectKind.CAPABILITY: tuple(CapabilityStatus)}
OPEN = {SubjectKind.NEED: {"published", "matched"}, SubjectKind.CAPABILITY: {"published"}}
PLURAL = {SubjectKind.NEED: "needs", SubjectKind.CAPABILITY: "capabilities"}


@dataclass(frozen=True)
class Case:
    """One text: what it is, where it is in its life, whom its author wants to reach, and under which name."""

    number: int
    kind: SubjectKind
    status: str
    audience: Audience
    anonymous: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.status} {self.audience} {'anonymous' if self.anonymous else 'named'}"

    @property
    def is_open(self) -> bool:
        """Whether others may find it."""
        return self.status in OPEN[self.kind]

    def canary(self, tier: Tier) -> str:
        """A word that stands in every field of a tier of this text and nowhere else."""
        return f"{tier}canary{self.number:03d}z"


def cases() -> Iterator[Case]:
    """Every status for either audience, named and anonymous in turn, and open ones in all four ways."""
    wanted = [
        (kind, status, audience, anonymous)
        for kind, statuses in STATUSES.items()
        for status in statuses
        for audience in Audience
        for anonymous in (False, True)
        if status in OPEN[kind] or anonymous == (audience is Audience.MEMBERS)
    ]
    for number, (kind, status, audience, anonymous) in enumerate(wanted):
        yield Case(number, kind, str(status), audience, anonymous)


CASES = tuple(cases())


@dataclass(frozen=True)
class Reader:
    """Somebody of a role: their browser, the organisation that they are of, and texts of their own of both kinds."""

    role: str
    client: TestClient
    party: Party | None
    own: dict[SubjectKind, str]


@dataclass(frozen=True)
class World:
    """All texts, by case, and everybody who looks for them, by role."""

    app: FastAPI
    database: Database
    subjects: dict[Case, str]
    authors: dict[bool, Party]
    readers: dict[str, Reader]

    def url(self, case: Case) -> str:
        """The page of a text."""
        return f"/{PLURAL[case.kind]}/{self.subjects[case]}"


ROLES = (
    *("visitor", "without organisation", "unverified member", "verified member"),
    *("released", "released once, expired", "released once, revoked", "released, but unverified"),
    *("author", "author's reader", "broker here", "broker elsewhere", "admin"),
)
VERIFIED = {
    *("verified member", "released", "released once, expired", "released once, revoked"),
    *("broker here", "broker elsewhere"),
}


def may_read(role: str, case: Case) -> frozenset[Tier]:
    """The table of the design, section 4, written out once more and not taken from the code under test."""
    if role.startswith("author"):
        return EVERYTHING
    if case.status == "submitted":
        return frozenset({Tier.TEASER, Tier.BRIEF}) if role == "broker here" else frozenset()
    if not case.is_open:
        return frozenset()
    tiers: set[Tier] = set()
    if case.audience is Audience.PUBLIC or role in VERIFIED or role == "admin":
        tiers.add(Tier.TEASER)
    if role == "released":
        tiers |= {Tier.BRIEF, Tier.ANNEX}
    if role == "broker here":
        tiers.add(Tier.BRIEF)
    return frozenset(tiers)


def may_know_the_author(role: str, case: Case) -> bool:
    """Outside the author's organisation and its broker nothing shows who asks."""
    return (
        not case.anonymous
        or role.startswith("author")
        or (role == "broker here" and (case.is_open or case.status == "submitted"))
    )


def build(app: FastAPI, database: Database, make: Factory) -> World:
    """Write everything, and sign everybody in."""
    authors = {
        anonymous: make.party(OrganisationKind.HOSPITAL, name=names[0], department=names[1])
        for anonymous, names in ((False, NAMED), (True, UNNAMED))
    }
    subjects = {case: _sealed(make, case, authors[case.anonymous]) for case in CASES}
    parties: dict[str, Party | None] = {
        "visitor": None,
        "without organisation": make.somebody(),
        "unverified member": make.party(verified=False),
        "verified member": make.party(),
        "released": make.party(),
        "released once, expired": make.party(),
        "released once, revoked": make.party(),
        "released, but unverified": make.party(verified=False),
        "author": make.join_all(authors.values(), MemberRole.OWNER),
        "author's reader": make.join_all(authors.values(), MemberRole.VIEWER),
        "broker here": make.broker(PUTUO),
        "broker elsewhere": make.broker(JIADING),
        "admin": make.somebody(is_admin=True),
    }
    assert tuple(parties) == ROLES
    responder = make.party()
    with database.session(write=True) as session:
        for case, subject_id in subjects.items():
            _set_status(session, case, subject_id)
            for role in ("released", "released, but unverified"):
                _release(session, case, subject_id, parties[role])
            _release(session, case, subject_id, parties["released once, expired"], days=-1)
            _release(session, case, subject_id, parties["released once, revoked"], revoked=True)
            if case.kind is SubjectKind.NEED and case.is_open:
                _answered(session, subject_id, responder)
    app.state.engine.follow()
    readers = {role: _reader(app, database, make, role, party) for role, party in parties.items()}
    app.state.engine.follow()
    return World(app, database, subjects, authors, readers)


def _sealed(make: Factory, case: Case, author: Party) -> str:
    def text(tier: Tier) -> str:
        return f"{WORDS}。{case.canary(tier)}。"

    values: dict[str, Any] = {
        "audience": case.audience,
        "anonymous": case.anonymous,
        "summary": text(Tier.TEASER),
        "contact": text(Tier.ANNEX),
        **{name: text(Tier.BRIEF) for name in BRIEF_FIELDS[case.kind]},
    }
    if case.kind is SubjectKind.CAPABILITY:
        return make.capability(author, WORDS, **values).id
    department = author.viewer.memberships[0].department_id
    return make.need(author, WORDS, requirements=(text(Tier.BRIEF),), department_id=department or "", **values).id


def _set_status(session: Session, case: Case, subject_id: str) -> None:
    subject = stored(session, case, subject_id)
    subject.status = type(subject.status)(case.status)
    session.add(subject)
    outbox.append(session, outbox.Topic.INDEX, case.kind, subject_id)


def _answered(session: Session, need_id: str, responder: Party) -> None:
    """A call that has closed, with one response; both have the id of the need, so that addresses can be filled in."""
    now = utc_now()
    session.add(
        ResponseCall(
            id=need_id,
            need_id=need_id,
            status=CallStatus.CLOSED,
            open_key=need_id,
            until=now - timedelta(days=1),
            closed_at=now,
            locked_at=now,
        )
    )
    session.flush()
    session.add(Criterion(call_id=need_id, position=0, name="可行性", weight=1))
    session.add(
        CallResponse(
            id=need_id,
            call_id=need_id,
            organisation_id=responder.organisation.id,
            status=ResponseStatus.SUBMITTED,
            solution=ANSWERED,
            price=ANSWERED,
            submitted_at=now,
        )
    )


def stored(session: Session, case: Case, subject_id: str) -> Any:
    """The row of a text."""
    found = session.get(Need if case.kind is SubjectKind.NEED else Capability, subject_id)
    assert found is not None
    return found


def _release(
    session: Session, case: Case, subject_id: str, party: Party | None, *, days: int = 30, revoked: bool = False
) -> None:
    assert party is not None
    now = utc_now()
    for tier in RELEASED:
        session.add(
            Release(
                subject_kind=case.kind,
                subject_id=subject_id,
                tier=tier,
                organisation_id=party.organisation.id,
                version=1,
                created_at=now - timedelta(days=60),
                expires_at=now + timedelta(days=days),
                revoked_at=now - timedelta(days=1) if revoked else None,
            )
        )


def _reader(app: FastAPI, database: Database, make: Factory, role: str, party: Party | None) -> Reader:
    client = TestClient(app, follow_redirects=False)
    own: dict[SubjectKind, str] = {}
    if party is not None:
        with database.session(write=True) as session:
            token = sessions.start(session, party.user, days=1, user_agent="test")
        client.cookies.set(sessions.COOKIE, token, domain="testserver.local")
        if role in VERIFIED:
            own = {
                SubjectKind.NEED: make.need(party, WORDS, summary=f"{WORDS}。").id,
                SubjectKind.CAPABILITY: make.capability(party, WORDS, summary=f"{WORDS}。").id,
            }
    return Reader(role, client, party, own)
