"""What organisations answer: drafts, handing in, changing until the date, taking back, and reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from backend.audit import events
from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability
from backend.capabilities.states import OPEN
from backend.db import utc_now
from backend.decisions import service as decisions
from backend.decisions.models import DecisionKind
from backend.disclosure.cards import Card
from backend.disclosure.readings import ONCE_IN
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.notifications.models import Notice
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.responses import calls, policy
from backend.responses.calls import Call
from backend.responses.models import CallResponse
from backend.responses.states import IN, RESPONSES, ResponseAction, ResponseStatus
from backend.transitions import Actor, transition

SUBJECT = "response"
"""The name of a response in the audit trail."""
TEXTS = ("solution", "evidence", "team", "schedule", "price", "asks")


class EditedElsewhere(Conflict):
    """A colleague has saved the response since the form was opened."""

    zh = "同事在您填写期间修改过这份应征。请核对后再保存，您填写的内容都还在。"
    en = "A colleague has changed this response meanwhile. Check and save again; what you typed is still here."


class NotOwnCapability(DomainError):
    """The capability is not one that the responding organisation has published."""

    status = 422
    zh = "请从本单位已发布的能力中选择。"
    en = "Choose one of your own published capabilities."


@dataclass(frozen=True)
class ResponsePage:
    """A response as its page shows it."""

    response: CallResponse
    organisation_name: str
    capability: Card | None
    is_own: bool
    may_write: bool
    may_withdraw: bool


def own(session: Session, viewer: Viewer, call: Call) -> Sequence[CallResponse]:
    """The responses of the viewer's organisations to a call."""
    query = select(CallResponse).where(
        CallResponse.call_id == call.row.id,
        col(CallResponse.organisation_id).in_(viewer.verified_organisation_ids),
    )
    return session.exec(query.order_by(col(CallResponse.created_at))).all()


def of_call(session: Session, call_id: str) -> Sequence[CallResponse]:
    """The responses of a call that count, in the order in which they came in; the caller has asked the policy."""
    query = select(CallResponse).where(CallResponse.call_id == call_id, col(CallResponse.status).in_(IN))
    return session.exec(query.order_by(col(CallResponse.submitted_at), col(CallResponse.id))).all()


def choices(session: Session, organisation_id: str) -> Sequence[tuple[str, str]]:
    """(id, title) of the published capabilities of an organisation."""
    query = select(Capability.id, Capability.title).where(
        Capability.organisation_id == organisation_id, col(Capability.status).in_(OPEN)
    )
    return [(id_, title) for id_, title in session.exec(query.order_by(col(Capability.title))).all()]


def find(session: Session, call: Call, organisation_id: str) -> CallResponse | None:
    """The response of an organisation to a call; the caller has asked the policy."""
    query = select(CallResponse).where(
        CallResponse.call_id == call.row.id, CallResponse.organisation_id == organisation_id
    )
    return session.exec(query).first()


def save(
    session: Session,
    viewer: Viewer,
    call_id: str,
    organisation_id: str,
    values: Mapping[str, Any],
    *,
    submit: bool,
    version: int,
    now: datetime | None = None,
) -> CallResponse:
    """Save the response of an organisation as a draft, or hand it in; what was handed in stays so when it is changed.

    An organisation has one response to a call, so a form sent twice makes one. `version` is that of the form, 0 for a
    new one. Raises NotFound, Forbidden, Conflict after the date, EditedElsewhere or NotOwnCapability.
    """
    call = calls.get(session, viewer, call_id, lock=True)
    now = now or utc_now()
    if organisation_id not in {m.organisation_id for m in policy.check_can_respond(viewer, call.facts, now)}:
        raise Forbidden
    chosen = values.get("capability_id") or None
    row = find(session, call, organisation_id)
    keeps = row is not None and row.capability_id == chosen
    if chosen and not keeps and chosen not in dict(choices(session, organisation_id)):
        raise NotOwnCapability
    is_new = row is None
    if row is None:
        row = CallResponse(call_id=call_id, organisation_id=organisation_id, created_by=viewer.user_id, version=0)
    was = row.status
    changed = [name for name in (*TEXTS, "stage", "capability_id") if getattr(row, name) != (values.get(name) or None)]
    changed = [name for name in changed if getattr(row, name) or values.get(name)]
    if not is_new and version != row.version:
        # The same form sent once more has changed nothing since.
        if not changed and (not submit or was is ResponseStatus.SUBMITTED):
            return row
        raise EditedElsewhere
    submit = submit or was is ResponseStatus.SUBMITTED
    step = transition(RESPONSES, was, ResponseAction.SUBMIT if submit else ResponseAction.SAVE)
    for name in changed:
        setattr(row, name, values.get(name) or ("" if name in TEXTS else None))
    row.status = ResponseStatus(step.target)
    row.version += 1
    row.updated_at = now
    if submit:
        _handed_in(session, viewer, call, row, first=was is not ResponseStatus.SUBMITTED, now=now)
    session.add(row)
    session.flush()
    events.record(
        session, step.event, SUBJECT, row.id, actor_id=viewer.user_id, call=call_id, organisation=organisation_id
    )
    return row


