"""What meetings hold of an organisation, for merging two of them."""

from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, delete, exists, func, select, update

from backend.meetings.models import CaseMeeting, DockingEvent, DockingGuest, MeetingAnswer, MeetingPresence
from backend.organisations.references import Merge, Reference

ONCE: tuple[tuple[type[MeetingAnswer] | type[MeetingPresence], str], ...] = (
    (MeetingAnswer, "time_id"),
    (MeetingPresence, "meeting_id"),
)
"""Tables in which an organisation stands once beside each of these."""


def of_meetings(label: str) -> Reference:
    """Meetings of an organisation, its answers and who came. Where both have answered, the kept one's holds; of two
    guests of a docking event the one that answered last."""
    columns: tuple[tuple[type[SQLModel], Any], ...] = (
        (CaseMeeting, col(CaseMeeting.organisation_id)),
        (DockingEvent, col(DockingEvent.organisation_id)),
        (DockingGuest, col(DockingGuest.organisation_id)),
        (MeetingAnswer, col(MeetingAnswer.organisation_id)),
        (MeetingPresence, col(MeetingPresence.organisation_id)),
    )

    def count(session: Session, organisation_id: str) -> int:
        return sum(
            session.exec(select(func.count()).select_from(table).where(column == organisation_id)).one()
            for table, column in columns
        )

    def move(session: Session, merge: Merge) -> None:
        for model, beside in ONCE:
            kept = aliased(model)
            is_double = exists().where(
                getattr(kept, beside) == col(getattr(model, beside)), col(kept.organisation_id) == merge.kept_id
            )
            session.exec(delete(model).where(col(model.organisation_id) == merge.duplicate_id, is_double))
        _join_guests(session, merge)
        for table, column in columns:
            statement = update(table).where(column == merge.duplicate_id)
            session.exec(statement.values({column.key: merge.kept_id}))

    names = [f"{table.__tablename__}.{column.key}" for table, column in columns]
    return Reference(label, names, count, move)


def _join_guests(session: Session, merge: Merge) -> None:
    """Of two guests of one event the one that answered last stays, with what was sent to either.

    What it is to be told of later hangs on that: a plan that either had is called off, and an acceptance holds for the
    version that was seen.
    """
    of_both = select(DockingGuest).where(col(DockingGuest.organisation_id).in_((merge.kept_id, merge.duplicate_id)))
    guests: dict[str, list[DockingGuest]] = {}
    for row in session.exec(of_both).all():
        guests.setdefault(row.event_id, []).append(row)
    for pair in guests.values():
        if len(pair) < 2:
            continue
        gone, stays = sorted(
            pair, key=lambda g: (g.answered_at is not None, g.answered_at, g.organisation_id == merge.kept_id)
        )
        sent = max(pair, key=lambda g: (g.talks > 0, g.sequence, g is stays))
        stays.sequence, stays.talks, stays.plan, stays.sent_at = sent.sequence, sent.talks, sent.plan, sent.sent_at
        session.delete(gone)
        session.add(stays)
    session.flush()
