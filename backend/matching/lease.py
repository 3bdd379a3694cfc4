"""The work of which one process is enough: encoding an import, feeding a vector service."""

from datetime import timedelta

from sqlalchemy import or_, update

from backend.db import Database, utc_now
from backend.matching import documents
from backend.matching.changes import COUNTER

SECONDS = 30
"""Longer than any single step of the work may take; a process that dies is replaced after that."""


def take(database: Database, holder: str) -> bool:
    """Take or renew the lease for `holder`, an id of at most 16 characters; returns whether it is held."""
    now = utc_now()
    c = COUNTER.c
    free = or_(c.feeder.in_(["", holder]), c.feeder_until.is_(None), c.feeder_until < now)
    until = now + timedelta(seconds=SECONDS)
    with database.session(write=True, lock=documents.LOCK) as session:
        documents.sequence_of(session)
        session.execute(update(COUNTER).where(free).values(feeder=holder, feeder_until=until))
        session.expire_all()
        return documents.sequence_of(session).feeder == holder


def give_back(database: Database, holder: str) -> None:
    """End a lease before its time; not to hold it is no error."""
    with database.session(write=True, lock=documents.LOCK) as session:
        session.execute(update(COUNTER).where(COUNTER.c.feeder == holder).values(feeder="", feeder_until=None))