def _handed_in(session: Session, viewer: Viewer, call: Call, row: CallResponse, *, first: bool, now: datetime) -> None:
    row.submitted_by = viewer.user_id
    row.submitted_at = now
    if call.row.locked_at is None:
        call.row.locked_at = now
        session.add(call.row)
    if not first:
        return
    # The author and its broker learn that there is one more, and not from whom.
    calls.announce(session, call, Notice.RESPONSE_SUBMITTED, viewer, author=True, broker=True)
    decisions.record(
        session,
        DecisionKind.ASKED,
        call.need.id,
        row.capability_id,
        organisation_id=row.organisation_id,
        user_id=viewer.user_id,
        side=Actor.CAPABILITY_SIDE,
    )


def withdraw(session: Session, viewer: Viewer, response_id: str, now: datetime | None = None) -> CallResponse:
    """Take a response back before the date; raises NotFound, Forbidden or Conflict. Twice changes nothing."""
    row = session.get(CallResponse, response_id)
    if row is None or row.organisation_id not in viewer.verified_organisation_ids:
        raise NotFound
    call = calls.load(session, row.call_id, lock=True)
    session.refresh(row)
    if not viewer.may_write_for(row.organisation_id):
        raise Forbidden
    policy.check_can_respond(viewer, call.facts, now or utc_now())
    if row.status is ResponseStatus.WITHDRAWN:
        return row
    _withdrawn(session, row, viewer.user_id)
    return row


def withdraw_as_system(session: Session, row: CallResponse) -> None:
    """The organisation of a response has become one with the author's, or with another one that answered."""
    if ResponseAction.WITHDRAW in RESPONSES.get(row.status, {}):
        _withdrawn(session, row, None)


def _withdrawn(session: Session, row: CallResponse, actor_id: str | None) -> None:
    step = transition(RESPONSES, row.status, ResponseAction.WITHDRAW)
    row.status, row.updated_at, row.version = ResponseStatus(step.target), utc_now(), row.version + 1
    session.add(row)
    session.flush()
    events.record(
        session, step.event, SUBJECT, row.id, actor_id=actor_id, call=row.call_id, organisation=row.organisation_id
    )


def read(session: Session, viewer: Viewer, response_id: str) -> tuple[Call, ResponsePage]:
    """A response for its page; its reading by others is recorded. Raises NotFound or ConflictOfInterest."""
    row = session.get(CallResponse, response_id)
    if row is None:
        raise NotFound
    call = calls.load(session, row.call_id)
    policy.check_can_read_response(viewer, call.facts, row.organisation_id)
    is_own = row.organisation_id in viewer.verified_organisation_ids
    if not is_own:
        record_reading(session, viewer, row)
    may_write = is_own and viewer.may_write_for(row.organisation_id)
    may_write = may_write and policy.can_respond(viewer, call.facts, utc_now())
    names = organisations.authors(session, [row.organisation_id])
    shown = capabilities.cards(session, viewer, [row.capability_id]) if row.capability_id else {}
    page = ResponsePage(
        response=row,
        organisation_name=names[row.organisation_id].name,
        capability=shown.get(row.capability_id or ""),
        is_own=is_own,
        may_write=may_write,
        may_withdraw=may_write and row.status is ResponseStatus.SUBMITTED,
    )
    return call, page


def record_reading(session: Session, viewer: Viewer, row: CallResponse) -> None:
    """Write down that somebody from outside read a response: once an hour and version."""
    query = select(AuditEvent).where(
        AuditEvent.subject_id == row.id,
        AuditEvent.event == Event.RESPONSE_READ,
        AuditEvent.actor_id == viewer.user_id,
    )
    last = session.exec(query.order_by(col(AuditEvent.id).desc()).limit(1)).first()
    if last and last.detail.get("version") == row.version and last.at > utc_now() - ONCE_IN:
        return
    events.record(
        session,
        Event.RESPONSE_READ,
        SUBJECT,
        row.id,
        actor_id=viewer.user_id,
        call=row.call_id,
        version=row.version,
    )
