"""What needs hold of other organisations, for merging two of them: who lacks the same."""

from sqlmodel import Session, col, func, select

from backend.needs.models import Need
from backend.needs.support import NeedSupport
from backend.organisations.references import Merge, Reference


def of_supports(label: str) -> Reference:
    """Supports of needs; stands after the needs themselves, which have then been handed over.

    Two that fall together are counted once, and none that now comes from the author.
    """

    def count(session: Session, organisation_id: str) -> int:
        query = select(func.count()).select_from(NeedSupport)
        return session.exec(query.where(NeedSupport.organisation_id == organisation_id)).one()

    def count_of_department(session: Session, department_id: str) -> int:
        query = select(func.count()).select_from(NeedSupport)
        return session.exec(query.where(NeedSupport.department_id == department_id)).one()

    def move(session: Session, merge: Merge) -> None:
        query = (
            select(NeedSupport, Need)
            .join(Need, col(Need.id) == col(NeedSupport.need_id))
            .where(col(NeedSupport.organisation_id).in_((merge.kept_id, merge.duplicate_id)))
            .order_by(col(NeedSupport.created_at), col(NeedSupport.id))
        )
        stay: dict[tuple[str, str], tuple[NeedSupport, str | None]] = {}
        for row, need in session.exec(query).all():
            department = merge.departments.get(row.department_id or "", row.department_id)
            place = need.id, department or merge.kept_id
            is_other = need.organisation_id != merge.kept_id or (
                None not in (department, need.department_id) and department != need.department_id
            )
            if is_other and place not in stay:
                stay[place] = row, department
            else:
                session.delete(row)
        # Before one takes the place of another.
        session.flush()
        for (_need_id, party), (row, department) in stay.items():
            row.organisation_id, row.department_id, row.party = merge.kept_id, department, party
            session.add(row)
        session.flush()

    columns = ("need_support.organisation_id", "need_support.department_id")
    return Reference(label, columns, count, move, count_of_department)
