"""The desk of a broker: what is on it, in which order, and what has been put off or handed to a colleague."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, delete, select

from backend.accounts.models import User
from backend.audit import events
from backend.audit.events import Event
from backend.db import Database, utc_now
from backend.desk import policy
from backend.desk.items import Item, Moment, Registered, urgency_at
from backend.desk.kinds import KINDS, ItemKind, Urgency
from backend.desk.models import DeskMark
from backend.desk.sources import SOURCES
from backend.errors import DomainError, NotFound
from backend.introductions import brokers
from backend.introductions.models import CaseBroker
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.models import Membership
from backend.organisations.policy import WRITING_ROLES, Viewer
from backend.working_days import add_working_days, today

KIND = "desk_mark"
"""The name of a mark in the audit trail and in notifications."""
PAGE_SIZE = 40
"""So many fit on one sheet of paper."""
LONGEST_DAYS = 92
SUGGESTED_DAYS = (1, 3, 5, 10)
FORGET_DAYS = 365


class View(StrEnum):
    """Which part of the desk is looked at."""

    MINE = "mine"
    DEFERRED = "deferred"
    HANDED = "handed"


class BadDay(DomainError):
    """Not a day to which something can be put off."""

    status = 422
    zh = "请选择明天起三个月内的日期。"
    en = "Choose a day from tomorrow up to three months from now."


class NoColleague(DomainError):
    """Not somebody to whom something can be handed."""

    status = 422
    zh = "请选择本部门的另一位撮合员。"
    en = "Choose another broker of your agency."


@dataclass(frozen=True)
class Row:
    """A thing on the desk with what the agency has said of it; names are "" for accounts that are no more."""

    item: Item
    urgency: Urgency
    until: date | None = None
    reason: str = ""
    deferred_by: str = ""
    owner_id: str | None = None
    owner_name: str = ""
    handed_by: str = ""
    note: str = ""
    can_act: bool = False

    @property
    def path(self) -> str:
        """The address under which it is put off or handed over."""
        return f"/desk/items/{self.item.kind}/{self.item.subject_id}"


@dataclass(frozen=True)
class Desk:
    """One page of a view of the desk. `counts` are those of the view by kind, `totals` those of the views."""

    rows: Sequence[Row]
    total: int
    counts: Mapping[ItemKind, int]
    totals: Mapping[View, int]
    overdue: int
    page: int
    pages: int

    @property
    def groups(self) -> list[tuple[Urgency, list[Row]]]:
        """The rows of the page by urgency."""
        return [(u, rows) for u in Urgency if (rows := [r for r in self.rows if r.urgency is u])]


def read(
    session: Session,
    viewer: Viewer,
    moment: Moment,
    view: View = View.MINE,
    kind: ItemKind | None = None,
    page: int = 1,
) -> Desk:
    """A page of the desk, what is most urgent first; raises Forbidden for others than brokers."""
    policy.check_can_see(viewer)
    rows = _rows(session, viewer, moment, SOURCES)
    in_view = [row for row in rows if _view_of(viewer, row, moment) is view]
    chosen = [row for row in in_view if kind is None or row.item.kind is kind]
    pages = max(1, -(-len(chosen) // PAGE_SIZE))
    page = min(page, pages)
    counts = Counter(row.item.kind for row in in_view)
    return Desk(
        rows=chosen[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        total=len(chosen),
        counts={k: counts[k] for k in ItemKind if counts[k]},
        totals=Counter(_view_of(viewer, row, moment) for row in rows),
        overdue=sum(row.urgency is Urgency.OVERDUE for row in chosen),
        page=page,
        pages=pages,
    )


def find(session: Session, viewer: Viewer, moment: Moment, kind: ItemKind, subject_id: str) -> Row:
    """One thing of the viewer's desk, wherever on it; raises Forbidden or NotFound."""
    policy.check_can_see(viewer)
    rows = _rows(session, viewer, moment, [s for s in SOURCES if kind in s.kinds])
    found = next((r for r in rows if (r.item.kind, r.item.subject_id) == (kind, subject_id)), None)
    if found is None:
        raise NotFound
    return found


