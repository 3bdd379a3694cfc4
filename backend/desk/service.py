"""Putting something on the desk off to a day, handing it to a colleague, taking it back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, delete, select

from backend.accounts.models import User
from backend.audit import events
from backend.audit.events import Event
from backend.db import Database, utc_now
from backend.desk import policy
from backend.desk.items import Moment
from backend.desk.kinds import KINDS, ItemKind
from backend.desk.models import DeskMark
from backend.desk.reading import Row, find, members_of
from backend.errors import DomainError
from backend.introductions import brokers
from backend.introductions.models import CaseBroker
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.policy import Viewer
from backend.working_days import add_working_days, today

KIND = "desk_mark"
"""The name of a mark in the audit trail and in notifications."""
LONGEST_DAYS = 92
SUGGESTED_DAYS = (1, 3, 5, 10)
FORGET_DAYS = 365
OF_CASES = frozenset({ItemKind.ANSWER, ItemKind.LEDGER})
"""Things whose subject is a case, which goes along to the colleague."""


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


def colleagues(session: Session, viewer: Viewer, region: str) -> dict[str, str]:
    """The other brokers of the agency on whose desk something lies, by id."""
    found = members_of(session, [policy.agency_of(viewer, region)])
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
    if kind in OF_CASES and _has_place(session, row):
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
