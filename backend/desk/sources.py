"""Where the things on the desk come from. A room that has something for brokers adds one function here.

Each function asks its tables once, however many things there are, and takes titles from cards, so that nobody reads
here what the page of the subject would not show them.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability
from backend.capabilities.states import CapabilityStatus
from backend.desk.case_sources import cases
from backend.desk.items import Item, Moment, Registered
from backend.desk.kinds import ItemKind
from backend.desk.ledger_sources import ledgers
from backend.desk.meeting_sources import meetings
from backend.disclosure.cards import Card
from backend.disclosure.models import ReleaseProposal, SubjectKind
from backend.i18n import gettext as _
from backend.introductions.models import CaseParty, Introduction, Side
from backend.introductions.states import OPEN
from backend.matching.ranker import Grade
from backend.needs import service as needs
from backend.needs.models import Need
from backend.organisations import service as organisations
from backend.organisations import verification
from backend.organisations.policy import Viewer, can_verify_any
from backend.oversight import service as oversight
from backend.oversight.service import SIDES
from backend.shortlists import service as shortlists
from backend.working_days import deadline

REVIEW_DAYS = 3
VERIFY_DAYS = 3
INTRODUCE_DAYS = 5
PROPOSAL_DAYS = 6
"""Working days within which things on the desk should be done. They end nothing, they only sort."""
NAMED = 2
REVIEWS = {SubjectKind.NEED: ItemKind.REVIEW_NEED, SubjectKind.CAPABILITY: ItemKind.REVIEW_CAPABILITY}


def reviews(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Texts that wait for their review; one's own is reviewed by a colleague."""
    return [
        Item(
            REVIEWS[row.card.subject_kind],
            row.card.id,
            row.card.title,
            row.card.url,
            row.card.region,
            row.submitted_at,
            deadline(row.submitted_at, REVIEW_DAYS),
            row.card.organisation_name or "",
        )
        for row in oversight.reviews(session, viewer)
    ]


