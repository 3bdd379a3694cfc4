"""A docking event as its pages show it: all of it to those who arrange it, their own talks to its guests."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from backend.capabilities import service as capabilities
from backend.capabilities import states as capability_states
from backend.capabilities.models import Capability
from backend.disclosure.cards import Card
from backend.errors import NotFound
from backend.meetings import docking, policy
from backend.meetings.models import DockingEvent, DockingTalk
from backend.needs import service as needs
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer

FOUND = 20


@dataclass(frozen=True)
class TalkView:
    """A talk; names are None where the viewer must not know them."""

    row: DockingTalk
    starts_at: datetime | None
    need: Card | None
    capability: Card | None


@dataclass(frozen=True)
class Sheet:
    """The printed plan of one table or one party."""

    name: str
    talks: tuple[TalkView, ...]


@dataclass(frozen=True)
class EventView:
    """An event for its page; `needs` are those that a broker may choose, `found` capabilities that were sought."""

    row: DockingEvent
    talks: tuple[TalkView, ...]
    may_arrange: bool
    needs: tuple[Card, ...] = ()
    found: tuple[Card, ...] = ()
    agency: str = ""

    @property
    def planned(self) -> tuple[TalkView, ...]:
        """The talks with a place."""
        return tuple(t for t in self.talks if t.row.slot)

    @property
    def url(self) -> str:
        """Its page."""
        return f"/docking/{self.row.id}"

    @property
    def expected(self) -> float:
        """The sum of probabilities of the talks with a place."""
        return sum(t.row.probability or docking.UNRATED for t in self.planned)


def show(session: Session, viewer: Viewer, event_id: str, q: str = "") -> EventView:
    """An event: to its agency whole, to guests their own talks once it was sent; raises NotFound."""
    row = session.get(DockingEvent, event_id)
    if row is None:
        raise NotFound
    rows = docking.talks(session, event_id)
    may_arrange = policy.can_arrange(viewer, row)
    if not may_arrange:
        own = docking.by_organisation(session, rows)
        mine = {t.id for i in viewer.verified_organisation_ids for t in own.get(i, ()) if t.slot}
        if row.sequence == 0 or not mine:
            raise NotFound
        rows = [t for t in rows if t.id in mine]
    agency = organisations.authors(session, [row.organisation_id])[row.organisation_id].name
    view = EventView(row, tuple(_views(session, viewer, row, rows)), may_arrange, agency=agency)
    if not may_arrange:
        return view
    listed = docking.open_needs(session, viewer)
    cards = needs.cards(session, viewer, {n.id for n in listed})
    choices = tuple(cards[n.id] for n in listed if n.id in cards)
    return EventView(row, view.talks, True, choices, tuple(_search(session, viewer, q)) if q else (), agency)


def _views(session: Session, viewer: Viewer, event: DockingEvent, rows: Sequence[DockingTalk]) -> list[TalkView]:
    of_needs = needs.cards(session, viewer, {t.need_id for t in rows})
    of_others = capabilities.cards(session, viewer, {t.capability_id for t in rows})
    return [
        TalkView(
            t,
            docking.start_of(event, t.slot) if t.slot else None,
            of_needs.get(t.need_id),
            of_others.get(t.capability_id),
        )
        for t in rows
    ]


def _search(session: Session, viewer: Viewer, q: str) -> Collection[Card]:
    """Open capabilities whose title holds the words, as far as the viewer reads them."""
    query = select(Capability.id).where(
        col(Capability.status).in_(capability_states.OPEN), col(Capability.title).contains(q, autoescape=True)
    )
    ids = session.exec(query.order_by(col(Capability.published_at).desc()).limit(FOUND)).all()
    cards = capabilities.cards(session, viewer, set(ids))
    return [cards[i] for i in ids if i in cards]


def sheets(session: Session, viewer: Viewer, event_id: str) -> tuple[EventView, list[Sheet], list[Sheet]]:
    """The plan by table and by party, for those who arrange it; raises NotFound or Forbidden."""
    docking.get(session, viewer, event_id)
    view = show(session, viewer, event_id)
    tables = [
        Sheet(str(number), tuple(t for t in view.planned if t.row.table_number == number))
        for number in range(1, view.row.tables + 1)
    ]
    by_id = {t.row.id: t for t in view.planned}
    own = docking.by_organisation(session, [t.row for t in view.planned])
    names = organisations.authors(session, own)
    parties = [Sheet(names[i].name, tuple(by_id[t.id] for t in rows)) for i, rows in own.items() if i in names]
    return view, [s for s in tables if s.talks], sorted(parties, key=lambda s: s.name)
