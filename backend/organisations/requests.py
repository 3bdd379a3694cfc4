"""Requests for membership: a user asks, the owners answer; where there are none, those who verify.

An organisation of an imported list, to which nobody has belonged yet, gets its first members from a broker of its
region. Where somebody has worked before, there may be drafts that no broker reads: an administrator answers.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from backend import mailer
from backend.accounts.models import User
from backend.audit import events
from backend.db import utc_now
from backend.errors import Conflict, Forbidden, NotFound
from backend.organisations import policy, registration, service, verification
from backend.organisations.models import MemberRole, Membership, MembershipRequest, Organisation
from backend.organisations.policy import Viewer
from backend.organisations.service import SUBJECT
from backend.organisations.states import OrganisationStatus

OPEN_AT_ONCE = 5
"""Requests of one user that may wait for an answer at a time."""


class NothingRegistered(NotFound):
    """No organisation of this code or name."""

    zh = "没有找到这个名称或代码的单位，请核对后重试，或登记为新单位。"
    en = "No organisation of this name or code is registered."


class TooManyRequests(Conflict):
    """The user waits for several answers already."""

    zh = "您已有多项加入申请在等待答复，请待答复后再申请加入其他单位。"
    en = "Several of your requests are waiting for an answer already."


@dataclass(frozen=True)
class OpenRequest:
    """A request that waits, for those who answer it."""

    id: str
    organisation_id: str
    organisation_name: str
    name: str
    email: str
    message: str
    created_at: datetime


@dataclass(frozen=True)
class OwnRequest:
    """A request that waits, for the one who made it. The name is None where the organisation is not verified."""

    organisation_name: str | None
    created_at: datetime


def ask(session: Session, viewer: Viewer, name: str, credit_code: str | None, message: str) -> str | None:
    """Ask for membership of the organisation of that code or name, without learning more of it.

    Returns its id where the viewer is a member already. Asked twice, it is one request. The message is read on the
    page, as a mail carries no text of strangers.

    Raises NothingRegistered or TooManyRequests.
    """
    found = registration.find(session, name, credit_code)
    if found is None:
        raise NothingRegistered
    organisation = found[0]
    if viewer.membership_in(organisation.id):
        return organisation.id
    assert viewer.user_id is not None
    mine = MembershipRequest.user_id == viewer.user_id, col(MembershipRequest.answered_at).is_(None)
    same = MembershipRequest.organisation_id == organisation.id
    if session.exec(select(MembershipRequest).where(*mine, same)).first():
        return None
    if session.exec(select(func.count()).select_from(MembershipRequest).where(*mine)).one() >= OPEN_AT_ONCE:
        raise TooManyRequests
    request = MembershipRequest(organisation_id=organisation.id, user_id=viewer.user_id, message=message)
    session.add(request)
    session.flush()
    events.record(session, events.Event.MEMBER_REQUEST, SUBJECT, organisation.id, actor_id=viewer.user_id)
    owners = service.owners_of(session, organisation.id)
    for user in owners or verification.deciders(
        session, organisation, admins=service.had_members(session, organisation)
    ):
        mailer.queue(
            session,
            "member-requested",
            user.email,
            organisation=organisation.name,
            url=f"/organisations/{organisation.id}/members" if owners else "/organisations/waiting",
            name=viewer.name,
            email=viewer.email,
        )
    return None


def own(session: Session, viewer: Viewer) -> list[OwnRequest]:
    """What the viewer has asked for and nobody has answered."""
    query = (
        select(MembershipRequest, Organisation)
        .join(Organisation, col(Organisation.id) == col(MembershipRequest.organisation_id))
        .where(MembershipRequest.user_id == viewer.user_id, col(MembershipRequest.answered_at).is_(None))
    )
    rows = session.exec(query.order_by(col(MembershipRequest.created_at))).all()
    return [OwnRequest(o.name if o.is_verified else None, request.created_at) for request, o in rows]


def of_organisation(session: Session, organisation_id: str) -> list[OpenRequest]:
    """Requests that wait for the owners of an organisation; the caller has asked the policy."""
    return _open(session, MembershipRequest.organisation_id == organisation_id)


def without_owner(session: Session, viewer: Viewer) -> list[OpenRequest]:
    """Requests for organisations without an owner, which wait for this viewer. Raises Forbidden."""
    policy.check_can_verify_any(viewer)
    untouched = [] if viewer.is_admin else [col(Organisation.id).not_in(query) for query in service.WITH_MEMBERS]
    owned = (
        select(Membership.organisation_id)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(Membership.role == MemberRole.OWNER, col(User.is_active).is_(True))
    )
    return _open(session, col(Organisation.id).not_in(owned), policy.decided_by(viewer), *untouched)


def accept(session: Session, viewer: Viewer, request_id: str, role: MemberRole) -> str:
    """Make the asking user a member; returns the organisation's id. Raises NotFound or Forbidden."""
    request, organisation = _answerable(session, viewer, request_id)
    if request.answered_at is None:
        _answer(session, viewer, request, accepted=True)
        service.join(session, request.user_id, organisation.id, role, actor_id=viewer.user_id)
        _tell(session, request, organisation, role)
    return organisation.id


def refuse(session: Session, viewer: Viewer, request_id: str) -> str:
    """Turn the asking user down; returns the organisation's id. Raises NotFound or Forbidden."""
    request, organisation = _answerable(session, viewer, request_id)
    if request.answered_at is None:
        _answer(session, viewer, request, accepted=False)
        events.record(
            session,
            events.Event.MEMBER_REQUEST_REFUSE,
            SUBJECT,
            organisation.id,
            actor_id=viewer.user_id,
            user=request.user_id,
        )
        _tell(session, request, organisation, None)
    return organisation.id


def _open(session: Session, *conditions: object) -> list[OpenRequest]:
    query = (
        select(MembershipRequest, Organisation, User)
        .join(Organisation, col(Organisation.id) == col(MembershipRequest.organisation_id))
        .join(User, col(User.id) == col(MembershipRequest.user_id))
        .where(
            col(MembershipRequest.answered_at).is_(None),
            col(User.is_active).is_(True),
            col(Organisation.status) != OrganisationStatus.MERGED,
            *conditions,  # type: ignore[arg-type]
        )
    )
    rows = session.exec(query.order_by(col(MembershipRequest.created_at))).all()
    return [
        OpenRequest(request.id, o.id, o.name, user.name, user.email, request.message, request.created_at)
        for request, o, user in rows
    ]


def _answerable(session: Session, viewer: Viewer, request_id: str) -> tuple[MembershipRequest, Organisation]:
    request = session.get(MembershipRequest, request_id)
    if request is None:
        raise NotFound
    organisation = service.get(session, viewer, request.organisation_id)
    if not viewer.owns(organisation.id):
        if service.owners_of(session, organisation.id):
            raise Forbidden
        policy.check_can_admit(viewer, organisation, had_members=service.had_members(session, organisation))
    return request, organisation


def _answer(session: Session, viewer: Viewer, request: MembershipRequest, *, accepted: bool) -> None:
    request.answered_at = utc_now()
    request.answered_by = viewer.user_id
    request.accepted = accepted
    session.add(request)
    session.flush()


def _tell(session: Session, request: MembershipRequest, organisation: Organisation, role: MemberRole | None) -> None:
    user = session.get(User, request.user_id)
    assert user is not None
    # Who is turned down does not learn the name of an organisation that is not verified.
    name = organisation.name if role or organisation.is_verified else ""
    mailer.queue(
        session,
        "member-answered",
        user.email,
        organisation=name,
        organisation_id=organisation.id,
        role=role.value if role else "",
    )
