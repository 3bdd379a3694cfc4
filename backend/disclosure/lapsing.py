"""Texts lapse: a need that its author does not extend expires, a capability that is not confirmed goes stale.

Its author is reminded before. Both count from the moment when the author last said that the text holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, or_, select

from backend.db import utc_now
from backend.disclosure.announcing import announce
from backend.disclosure.models import SubjectKind, TieredSubject
from backend.disclosure.policy import Subject
from backend.notifications.models import Notice

EXPIRE = "expire"
REMIND_DAYS: Mapping[SubjectKind, int] = {SubjectKind.NEED: 14, SubjectKind.CAPABILITY: 30}
"""How many days before its text lapses an author is reminded."""
AT_ONCE = 200


@dataclass(frozen=True)
class Lapsing:
    """One side for `lapse`: the statuses in which its texts lapse, and what is done then."""

    kind: SubjectKind
    table: type[Any]
    lapses_in: str
    subject_of: Callable[[Any], Subject]
    act: Callable[[Session, None, str, str], Any]


def lapse(session: Session, of: Lapsing, days: int) -> tuple[int, int]:
    """Remind authors and let lapse what is due; returns how many of each. `days` counts from the last confirmation."""
    now = utc_now()
    ended = 0
    for subject in _due(session, of, now - timedelta(days=days)):
        of.act(session, None, subject.id, EXPIRE)
        ended += 1
    reminded = 0
    for subject in _due(session, of, now - timedelta(days=days - REMIND_DAYS[of.kind]), not_reminded=True):
        subject.reminded_at = now
        session.add(subject)
        announce(session, subject, of.subject_of(subject), Notice.EXPIRING, None)
        reminded += 1
    return reminded, ended


def _due(session: Session, of: Lapsing, before: datetime, *, not_reminded: bool = False) -> list[TieredSubject]:
    """Subjects that were confirmed last before a moment; `not_reminded` leaves out those reminded since then."""
    table = of.table
    query = select(table).where(table.status == of.lapses_in, col(table.confirmed_at) <= before)
    if not_reminded:
        query = query.where(or_(col(table.reminded_at).is_(None), col(table.reminded_at) < col(table.confirmed_at)))
    query = query.order_by(col(table.confirmed_at)).limit(AT_ONCE).with_for_update(skip_locked=True)
    return list(session.exec(query).all())