def _view_of(viewer: Viewer, row: Row, moment: Moment) -> View:
    if row.until is not None and row.until > today(moment.now):
        return View.DEFERRED
    return View.HANDED if row.owner_id not in (None, viewer.user_id) else View.MINE


def _rows(session: Session, viewer: Viewer, moment: Moment, sources: Sequence[Registered]) -> list[Row]:
    items = [item for source in sources for item in source.find(session, viewer, moment)]
    marks = _marks(session, viewer, {item.kind for item in items})
    names = _members(session, policy.agencies_of(viewer))
    urgency = urgency_at(moment.now)
    rows = [_row(viewer, item, urgency(item), marks, names) for item in items]
    order = list(Urgency)
    return sorted(
        rows, key=lambda r: (order.index(r.urgency), r.item.due or r.item.since, r.item.since, r.item.subject_id)
    )


def _row(
    viewer: Viewer,
    item: Item,
    urgency: Urgency,
    marks: Mapping[tuple[str, ItemKind, str], DeskMark],
    names: Mapping[str, str],
) -> Row:
    agency = policy.agency_of(viewer, item.region)
    mark = marks.get((agency, item.kind, item.subject_id))
    can_act = policy.can_act(viewer, item.region)
    # Whoever has left the agency has nothing on the desk any more, and all others have it again.
    owner = item.owner_id if item.owner_id in names else None
    if mark is None or mark.at < item.since:
        return Row(item, urgency, owner_id=owner, owner_name=names.get(owner or "", ""), can_act=can_act)
    owner = mark.user_id if mark.user_id in names else owner
    return Row(
        item=item,
        urgency=urgency,
        until=mark.until,
        reason=mark.reason,
        deferred_by=names.get(mark.deferred_by or "", ""),
        owner_id=owner,
        owner_name=names.get(owner or "", ""),
        handed_by=names.get(mark.handed_by or "", ""),
        note=mark.note,
        can_act=can_act,
    )


def _marks(session: Session, viewer: Viewer, kinds: Collection[ItemKind]) -> dict[tuple[str, ItemKind, str], DeskMark]:
    query = select(DeskMark).where(
        col(DeskMark.organisation_id).in_(policy.agencies_of(viewer)), col(DeskMark.kind).in_(kinds)
    )
    return {(m.organisation_id, m.kind, m.subject_id): m for m in session.exec(query).all()}


def _members(session: Session, agencies: Collection[str]) -> dict[str, str]:
    """The brokers of agencies who decide, by id, with their names."""
    query = (
        select(User.id, User.name)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(
            col(Membership.organisation_id).in_(agencies),
            col(Membership.role).in_(WRITING_ROLES),
            col(User.is_active).is_(True),
        )
        .order_by(col(User.name), col(User.id))
    )
    return dict(session.exec(query).all())


def colleagues(session: Session, viewer: Viewer, region: str) -> dict[str, str]:
    """The other brokers of the agency on whose desk something lies, by id."""
    found = _members(session, [policy.agency_of(viewer, region)])
    return {user_id: name for user_id, name in found.items() if user_id != viewer.user_id}


def suggested_days(now: datetime) -> list[date]:
    """Working days to which something may be put off."""
    return [add_working_days(today(now), count) for count in SUGGESTED_DAYS]


def defer(
    session: Session, viewer: Viewer, moment: Moment, kind: ItemKind, subject_id: str, until: date, reason: str
) -> Row:
    """Put something off to a day, with the reason. Raises Forbidden, NotFound or BadDay."""
    row = find(session, viewer, moment, kind, subject_id)
    policy.check_can_act(viewer, row.item.region)
    this_day = today(moment.now)
    if not this_day < until <= this_day + timedelta(days=LONGEST_DAYS):
        raise BadDay
    mark = _mark(session, viewer, row)
    mark.until, mark.reason, mark.deferred_by = until, reason, viewer.user_id
    session.add(mark)
    session.flush()
    events.record(
        session, Event.DESK_DEFER, KIND, mark.id, actor_id=viewer.user_id, item=kind.value, until=until.isoformat()
    )
    return row


