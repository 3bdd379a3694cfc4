"""A docking event as its pages show it: all of it to those who arrange it, their own talks to its guests."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from backend.capabilities import service as capabilities
from backend.capabilities import states as capability_states
from backend.capabilities.models import Capability
from backend.conversations import policy as conversations
from backend.disclosure.cards import Card
from backend.errors import NotFound
from backend.introductions import cases
from backend.meetings import docking, docking_guests, docking_outcomes, docking_wishes, policy
from backend.meetings.docking_guests import Guest, GuestState
from backend.meetings.models import CaseMeeting, DockingEvent, DockingGuest, DockingTalk
from backend.meetings.states import DockingStatus
from backend.needs import service as needs
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer

FOUND = 20
LISTED = 200
ORDER = {GuestState.DECLINED: 0, GuestState.WAITING: 1, GuestState.ACCEPTED: 2}


@dataclass(frozen=True)
class TalkView:
    """A talk; names are None where the viewer must not know them. `minutes_url` leads to its minutes, if written."""

    row: DockingTalk
    starts_at: datetime | None
    need: Card | None
    capability: Card | None
    has_begun: bool = False
    minutes_url: str = ""
    declined: bool = False


@dataclass(frozen=True)
class GuestView:
    """A guest with its name; `is_own` where the viewer may answer for it. The note is shown to the agency alone."""

    guest: Guest
    name: str
    is_own: bool = False
    note: str = ""


@dataclass(frozen=True)
class Listed:
    """An event in a list of notifications."""

    title: str
    url: str


@dataclass(frozen=True)
class Sheet:
    """The printed plan of one table or one party."""

    name: str
    talks: tuple[TalkView, ...]


@dataclass(frozen=True)
class EventView:
    """An event for its page; `needs` are those that a broker may choose, `found` capabilities that were sought. With
    `is_changing` the plan, for a guest their own, is another than was sent; guests see it when it is sent."""

    row: DockingEvent
    talks: tuple[TalkView, ...]
    may_arrange: bool
    needs: tuple[Card, ...] = ()
    found: tuple[Card, ...] = ()
    agency: str = ""
    guests: tuple[GuestView, ...] = ()
    may_answer: bool = False
    is_over: bool = False
    is_changing: bool = False

    def count(self, state: str) -> int:
        """How many guests have answered so."""
        return sum(v.guest.state == state for v in self.guests)

    @property
    def must_plan_again(self) -> bool:
        """Whether somebody in the plan has declined since."""
        return any(t.declined for t in self.planned)

    @property
    def planned(self) -> tuple[TalkView, ...]:
        """The talks with a place."""
        return tuple(t for t in self.talks if t.row.slot)

    @property
    def url(self) -> str:
        """Its page."""
        return docking.path_of(self.row.id)

    @property
    def expected(self) -> float:
        """The sum of probabilities of the talks with a place."""
        return sum(t.row.probability or docking_wishes.UNRATED for t in self.planned)


def show(session: Session, viewer: Viewer, event_id: str, q: str = "") -> EventView:
    """An event: to its agency whole, to guests their own talks as they were sent; raises NotFound."""
    row = session.get(DockingEvent, event_id)
    if row is None:
        raise NotFound
    rows = docking.talks(session, event_id)
    guests = docking_guests.of_event(session, event_id)
    may_arrange = policy.can_arrange(viewer, row)
    placed = docking.by_organisation(session, docking.placed_of(rows))
    is_over = docking_guests.is_over(row)
    is_open = row.status is DockingStatus.PUBLISHED and not is_over
    unsent = docking_guests.unsent(row, guests, placed) if is_open else set()
    if not may_arrange:
        mine = set(viewer.verified_organisation_ids)
        guests = {i: g for i, g in guests.items() if i in mine}
        if not guests:
            raise NotFound
        unsent &= {i for i, g in guests.items() if g.has_plan}
        shown = {t.id for i, g in guests.items() if g.has_plan and i not in unsent for t in placed.get(i, ())}
        rows = [t for t in rows if t.id in shown]
    names = organisations.authors(session, {row.organisation_id, *guests})
    gone = {i for i, g in guests.items() if g.state is GuestState.DECLINED} if may_arrange else set()
    view = EventView(
        row,
        tuple(_views(session, viewer, row, rows, gone)),
        may_arrange,
        agency=names[row.organisation_id].name,
        guests=tuple(
            sorted(
                (
                    GuestView(g, names[i].name, viewer.may_write_for(i), g.note if may_arrange else "")
                    for i, g in guests.items()
                    if i in names
                ),
                key=lambda v: (ORDER[v.guest.state], v.name),
            )
        ),
        may_answer=is_open,
        is_over=is_over,
        is_changing=bool(unsent),
    )
    if not may_arrange:
        return view
    listed = docking_wishes.open_needs(session, viewer)
    cards = needs.cards(session, viewer, {n.id for n in listed})
    choices = tuple(cards[n.id] for n in listed if n.id in cards)
    return replace(view, needs=choices, found=tuple(_search(session, viewer, q)) if q else ())


def _views(
    session: Session, viewer: Viewer, event: DockingEvent, rows: Sequence[DockingTalk], gone: Collection[str]
) -> list[TalkView]:
    of_needs = needs.cards(session, viewer, {t.need_id for t in rows})
    of_others = capabilities.cards(session, viewer, {t.capability_id for t in rows})
    own = docking.by_organisation(session, rows) if gone else {}
    declined = {t.id for i in gone for t in own.get(i, ())}
    held = select(CaseMeeting.id, CaseMeeting.introduction_id).where(col(CaseMeeting.id).in_([t.id for t in rows]))
    minutes = dict(session.exec(held).all())
    return [
        TalkView(
            t,
            docking.start_of(event, t.slot) if t.slot else None,
            of_needs.get(t.need_id),
            of_others.get(t.capability_id),
            has_begun=docking_outcomes.has_begun(event, t),
            minutes_url=f"{cases.path_of(minutes[t.id])}/meetings/{t.id}" if t.id in minutes else "",
            declined=t.id in declined,
        )
        for t in rows
    ]


def talk(session: Session, viewer: Viewer, event_id: str, talk_id: str) -> tuple[TalkView, tuple[tuple[str, str], ...]]:
    """A talk for the form of its minutes, with (id, name) of the two; raises NotFound or Forbidden."""
    event, row = docking_outcomes.talk_of(session, viewer, event_id, talk_id)
    names = organisations.authors(session, own := docking.by_organisation(session, [row]))
    (view,) = _views(session, viewer, event, [row], ())
    return view, tuple((i, names[i].name) for i in own if i in names)


def events_of(session: Session, viewer: Viewer) -> Sequence[DockingEvent]:
    """The events of the viewer's agencies, and those whose plan was sent to their organisations, newest first."""
    newest = select(DockingEvent).order_by(col(DockingEvent.starts_at).desc())
    agencies = [i for i in conversations.agencies(viewer) if viewer.may_write_for(i)]
    arranged = session.exec(newest.where(col(DockingEvent.organisation_id).in_(agencies)).limit(LISTED)).all()
    invited = select(DockingGuest.event_id).where(
        col(DockingGuest.organisation_id).in_(viewer.verified_organisation_ids)
    )
    sent = session.exec(newest.where(col(DockingEvent.id).in_(invited)).limit(LISTED)).all()
    found = {e.id: e for e in (*arranged, *sent)}
    return sorted(found.values(), key=lambda e: e.starts_at, reverse=True)


def cards(session: Session, viewer: Viewer, ids: Collection[str]) -> dict[str, Listed]:
    """The events among these ids that the viewer may open: titles of notifications."""
    rows = session.exec(select(DockingEvent).where(col(DockingEvent.id).in_(list(ids)))).all()
    known = docking_guests.of_events(session, [row.id for row in rows])
    mine = set(viewer.verified_organisation_ids)
    return {
        row.id: Listed(row.title, docking.path_of(row.id))
        for row in rows
        if policy.can_arrange(viewer, row) or mine & set(known[row.id])
    }


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
