"""Invitations by e-mail: a link that works once, for two weeks, for the address that it was sent to.

Whoever has signed in with that address needs no link: addresses of accounts are confirmed. So no token goes along to
the page for signing in, where it would stand in the address, in the history of the browser, and in the table of links.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, func, select

from backend import mailer
from backend.accounts.models import User
from backend.accounts.service import find_by_email, normalise_email
from backend.audit import events
from backend.db import Database, utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.forms import holds_address
from backend.organisations import policy, service
from backend.organisations.models import Invitation, MemberRole, Organisation
from backend.organisations.policy import Viewer
from backend.organisations.service import SUBJECT

DAYS = 14
KEPT = timedelta(days=30)
"""How long an invitation is kept after its end."""
A_DAY, A_DAY_UNVERIFIED = 50, 5
"""Invitations that an organisation sends in 24 hours; few before it is verified, as the mails bear its name."""


class AlreadyMember(Conflict):
    """The invited address belongs to a member."""

    zh = "该邮箱已是本单位成员，无需邀请。"
    en = "This address belongs to a member already."


class TooManyInvitations(Conflict):
    """The organisation has sent many invitations today."""

    zh = "今天发出的邀请已达上限，请明天再邀请。单位核验通过后，每天可邀请的人数会增加。"
    en = "Today's limit of invitations has been reached. Please go on tomorrow."


class AddressInName(Conflict):
    """The mail would carry an address that a stranger chose under our name."""

    zh = "单位名称或您的姓名中含有网址等内容，不能写进邀请邮件。请先更正单位名称，或在“账号与安全”中更正姓名。"
    en = "The name of the organisation or your own holds an address, which our mail must not carry. Change it first."


class InvitationGone(DomainError):
    """The link of an invitation works no more, or never did."""

    status = 410
    zh = "邀请链接已失效：可能已经使用、已被撤回，或超过 14 天。请联系邀请您的同事重新发送。"
    en = "This invitation works no more: it was used, withdrawn, or is older than 14 days. Please ask for a new one."


class OtherAddress(Forbidden):
    """The invitation was sent to another address than that of the account."""

    zh = "这份邀请发给了另一个邮箱。请用收到邀请的邮箱登录，或请同事按您当前的邮箱重新邀请。"
    en = "This invitation was sent to another address. Sign in with that one, or ask for an invitation to yours."


@dataclass(frozen=True)
class Invited:
    """An open invitation as whoever holds its link, or the address that it was sent to, sees it."""

    id: str
    organisation_name: str
    role: MemberRole
    inviter: str
    fits_viewer: bool


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def invite(
    session: Session, viewer: Viewer, organisation_id: str, invitation_id: str, email: str, role: MemberRole
) -> Invitation:
    """Invite an address; an open invitation of the same address gives way to the new one.

    Raises NotFound, Forbidden, AlreadyMember, TooManyInvitations or AddressInName.
    """
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_manage(viewer, organisation)
    if existing := session.get(Invitation, invitation_id):
        if existing.organisation_id != organisation_id:
            raise NotFound
        return existing
    address = normalise_email(email)
    user = find_by_email(session, address)
    if user and service.membership(session, user.id, organisation_id):
        raise AlreadyMember
    # Forms refuse such names; some may be older than that.
    if holds_address(viewer.name) or (
        organisation.name != organisation.verified_name and holds_address(organisation.name)
    ):
        raise AddressInName
    if _sent_today(session, organisation_id) >= (A_DAY if organisation.is_verified else A_DAY_UNVERIFIED):
        raise TooManyInvitations
    for earlier in _open(session, organisation_id):
        if earlier.email == address:
            earlier.withdrawn_at = utc_now()
            session.add(earlier)
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        id=invitation_id,
        organisation_id=organisation_id,
        email=address,
        role=role,
        token_digest=_digest(token),
        invited_by=viewer.user_id,
        expires_at=utc_now() + timedelta(days=DAYS),
    )
    session.add(invitation)
    session.flush()
    events.record(
        session, events.Event.MEMBER_INVITE, SUBJECT, organisation_id, actor_id=viewer.user_id, invitation=invitation_id
    )
    mailer.queue(
        session,
        "member-invited",
        address,
        organisation=organisation.name,
        inviter=viewer.name,
        role=role.value,
        token=token,
        days=DAYS,
    )
    return invitation


def withdraw(session: Session, viewer: Viewer, organisation_id: str, invitation_id: str) -> None:
    """Make the link of an invitation useless; raises NotFound or Forbidden."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_manage(viewer, organisation)
    invitation = session.get(Invitation, invitation_id)
    if invitation is None or invitation.organisation_id != organisation_id:
        raise NotFound
    if invitation.accepted_at or invitation.withdrawn_at:
        return
    invitation.withdrawn_at = utc_now()
    session.add(invitation)
    session.flush()
    events.record(
        session,
        events.Event.MEMBER_INVITE_WITHDRAW,
        SUBJECT,
        organisation_id,
        actor_id=viewer.user_id,
        invitation=invitation_id,
    )


