"""What is on the desk of a broker, in which order, and what the agency has said of it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.desk import policy
from backend.desk.items import Item, Moment, Registered, urgency_at
from backend.desk.kinds import ItemKind, Urgency
from backend.desk.models import DeskMark
from backend.desk.sources import SOURCES
from backend.errors import NotFound
from backend.organisations.models import Membership
from backend.organisations.policy import WRITING_ROLES, Viewer
from backend.working_days import today

PAGE_SIZE = 40
"""So many fit on one sheet of paper."""


class View(StrEnum):
    """Which part of the desk is looked at."""

    MINE = "mine"
    DEFERRED = "deferred"
    HANDED = "handed"


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
    rows, in_view = _in_view(session, viewer, moment, view)
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


def listed(session: Session, viewer: Viewer, moment: Moment, view: View, kind: ItemKind | None) -> list[Row]:
    """All that a view of the desk has, in its order; raises Forbidden for others than brokers."""
    _all, in_view = _in_view(session, viewer, moment, view)
    return [row for row in in_view if kind is None or row.item.kind is kind]


def _in_view(session: Session, viewer: Viewer, moment: Moment, view: View) -> tuple[list[Row], list[Row]]:
    policy.check_can_see(viewer)
    rows = rows_of(session, viewer, moment, SOURCES)
    return rows, [row for row in rows if _view_of(viewer, row, moment) is view]


def find(session: Session, viewer: Viewer, moment: Moment, kind: ItemKind, subject_id: str) -> Row:
    """One thing of the viewer's desk, wherever on it; raises Forbidden or NotFound."""
    policy.check_can_see(viewer)
    rows = rows_of(session, viewer, moment, [s for s in SOURCES if kind in s.kinds])
    found = next((r for r in rows if (r.item.kind, r.item.subject_id) == (kind, subject_id)), None)
    if found is None:
        raise NotFound
    return found


def _view_of(viewer: Viewer, row: Row, moment: Moment) -> View:
    if row.until is not None and row.until > today(moment.now):
        return View.DEFERRED
    return View.HANDED if row.owner_id not in (None, viewer.user_id) else View.MINE


def rows_of(session: Session, viewer: Viewer, moment: Moment, sources: Sequence[Registered]) -> list[Row]:
    items = [item for source in sources for item in source.find(session, viewer, moment)]
    marks = _marks(session, viewer, {item.kind for item in items})
    names = members_of(session, policy.agencies_of(viewer))
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


def members_of(session: Session, agencies: Collection[str]) -> dict[str, str]:
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
