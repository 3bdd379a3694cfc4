"""What responses hold of an organisation, for merging two of them."""

from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, exists, func, select

from backend.needs.models import Need
from backend.organisations.models import Organisation
from backend.organisations.references import Merge, Reference
from backend.responses.answers import withdraw_as_system
from backend.responses.models import CallResponse, ResponseCall


def of_responses(label: str) -> Reference:
    """Responses; stands after the needs, which have then been handed over.

    Where both have answered the same call, the former's response is taken back and stays what it was, as history. An
    organisation does not answer its own call: what it had answered to the other one is taken back too.
    """

    def count(session: Session, organisation_id: str) -> int:
        query = select(func.count()).select_from(CallResponse)
        mine = CallResponse.organisation_id == organisation_id
        return session.exec(query.where(mine, ~_is_beside(organisation_id))).one()

    def move(session: Session, merge: Merge) -> None:
        query = (
            select(CallResponse, Need.organisation_id)
            .join(ResponseCall, col(ResponseCall.id) == col(CallResponse.call_id))
            .join(Need, col(Need.id) == col(ResponseCall.need_id))
            .where(col(CallResponse.organisation_id).in_((merge.duplicate_id, merge.kept_id)))
            .order_by(col(CallResponse.created_at), col(CallResponse.id))
        )
        rows = session.exec(query).all()
        kept = {r.call_id for r, _author in rows if r.organisation_id == merge.kept_id}
        for response, author_id in rows:
            is_beside = response.organisation_id == merge.duplicate_id and response.call_id in kept
            if is_beside or author_id == merge.kept_id:
                withdraw_as_system(session, response)
            if response.organisation_id == merge.duplicate_id and not is_beside:
                response.organisation_id = merge.kept_id
                session.add(response)
        session.flush()

    return Reference(label, ["response.organisation_id"], count, move)


def _is_beside(organisation_id: str) -> Any:
    """The condition for responses beside one of the organisation that took this one in."""
    other = aliased(CallResponse)
    return exists().where(
        col(Organisation.id) == organisation_id,
        col(other.call_id) == col(CallResponse.call_id),
        col(other.organisation_id) == col(Organisation.merged_into_id),
    )