def registrations(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Organisations that wait for their verification."""
    if not can_verify_any(viewer):
        return []
    return [
        Item(
            ItemKind.VERIFY,
            row.id,
            row.name,
            f"/organisations/{row.id}",
            row.region,
            row.submitted_at,
            deadline(row.submitted_at, VERIFY_DAYS),
        )
        for row in verification.waiting(session, viewer)
        if row.region in viewer.jurisdictions
    ]


def matches(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Published needs with strong matches whom nobody has been introduced to yet: one thing for each need."""
    found = shortlists.pairs(session, viewer.jurisdictions, (Grade.STRONG,))
    met = partners(session, {pair.need_id for pair in found})
    by_need = defaultdict(list)
    for pair in found:
        if pair.organisation_id not in met[pair.need_id]:
            by_need[pair.need_id].append(pair)
    cards = needs.cards(session, viewer, by_need)
    others = capabilities.cards(session, viewer, {p.capability_id for pairs in by_need.values() for p in pairs})
    items = []
    for need_id, pairs in by_need.items():
        shown = [others[p.capability_id] for p in pairs if p.capability_id in others]
        if need_id in cards and shown:
            since = max(p.since for p in pairs)
            due = deadline(since, INTRODUCE_DAYS)
            items.append(_of_need(ItemKind.MATCH, cards[need_id], since, due, _names(shown)))
    return items


def _names(cards: list[Card]) -> str:
    names = list(dict.fromkeys(card.organisation_name or _("匿名单位") for card in cards))
    listed = "、".join(names[:NAMED])
    if len(names) > NAMED:
        return _("%(names)s等 %(count)s 家") % {"names": listed, "count": len(names)}
    return listed


def _of_need(kind: ItemKind, card: Card, since: Any, due: Any, detail: str) -> Item:
    return Item(kind, card.id, card.title, f"/desk/needs/{card.id}", card.region, since, due, detail)


def partners(session: Session, need_ids: Collection[str]) -> Mapping[str, set[str]]:
    """By need, the organisations with which it has or had a case: whoever declined is not proposed once more."""
    query = (
        sa.select(col(Introduction.need_id), col(CaseParty.organisation_id))
        .join(CaseParty, col(CaseParty.introduction_id) == col(Introduction.id))
        .where(col(Introduction.need_id).in_(need_ids), col(CaseParty.side) == Side.CAPABILITY)
    )
    found: defaultdict[str, set[str]] = defaultdict(set)
    for need_id, organisation_id in session.execute(query).all():
        found[need_id].add(organisation_id)
    return found


def gaps(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Published needs that nothing in the library answers, and that are in no case."""
    found = shortlists.unanswered(session, viewer.jurisdictions)
    ids = [row.need_id for row in found]
    open_cases = select(Introduction.need_id).where(
        col(Introduction.need_id).in_(ids), col(Introduction.status).in_(OPEN)
    )
    busy = set(session.exec(open_cases).all())
    cards = needs.cards(session, viewer, ids)
    return [
        _of_need(ItemKind.GAP, cards[row.need_id], row.since, None, cards[row.need_id].organisation_name or "")
        for row in found
        if row.need_id in cards and row.need_id not in busy
    ]


def stale(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Organisations with capabilities that nobody has confirmed in time: one thing for each.

    A text that has gone stale is shown to nobody but its authors, so the thing names the organisation and no title.
    """
    query = (
        sa.select(
            col(Capability.organisation_id),
            func.min(col(Capability.region)),
            func.count(),
            func.max(col(Capability.updated_at)),
        )
        .where(col(Capability.status) == CapabilityStatus.STALE, col(Capability.region).in_(viewer.jurisdictions))
        .group_by(col(Capability.organisation_id))
    )
    rows = session.execute(query).all()
    authors = organisations.authors(session, (row[0] for row in rows))
    return [
        Item(
            ItemKind.STALE,
            organisation_id,
            authors[organisation_id].name,
            f"/organisations/{organisation_id}",
            region,
            since,
            None,
            _("%(count)s 项能力满一年未确认") % {"count": count},
        )
        for organisation_id, region, count, since in rows
        if organisation_id in authors and authors[organisation_id].is_listed
    ]


def proposals(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Suggestions to open a text that its author has not answered."""
    items = []
    for kind, table in ((SubjectKind.NEED, Need), (SubjectKind.CAPABILITY, Capability)):
        query = (
            select(ReleaseProposal)
            .join(table, col(table.id) == col(ReleaseProposal.subject_id))
            .where(
                ReleaseProposal.subject_kind == kind,
                col(ReleaseProposal.decided_at).is_(None),
                col(table.region).in_(viewer.jurisdictions),
            )
            .order_by(col(ReleaseProposal.created_at))
        )
        rows = session.exec(query).all()
        cards = SIDES[kind].cards(session, viewer, {row.subject_id for row in rows})
        names = organisations.authors(session, (row.organisation_id for row in rows))
        items += [
            Item(
                ItemKind.PROPOSAL,
                row.id,
                cards[row.subject_id].title,
                f"{cards[row.subject_id].url}/releases",
                cards[row.subject_id].region,
                row.created_at,
                deadline(row.created_at, PROPOSAL_DAYS),
                _("向%(name)s开放") % {"name": names[row.organisation_id].name},
            )
            for row in rows
            if row.subject_id in cards
        ]
    return items


SOURCES: tuple[Registered, ...] = (
    Registered(frozenset(REVIEWS.values()), reviews),
    Registered(frozenset({ItemKind.VERIFY}), registrations),
    Registered(frozenset({ItemKind.ASKED, ItemKind.ANSWER}), cases),
    Registered(frozenset({ItemKind.MATCH}), matches),
    Registered(frozenset({ItemKind.MEETING}), meetings),
    Registered(frozenset({ItemKind.LEDGER}), ledgers),
    Registered(frozenset({ItemKind.PROPOSAL}), proposals),
    Registered(frozenset({ItemKind.STALE}), stale),
    Registered(frozenset({ItemKind.GAP}), gaps),
)
