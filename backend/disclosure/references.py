"""What needs, capabilities and releases hold of an organisation, for merging two of them."""

from typing import Any

from sqlmodel import Session, col, func, select, update

from backend import outbox
from backend.disclosure.models import Release, ReleaseProposal, SubjectKind, TieredSubject
from backend.organisations.references import Merge, Reference


def of_subjects(label: str, kind: SubjectKind, table: type[TieredSubject], department: Any = None) -> Reference:
    """The needs or capabilities of an organisation; `department` is the column of their department, if they have one.

    They keep texts, versions and releases. The index is asked to follow: what a search says of the author changes.
    """
    owner = col(table.organisation_id)
    name = str(table.__tablename__)

    def count(session: Session, organisation_id: str) -> int:
        return session.exec(select(func.count()).select_from(table).where(owner == organisation_id)).one()

    def count_of_department(session: Session, department_id: str) -> int:
        if department is None:
            return 0
        return session.exec(select(func.count()).select_from(table).where(department == department_id)).one()

    def move(session: Session, merge: Merge) -> None:
        for subject_id in session.exec(select(table.id).where(owner == merge.duplicate_id)).all():
            outbox.append(session, outbox.Topic.INDEX, kind, subject_id)
        if department is not None:
            for former, present in merge.departments.items():
                session.exec(update(table).where(department == former).values(department_id=present))
        session.exec(update(table).where(owner == merge.duplicate_id).values(organisation_id=merge.kept_id))

    columns = [f"{name}.organisation_id"] + ([f"{name}.department_id"] if department is not None else [])
    return Reference(label, columns, count, move, count_of_department)


def of_releases(label: str) -> Reference:
    """What was opened to an organisation stays open to those that it becomes a part of."""
    owner = col(Release.organisation_id)

    def count(session: Session, organisation_id: str) -> int:
        is_open = col(Release.revoked_at).is_(None)
        query = select(func.count()).select_from(Release).where(owner == organisation_id, is_open)
        return session.exec(query).one()

    def move(session: Session, merge: Merge) -> None:
        session.exec(update(Release).where(owner == merge.duplicate_id).values(organisation_id=merge.kept_id))

    return Reference(label, ["release.organisation_id"], count, move)


def of_proposals(label: str) -> Reference:
    """What brokers proposed to open to an organisation, and nobody has decided."""
    owner = col(ReleaseProposal.organisation_id)

    def count(session: Session, organisation_id: str) -> int:
        waits = col(ReleaseProposal.decided_at).is_(None)
        return session.exec(
            select(func.count()).select_from(ReleaseProposal).where(owner == organisation_id, waits)
        ).one()

    def move(session: Session, merge: Merge) -> None:
        session.exec(update(ReleaseProposal).where(owner == merge.duplicate_id).values(organisation_id=merge.kept_id))

    return Reference(label, ["release_proposal.organisation_id"], count, move)
