"""Verifying organisations: who is asked, what waits, and the decision."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from backend import mailer
from backend.accounts.models import User
from backend.audit import events
from backend.errors import Conflict
from backend.organisations import policy, service
from backend.organisations.models import Membership, Organisation, OrganisationKind
from backend.organisations.policy import WRITING_ROLES, Viewer
from backend.organisations.service import SUBJECT
from backend.organisations.states import TABLE, OrganisationAction, OrganisationStatus
from backend.transitions import transition


class ChangedMeanwhile(Conflict):
    """The organisation is no longer the one that was looked at."""

    zh = "该单位刚刚修改了登记信息，请核对修改后的内容再决定。"
    en = "The organisation has just changed what it registered. Please read it again before you decide."


def deciders(session: Session, organisation: Organisation, *, admins: bool = False) -> Sequence[User]:
    """Whom to ask about an organisation: brokers with jurisdiction over its region, else the administrators.

    `admins` asks for these in any case.
    """
    members = select(Membership.user_id).where(Membership.organisation_id == organisation.id)
    brokers = (
        select(User)
        .join(Membership)
        .join(Organisation, col(Organisation.id) == col(Membership.organisation_id))
        .where(
            Organisation.kind == OrganisationKind.AGENCY,
            Organisation.status == OrganisationStatus.VERIFIED,
            Organisation.jurisdiction == organisation.region,
            col(Membership.role).in_(WRITING_ROLES),
            col(User.is_active).is_(True),
            col(User.id).not_in(members),
        )
    )
    found: Sequence[User] = []
    if organisation.kind is not OrganisationKind.AGENCY and not admins:
        found = session.exec(brokers.order_by(col(User.email)).distinct()).all()
    if found:
        return found
    query = select(User).where(col(User.is_admin).is_(True), col(User.is_active).is_(True))
    return session.exec(query.order_by(col(User.email))).all()


def announce(session: Session, organisation: Organisation) -> None:
    """Tell those who decide that an organisation waits."""
    for user in deciders(session, organisation):
        mailer.queue(
            session,
            "organisation-waiting",
            user.email,
            organisation=organisation.name,
            kind=organisation.kind.value,
            organisation_id=organisation.id,
        )


def waiting(session: Session, viewer: Viewer) -> Sequence[Organisation]:
    """Organisations that wait for this viewer, the longest waiting first. Raises Forbidden."""
    policy.check_can_verify_any(viewer)
    query = select(Organisation).where(Organisation.status == OrganisationStatus.WAITING, policy.decided_by(viewer))
    return session.exec(query.order_by(col(Organisation.submitted_at), col(Organisation.id))).all()


def verify(session: Session, viewer: Viewer, organisation_id: str, *, seen: str | None = None) -> Organisation:
    """Verify an organisation as the viewer saw it; raises NotFound, Forbidden, Conflict or ChangedMeanwhile."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_decide(viewer, organisation)
    step = transition(TABLE, organisation.status, OrganisationAction.VERIFY)
    _check_seen(organisation, seen)
    service.mark_verified(organisation)
    session.add(organisation)
    session.flush()
    events.record(session, step.event, SUBJECT, organisation.id, actor_id=viewer.user_id)
    _tell_owners(session, organisation, "organisation-verified")
    return organisation


def refuse(
    session: Session, viewer: Viewer, organisation_id: str, reason: str, *, seen: str | None = None
) -> Organisation:
    """Refuse an organisation with a reason that its owners read; raises as `verify` does."""
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_decide(viewer, organisation)
    step = transition(TABLE, organisation.status, OrganisationAction.REFUSE)
    _check_seen(organisation, seen)
    organisation.status = OrganisationStatus(step.target)
    organisation.refusal = reason
    session.add(organisation)
    session.flush()
    events.record(session, step.event, SUBJECT, organisation.id, actor_id=viewer.user_id)
    _tell_owners(session, organisation, "organisation-refused", reason=reason)
    return organisation


def _check_seen(organisation: Organisation, seen: str | None) -> None:
    if seen is not None and seen != service.identity(organisation):
        raise ChangedMeanwhile


def _tell_owners(session: Session, organisation: Organisation, event: str, **context: str) -> None:
    for owner in service.owners_of(session, organisation.id):
        mailer.queue(
            session,
            event,
            owner.email,
            organisation=organisation.name,
            organisation_id=organisation.id,
            **context,
        )
