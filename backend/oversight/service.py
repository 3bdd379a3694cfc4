"""What a viewer oversees over both sides: texts to review, versions, releases, and texts open to one's organisation."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.capabilities import policy as capability_policy
from backend.capabilities import service as capabilities
from backend.db import utc_now
from backend.disclosure import proposals, readings, releases, versions
from backend.disclosure.cards import Card
from backend.disclosure.filters import page_count
from backend.disclosure.models import Release, ReleaseProposal, SubjectKind, SubjectVersion, Tier, TieredSubject
from backend.disclosure.policy import (
    Subject,
    can_propose,
    can_release,
    can_write,
    check_can_give_reason,
    oversees,
    readable_tiers,
)
from backend.disclosure.service import SubjectType, record_reading
from backend.errors import Forbidden, NotFound
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer

FOUND = 10
"""Organisations that a search by name offers."""


@dataclass(frozen=True)
class Side:
    """The functions of one side."""

    of: SubjectType
    find: Callable[[Session, str], TieredSubject | None]
    subject_of: Callable[[Any], Subject]
    waiting: Callable[[Session, Collection[str]], Sequence[TieredSubject]]
    cards: Callable[[Session, Viewer, Collection[str]], dict[str, Card]]


SIDES: Mapping[SubjectKind, Side] = {
    SubjectKind.NEED: Side(needs.TYPE, needs.find, need_policy.subject_of, needs.waiting, needs.cards),
    SubjectKind.CAPABILITY: Side(
        capabilities.TYPE,
        capabilities.find,
        capability_policy.subject_of,
        capabilities.waiting,
        capabilities.cards,
    ),
}


@dataclass(frozen=True)
class Waiting:
    """A text that waits for its review, and for how many days it has."""

    card: Card
    submitted_at: datetime
    days: int


@dataclass(frozen=True)
class Opened:
    """A text of others that is open to one of the viewer's organisations."""

    card: Card
    tier: Tier
    expires_at: datetime | None


@dataclass(frozen=True)
class Overseen:
    """A subject that the viewer oversees."""

    card: Card
    facts: Subject
    subject: TieredSubject
    side: Side
    tiers: frozenset[Tier]

    @property
    def is_own(self) -> bool:
        """Whether it is of the viewer's own organisation, who sees all versions and who has read them."""
        return self.card.is_own


@dataclass(frozen=True)
class VersionRow:
    """A version in the list of versions."""

    number: int
    at: datetime
    user_name: str
    shown: bool


@dataclass(frozen=True)
class ReleaseRow:
    """A release with the name of its organisation."""

    release: Release
    organisation_name: str
    is_live: bool


@dataclass(frozen=True)
class ProposalRow:
    """A proposal with the name of its organisation."""

    proposal: ReleaseProposal
    organisation_name: str


@dataclass(frozen=True)
class ReadingRow:
    """A reading with the name of the organisation; empty where the trail does not say which."""

    reading: readings.Reading
    organisation_name: str


@dataclass(frozen=True)
class Releases:
    """Who may read a subject and who has read it; the readings are for those who write for its organisation.

    `readings` is one page of them, None for others; `reading_pages` is how many pages there are.
    """

    releases: Sequence[ReleaseRow]
    proposals: Sequence[ProposalRow]
    readings: Sequence[ReadingRow] | None
    reading_pages: int
    may_release: bool
    may_revoke: bool
    may_propose: bool


def reviews(session: Session, viewer: Viewer) -> list[Waiting]:
    """What waits for a review in the viewer's regions, oldest first; raises Forbidden for others than brokers."""
    if not viewer.is_broker:
        raise Forbidden
    now, found = utc_now(), []
    for side in SIDES.values():
        subjects = side.waiting(session, viewer.jurisdictions)
        cards = side.cards(session, viewer, [subject.id for subject in subjects])
        for subject in subjects:
            if subject.id in cards:
                at = subject.submitted_at or subject.updated_at
                found.append(Waiting(cards[subject.id], at, (now - at).days))
    return sorted(found, key=lambda waiting: waiting.submitted_at)


def opened(session: Session, viewer: Viewer) -> list[Opened]:
    """What is open to the viewer's organisations now and may be read, newest release first."""
    found: list[tuple[datetime, Opened]] = []
    for kind, side in SIDES.items():
        rows = releases.opened_to(session, viewer, kind)
        cards = side.cards(session, viewer, {row.subject_id for row in rows})
        found += [
            (row.created_at, Opened(cards[row.subject_id], row.tier, row.expires_at))
            for row in rows
            if row.subject_id in cards and not cards[row.subject_id].is_own
        ]
    return [opened for _at, opened in sorted(found, key=lambda pair: pair[0], reverse=True)]


