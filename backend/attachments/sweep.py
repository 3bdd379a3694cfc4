"""Contents that no row names any more: deleted after the commit that removed their row, or after a day's grace."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

from sqlmodel import Session, col, delete, select

from backend.attachments.models import Attachment, Holder
from backend.attachments.storage import Storage
from backend.capabilities import service as capabilities
from backend.db import Database, utc_now
from backend.needs import service as needs

Existing = Callable[[Session, Collection[str]], Collection[str]]
"""Of these ids, those that there still are."""

GRACE = timedelta(days=1)
"""An upload may have stored its content and not yet committed its row."""


def delete_removed(database: Database, storage: Storage) -> int:
    """Delete the contents of removed rows, then the rows; interrupted, the next run goes on. Returns how many."""
    with database.session() as session:
        query = select(Attachment.id, Attachment.stored_name).where(col(Attachment.removed_at).is_not(None))
        removed = session.exec(query).all()
    for _id, stored_name in removed:
        storage.delete(stored_name)
    if removed:
        with database.session(write=True) as session:
            ids = [attachment_id for attachment_id, _name in removed]
            session.exec(delete(Attachment).where(col(Attachment.id).in_(ids)))
    return len(removed)


def sweep(database: Database, storage: Storage, existing: Mapping[Holder, Existing]) -> int:
    """Delete rows whose subject is gone, and contents older than the grace without a row. Returns how many contents.

    `existing` answers for what higher floors hold; files of a kind that nobody answers for stay.
    """
    _remove_without_subject(database, existing)
    delete_removed(database, storage)
    now = utc_now()
    # First the contents, then the rows: one that is stored in between is too young.
    old = [name for name, written in storage.contents() if now - written > GRACE]
    with database.session() as session:
        known = set(session.exec(select(Attachment.stored_name)).all())
    orphans = [name for name in old if name not in known]
    for name in orphans:
        storage.discard(name)
    return len(orphans)


def _remove_without_subject(database: Database, existing: Mapping[Holder, Existing]) -> None:
    with database.session(write=True) as session:
        rows = session.exec(select(Attachment).where(col(Attachment.removed_at).is_(None))).all()
        ids = {row.subject_id for row in rows}
        there = {
            Holder.NEED: {n.id for n in needs.rows(session, ids)},
            Holder.CAPABILITY: {c.id for c in capabilities.rows(session, ids)},
            **{holder: set(find(session, ids)) for holder, find in existing.items()},
        }
        for row in rows:
            if row.subject_kind in there and row.subject_id not in there[row.subject_kind]:
                row.removed_at = utc_now()
                session.add(row)
