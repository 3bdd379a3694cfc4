"""What becomes of the marks of an agency that is merged into another one."""

from sqlmodel import Session, col, delete, func, select, update

from backend.desk.models import DeskMark
from backend.organisations.references import Merge, Reference


def of_marks(label: str) -> Reference:
    """Marks follow their agency; where both have said something of a thing, the word of the one that stays counts."""

    def count(session: Session, organisation_id: str) -> int:
        query = select(func.count()).select_from(DeskMark).where(DeskMark.organisation_id == organisation_id)
        return session.exec(query).one()

    def move(session: Session, merge: Merge) -> None:
        kept = session.exec(
            select(DeskMark.kind, DeskMark.subject_id).where(DeskMark.organisation_id == merge.kept_id)
        ).all()
        said = set(kept)
        theirs = session.exec(select(DeskMark).where(DeskMark.organisation_id == merge.duplicate_id)).all()
        twice = [mark.id for mark in theirs if (mark.kind, mark.subject_id) in said]
        session.exec(delete(DeskMark).where(col(DeskMark.id).in_(twice)))
        rest = update(DeskMark).where(col(DeskMark.organisation_id) == merge.duplicate_id)
        session.exec(rest.values(organisation_id=merge.kept_id))

    return Reference(label, ["desk_mark.organisation_id"], count, move)