def overseen(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> Overseen:
    """A subject of the viewer's organisation or region; raises NotFound for any other."""
    side = SIDES[kind]
    subject = side.find(session, subject_id)
    if subject is None:
        raise NotFound
    facts = side.subject_of(subject)
    cards = side.cards(session, viewer, [subject_id])
    if not oversees(viewer, facts) or subject_id not in cards:
        raise NotFound
    opened_tiers = releases.released_tiers(session, viewer, kind, subject_id)
    return Overseen(cards[subject_id], facts, subject, side, readable_tiers(viewer, facts, opened_tiers))


def closed_brief(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> Overseen:
    """An open subject whose brief an administrator may read after giving a reason.

    Raises NotFound for others than administrators, and where the brief needs no reason; Conflict where it is not open.
    """
    side = SIDES[kind]
    subject = side.find(session, subject_id)
    if subject is None:
        raise NotFound
    facts = side.subject_of(subject)
    check_can_give_reason(viewer, facts)
    tiers = readable_tiers(viewer, facts, releases.released_tiers(session, viewer, kind, subject_id))
    if Tier.BRIEF in tiers:
        raise NotFound
    return Overseen(side.cards(session, viewer, [subject_id])[subject_id], facts, subject, side, tiers)


def version_rows(session: Session, found: Overseen) -> list[VersionRow]:
    """The versions that the viewer may read, newest first; names are for the own organisation alone."""
    rows = versions.listing(session, found.facts.kind, found.facts.id, all_of_them=found.is_own)
    names = _user_names(session, [row.user_id for row in rows if row.user_id]) if found.is_own else {}
    return [VersionRow(row.number, row.at, names.get(row.user_id or "", ""), row.shown) for row in rows]


def version_pair(
    session: Session, viewer: Viewer, found: Overseen, number: int, since: int | None
) -> tuple[int | None, versions.Fields, versions.Fields]:
    """The number of the version compared with, what it said and what this one says; raises NotFound.

    Compared is with `since`, else with the version before. The first one is compared with nothing. What a broker reads
    so is recorded as a reading of that version.
    """
    rows = {r.number: r for r in versions.listing(session, found.facts.kind, found.facts.id, all_of_them=found.is_own)}
    if number not in rows or (since is not None and since not in rows):
        raise NotFound
    if since is None:
        since = max((n for n in rows if n < number), default=None)
    for tier in found.tiers:
        record_reading(session, found.side.of, viewer, replace(found.facts, version=number), (), tier)
    former = _cut(found, rows[since]) if since is not None else {}
    return since, former, _cut(found, rows[number])


def _cut(found: Overseen, row: SubjectVersion) -> versions.Fields:
    return versions.cut(row.fields, found.side.of.tiers, found.tiers, own_only=True)


def _user_names(session: Session, ids: Collection[str]) -> dict[str, str]:
    return dict(session.exec(select(User.id, User.name).where(col(User.id).in_(ids))).all())


def releases_of(session: Session, viewer: Viewer, found: Overseen, number: int = 1) -> Releases:
    """The releases of a subject, live ones first, what is proposed, and to its writers a page of who has read it."""
    kind, id_ = found.facts.kind, found.facts.id
    rows = releases.of_subject(session, kind, id_, live=False)
    live = {row.id for row in releases.of_subject(session, kind, id_, live=True)}
    proposed = proposals.waiting(session, kind, id_)
    may_write = can_write(viewer, found.facts)
    read, total = readings.page(session, found.side.of.read_events, found.facts, number) if may_write else ([], 0)
    named: list[Release | ReleaseProposal | readings.Reading] = [*rows, *proposed, *read]
    names = organisations.authors(session, (row.organisation_id for row in named))
    return Releases(
        releases=sorted(
            (ReleaseRow(row, names[row.organisation_id].name, row.id in live) for row in rows),
            key=lambda row: not row.is_live,
        ),
        proposals=[ProposalRow(row, names[row.organisation_id].name) for row in proposed],
        readings=[
            ReadingRow(row, names[row.organisation_id].name if row.organisation_id in names else "") for row in read
        ]
        if may_write
        else None,
        reading_pages=page_count(total, readings.PAGE_SIZE),
        may_release=can_release(viewer, found.facts),
        may_revoke=may_write,
        may_propose=can_propose(viewer, found.facts),
    )


def verified_organisations(session: Session, overseen: Overseen, text: str) -> list[tuple[str, str]]:
    """(id, name) of verified organisations whose name holds the text, without the author's; () for no text."""
    if not text:
        return []
    found = organisations.named(session, text, FOUND + 1)
    names = organisations.authors(session, (organisation.id for organisation in found))
    return [(o.id, names[o.id].name) for o in found if o.id != overseen.facts.organisation_id][:FOUND]
