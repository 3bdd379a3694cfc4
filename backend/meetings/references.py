"""What meetings hold of an organisation, for merging two of them."""

from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, delete, exists, func, select, update

from backend.meetings.models import CaseMeeting, DockingEvent, MeetingAnswer, MeetingPresence
from backend.organisations.references import Merge, Reference

ONCE: tuple[tuple[type[MeetingAnswer] | type[MeetingPresence], str], ...] = (
    (MeetingAnswer, "time_id"),
    (MeetingPresence, "meeting_id"),
)
"""Tables in which an organisation stands once beside each of these."""


def of_meetings(label: str) -> Reference:
    """Meetings of an organisation, its answers and who came. Where both have answered, the kept one's holds."""
    columns: tuple[tuple[type[SQLModel], Any], ...] = (
        (CaseMeeting, col(CaseMeeting.organisation_id)),
        (DockingEvent, col(DockingEvent.organisation_id)),
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
        for table, column in columns:
            statement = update(table).where(column == merge.duplicate_id)
            session.exec(statement.values({column.key: merge.kept_id}))

    names = [f"{table.__tablename__}.{column.key}" for table, column in columns]
    return Reference(label, names, count, move)