def of_organisation(session: Session, organisation_id: str) -> Sequence[Invitation]:
    """Open invitations, newest first; the caller has asked the policy."""
    return _open(session, organisation_id)


def read(session: Session, viewer: Viewer, token: str) -> Invited:
    """What a link invites to; raises InvitationGone. Looking uses nothing up: mail scanners open links."""
    invitation, organisation = _find(session, token)
    if invitation.accepted_at:
        raise InvitationGone
    return _shown(session, viewer, invitation, organisation)


def of_viewer(session: Session, viewer: Viewer) -> Sequence[Invited]:
    """The open invitations that were sent to the viewer's address, newest first."""
    query = (
        select(Invitation, Organisation)
        .join(Organisation, col(Organisation.id) == col(Invitation.organisation_id))
        .where(Invitation.email == normalise_email(viewer.email), *_is_open())
    )
    rows = session.exec(query.order_by(col(Invitation.created_at).desc())).all()
    return [_shown(session, viewer, invitation, organisation) for invitation, organisation in rows]


def accept(session: Session, viewer: Viewer, token: str) -> str:
    """Become a member by a link; returns the organisation's id. Raises InvitationGone or OtherAddress."""
    return _accept(session, viewer, *_find(session, token))


def accept_own(session: Session, viewer: Viewer, invitation_id: str) -> str:
    """Become a member by an invitation that was sent to the viewer's address; returns the organisation's id.

    Raises InvitationGone, for an invitation of another address as well.
    """
    invitation = session.get(Invitation, invitation_id)
    organisation = session.get(Organisation, invitation.organisation_id) if invitation else None
    if invitation is None or organisation is None or invitation.email != normalise_email(viewer.email):
        raise InvitationGone
    if invitation.withdrawn_at or invitation.expires_at <= utc_now():
        raise InvitationGone
    return _accept(session, viewer, invitation, organisation)


def _accept(session: Session, viewer: Viewer, invitation: Invitation, organisation: Organisation) -> str:
    if normalise_email(viewer.email) != invitation.email or viewer.user_id is None:
        raise OtherAddress
    is_member = service.membership(session, viewer.user_id, organisation.id) is not None
    if invitation.accepted_at:
        if is_member:
            return organisation.id
        raise InvitationGone
    invitation.accepted_at = utc_now()
    session.add(invitation)
    if not is_member:
        service.join(session, viewer.user_id, organisation.id, invitation.role, actor_id=viewer.user_id)
        inviter = session.get(User, invitation.invited_by) if invitation.invited_by else None
        if inviter and inviter.is_active:
            mailer.queue(
                session,
                "member-joined",
                inviter.email,
                organisation=organisation.name,
                organisation_id=organisation.id,
                name=viewer.name,
                role=invitation.role.value,
            )
    return organisation.id


def forget(database: Database) -> int:
    """Remove invitations that are over, with the addresses of those who never came; returns how many there were."""
    with database.session(write=True) as session:
        return session.exec(delete(Invitation).where(col(Invitation.expires_at) < utc_now() - KEPT)).rowcount


def _find(session: Session, token: str) -> tuple[Invitation, Organisation]:
    query = select(Invitation).where(
        Invitation.token_digest == _digest(token),
        col(Invitation.withdrawn_at).is_(None),
        Invitation.expires_at > utc_now(),
    )
    invitation = session.exec(query).first()
    organisation = session.get(Organisation, invitation.organisation_id) if invitation else None
    if invitation is None or organisation is None:
        raise InvitationGone
    return invitation, organisation


def _shown(session: Session, viewer: Viewer, invitation: Invitation, organisation: Organisation) -> Invited:
    inviter = session.get(User, invitation.invited_by) if invitation.invited_by else None
    fits = normalise_email(viewer.email) == invitation.email
    return Invited(invitation.id, organisation.name, invitation.role, inviter.name if inviter else "", fits)


def _is_open() -> tuple[ColumnElement[bool], ...]:
    accepted, withdrawn = col(Invitation.accepted_at), col(Invitation.withdrawn_at)
    return accepted.is_(None), withdrawn.is_(None), col(Invitation.expires_at) > utc_now()


def _open(session: Session, organisation_id: str) -> Sequence[Invitation]:
    query = select(Invitation).where(Invitation.organisation_id == organisation_id, *_is_open())
    return session.exec(query.order_by(col(Invitation.created_at).desc())).all()


def _sent_today(session: Session, organisation_id: str) -> int:
    since = utc_now() - timedelta(days=1)
    query = select(func.count()).select_from(Invitation)
    return session.exec(query.where(Invitation.organisation_id == organisation_id, Invitation.created_at > since)).one()
