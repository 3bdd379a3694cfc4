"""Registering an organisation, and correcting what was registered."""

from dataclasses import asdict, dataclass

from sqlmodel import Session, col, func, select

from backend.audit import events
from backend.db import utc_now
from backend.errors import Conflict
from backend.organisations import policy, service, verification
from backend.organisations.models import NAME_LENGTH, MemberRole, Membership, Organisation, OrganisationKind
from backend.organisations.policy import Viewer
from backend.organisations.service import SUBJECT
from backend.organisations.states import TABLE, OrganisationAction, OrganisationStatus
from backend.transitions import transition

WAITING_AT_ONCE = 5
"""Organisations of one user that may wait for verification at a time."""


class AlreadyRegistered(Conflict):
    """An organisation of this code or name exists; `field` says which of the two was found."""

    zh = "该单位已经登记。"
    en = "This organisation is registered already."

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field


class TooManyWaiting(Conflict):
    """The user has registered several organisations that nobody has verified yet."""

    zh = "您登记的单位中已有多家在等待核验，请待其核验后再登记新的单位。"
    en = "Several organisations that you registered are waiting already. Please wait until they have been verified."


@dataclass(frozen=True)
class Details:
    """What is registered of an organisation; the code is normalised."""

    name: str
    credit_code: str | None
    kind: OrganisationKind
    region: str
    jurisdiction: str | None = None
    contact_name: str = ""
    contact_phone: str = ""
    contact_email: str = ""
    summary: str = ""


def find(
    session: Session, name: str, credit_code: str | None, *, but: str | None = None
) -> tuple[Organisation, str] | None:
    """The organisation that is registered under a code or else under a name, and which of the two was found.

    `but` is the id of the organisation that looks whether others bear its name.
    """
    found = service.find_by_code(session, credit_code) if credit_code else None
    if found and found.id != but:
        return found, "credit_code"
    found = service.find_by_name(session, name)
    return (found, "name") if found and found.id != but else None


def register(session: Session, viewer: Viewer, organisation_id: str, details: Details) -> Organisation:
    """Register an organisation; the registrant becomes its owner, and it waits for verification.

    A form that is sent twice arrives here twice with the same id and makes one organisation.

    Raises AlreadyRegistered or TooManyWaiting.
    """
    existing = session.get(Organisation, organisation_id)
    if existing is not None:
        policy.check_is_member(viewer, existing)
        return existing
    if taken := find(session, details.name, details.credit_code):
        raise AlreadyRegistered(taken[1])
    if _waiting_of(session, viewer) >= WAITING_AT_ONCE:
        raise TooManyWaiting
    organisation = Organisation(id=organisation_id, name=details.name, kind=details.kind, region=details.region)
    _write(session, organisation, details)
    assert viewer.user_id is not None
    service.add_member(session, viewer.user_id, organisation.id, MemberRole.OWNER)
    events.record(session, events.Event.ORGANISATION_CREATE, SUBJECT, organisation.id, actor_id=viewer.user_id)
    verification.announce(session, organisation)
    return organisation


def edit(session: Session, viewer: Viewer, organisation_id: str, details: Details) -> Organisation:
    """Correct what is registered; a refused organisation is submitted again by that.

    What others have published under the verified name stays, under that name, until the new one is verified.

    Raises NotFound, Forbidden or AlreadyRegistered.
    """
    organisation = service.get(session, viewer, organisation_id)
    policy.check_can_manage(viewer, organisation)
    if taken := find(session, details.name, details.credit_code, but=organisation_id):
        raise AlreadyRegistered(taken[1])
    changed = [name for name, value in asdict(details).items() if getattr(organisation, name) != value]
    if "name" in changed:
        _free_name(session, organisation, details.name)
    _write(session, organisation, details)
    if changed:
        events.record(
            session,
            events.Event.ORGANISATION_EDIT,
            SUBJECT,
            organisation.id,
            actor_id=viewer.user_id,
            fields=",".join(sorted(changed)),
        )
    is_other = not set(changed).isdisjoint(service.VERIFIED_FIELDS)
    if organisation.status is OrganisationStatus.REFUSED or (organisation.is_verified and is_other):
        _submit(session, viewer, organisation)
    return organisation


def _submit(session: Session, viewer: Viewer, organisation: Organisation) -> None:
    step = transition(TABLE, organisation.status, OrganisationAction.SUBMIT)
    organisation.status = OrganisationStatus(step.target)
    organisation.verified_at = None
    organisation.submitted_at = utc_now()
    session.add(organisation)
    session.flush()
    events.record(session, step.event, SUBJECT, organisation.id, actor_id=viewer.user_id)
    verification.announce(session, organisation)


def _write(session: Session, organisation: Organisation, details: Details) -> None:
    for name, value in asdict(details).items():
        setattr(organisation, name, value)
    session.add(organisation)
    session.flush()


def _free_name(session: Session, organisation: Organisation, name: str) -> None:
    """An organisation may take the name of one that was merged into it."""
    query = select(Organisation).where(Organisation.name == name, Organisation.merged_into_id == organisation.id)
    for merged in session.exec(query).all():
        merged.name = f"{merged.name[: NAME_LENGTH - 20]} {merged.id}"
        session.add(merged)
    session.flush()


def _waiting_of(session: Session, viewer: Viewer) -> int:
    query = (
        select(func.count())
        .select_from(Membership)
        .join(Organisation, col(Organisation.id) == col(Membership.organisation_id))
        .where(
            Membership.user_id == viewer.user_id,
            Membership.role == MemberRole.OWNER,
            Organisation.status == OrganisationStatus.WAITING,
            col(Organisation.verified_name).is_(None),
        )
    )
    return session.exec(query).one()
