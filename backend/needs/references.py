"""What needs hold of an organisation besides its own texts, for merging two of them."""

from collections import Counter

from sqlmodel import Session, col, func, select

from backend.needs.models import Need
from backend.needs.support import NeedSupport
from backend.organisations.references import Merge, Reference


def of_supports(label: str) -> Reference:
    """The needs that an organisation has joined. Those that it would have joined twice, or that become its own, go."""
    owner = col(NeedSupport.organisation_id)

    def count(session: Session, organisation_id: str) -> int:
        return session.exec(select(func.count()).select_from(NeedSupport).where(owner == organisation_id)).one()

    def count_of_department(session: Session, department_id: str) -> int:
        of_it = col(NeedSupport.department_id) == department_id
        return session.exec(select(func.count()).select_from(NeedSupport).where(of_it)).one()

    def move(session: Session, merge: Merge) -> None:
        rows = session.exec(select(NeedSupport).where(owner.in_([merge.duplicate_id, merge.kept_id]))).all()
        needs = {
            need.id: need for need in session.exec(select(Need).where(col(Need.id).in_([r.need_id for r in rows])))
        }
        for row in rows:
            row.organisation_id = merge.kept_id
            row.department_id = merge.departments.get(row.department_id or "", row.department_id)
        seen = Counter[tuple[str, str]]()
        for row in rows:
            party, need = row.department_id or merge.kept_id, needs[row.need_id]
            seen[row.need_id, party] += 1
            is_own = need.organisation_id in (merge.duplicate_id, merge.kept_id)
            if seen[row.need_id, party] > 1 or (is_own and row.department_id in (None, need.department_id)):
                session.delete(row)
            else:
                row.party = party
                session.add(row)
        session.flush()

    columns = ["need_support.organisation_id", "need_support.department_id"]
    return Reference(label, columns, count, move, count_of_department)