def hand_over(
    session: Session, viewer: Viewer, moment: Moment, kind: ItemKind, subject_id: str, user_id: str, note: str
) -> Row:
    """Give something to a colleague of the agency, who is told. A case of the viewer's goes along with it.

    Raises Forbidden, NotFound or NoColleague.
    """
    row = find(session, viewer, moment, kind, subject_id)
    policy.check_can_act(viewer, row.item.region)
    if user_id not in colleagues(session, viewer, row.item.region):
        raise NoColleague
    mark = _mark(session, viewer, row)
    if mark.user_id == user_id and mark.note == note and mark.until is None:
        return row
    mark.user_id, mark.handed_by, mark.note = user_id, viewer.user_id, note
    mark.until, mark.reason, mark.deferred_by = None, "", None
    session.add(mark)
    session.flush()
    if kind is ItemKind.ANSWER and _has_place(session, row):
        brokers.hand_over(session, viewer, subject_id, user_id)
    colleague = session.get(User, user_id)
    assert colleague is not None
    tell(session, [colleague], Notice.DESK_HANDED, KIND, mark.id, path=row.path, actor_id=viewer.user_id)
    events.record(session, Event.DESK_HAND_OVER, KIND, mark.id, actor_id=viewer.user_id, item=kind.value, to=user_id)
    return row


def _has_place(session: Session, row: Row) -> bool:
    """Whether an agency of the case has somebody for it, so that the place is handed over too."""
    query = select(CaseBroker.id).where(
        CaseBroker.introduction_id == row.item.subject_id, CaseBroker.user_id == row.item.owner_id
    )
    return row.item.owner_id is not None and session.exec(query).first() is not None


def take_back(session: Session, viewer: Viewer, moment: Moment, kind: ItemKind, subject_id: str) -> Row:
    """Have something on the desk again, for everybody in the agency. Raises Forbidden or NotFound."""
    row = find(session, viewer, moment, kind, subject_id)
    policy.check_can_act(viewer, row.item.region)
    agency = policy.agency_of(viewer, row.item.region)
    mark = _stored(session, agency, row)
    if mark is not None:
        events.record(session, Event.DESK_TAKE_BACK, KIND, mark.id, actor_id=viewer.user_id, item=kind.value)
        session.delete(mark)
        session.flush()
    return row


def _stored(session: Session, agency: str, row: Row) -> DeskMark | None:
    query = select(DeskMark).where(
        DeskMark.organisation_id == agency, DeskMark.kind == row.item.kind, DeskMark.subject_id == row.item.subject_id
    )
    return session.exec(query.with_for_update()).first()


def _mark(session: Session, viewer: Viewer, row: Row) -> DeskMark:
    """The mark of a thing, which is one's own last word from now on; what was said of an earlier one is dropped."""
    agency = policy.agency_of(viewer, row.item.region)
    mark = _stored(session, agency, row)
    if mark is not None and mark.at < row.item.since:
        mark.user_id, mark.handed_by, mark.note = None, None, ""
        mark.until, mark.reason, mark.deferred_by = None, "", None
    mark = mark or DeskMark(organisation_id=agency, kind=row.item.kind, subject_id=row.item.subject_id)
    mark.at = utc_now()
    return mark


@dataclass(frozen=True)
class Handed:
    """What a notification shows of a thing that was handed over: its kind, and where it is."""

    title: str
    url: str


def handed(session: Session, viewer: Viewer, ids: Collection[str]) -> dict[str, Handed]:
    """Marks for notifications, as far as they are of the viewer's agencies."""
    query = select(DeskMark).where(
        col(DeskMark.id).in_(ids), col(DeskMark.organisation_id).in_(policy.agencies_of(viewer))
    )
    return {m.id: Handed(str(KINDS[m.kind]), f"/desk/items/{m.kind}/{m.subject_id}") for m in session.exec(query).all()}


def forget(database: Database) -> None:
    """Drop marks that nobody has touched for a year."""
    with database.session(write=True) as session:
        session.exec(delete(DeskMark).where(col(DeskMark.at) < utc_now() - timedelta(days=FORGET_DAYS)))
