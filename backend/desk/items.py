"""One thing on the desk as plain data, how urgent it is, and what a source of such things is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlmodel import Session

from backend.desk.kinds import ItemKind, Urgency
from backend.introductions.clock import Clock
from backend.ledger.clock import LedgerClock
from backend.organisations.policy import Viewer
from backend.working_days import add_working_days, today

SOON_DAYS = 3


@dataclass(frozen=True)
class Item:
    """Something for a broker to do.

    It is known by kind and subject. `since` is when it came up last, `due` when it should be done, if there is a
    day for it, `at` when it takes place, if it is a meeting. `region` says on whose desk it lies; `owner_id` is the
    broker whose case it is, if it is somebody's.
    """

    kind: ItemKind
    subject_id: str
    title: str
    url: str
    region: str
    since: datetime
    due: datetime | None = None
    detail: str = ""
    owner_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Moment:
    """What sources count by: now, and the deadlines that the site has set."""

    now: datetime
    clock: Clock
    ledger_clock: LedgerClock


class Source(Protocol):
    """Finds things of some kinds for a viewer who is a broker, each cut to what the viewer may read."""

    def __call__(self, session: Session, viewer: Viewer, moment: Moment) -> list[Item]: ...


@dataclass(frozen=True)
class Registered:
    """A source with the kinds that it finds."""

    kinds: frozenset[ItemKind]
    find: Source


def due_day(due: datetime) -> date:
    """The last day on which something is in time: a deadline is the end of that day."""
    return today(due - timedelta(microseconds=1))


def urgency_at(now: datetime) -> Callable[[Item], Urgency]:
    """How urgent things are at a moment."""
    this_day = today(now)
    soon = add_working_days(this_day, SOON_DAYS)

    def urgency(item: Item) -> Urgency:
        if item.due is None:
            return Urgency.LATER
        if item.due <= now:
            return Urgency.OVERDUE
        day = due_day(item.due)
        if day <= this_day:
            return Urgency.TODAY
        return Urgency.SOON if day <= soon else Urgency.LATER

    return urgency
