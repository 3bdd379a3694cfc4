"""Who is looking: a user with their memberships as plain data, and what they may do with organisations."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import and_, col

from backend.errors import Forbidden, NotFound
from backend.organisations.models import MemberRole, Organisation, OrganisationKind
from backend.organisations.states import OrganisationStatus

WRITING_ROLES = frozenset({MemberRole.OWNER, MemberRole.EDITOR})


@dataclass(frozen=True)
class MembershipFacts:
    """One membership of a viewer."""

    organisation_id: str
    organisation_name: str
    kind: OrganisationKind
    role: MemberRole
    verified: bool
    region: str = ""
    jurisdiction: str | None = None
    department_id: str | None = None
    department_name: str | None = None
    specialty: str | None = None

    @property
    def may_write(self) -> bool:
        """Owners and editors write for their organisation."""
        return self.role in WRITING_ROLES


@dataclass(frozen=True)
class Viewer:
    """Who is looking; the default is a visitor without an account."""

    user_id: str | None = None
    name: str = ""
    email: str = ""
    is_admin: bool = False
    memberships: tuple[MembershipFacts, ...] = ()

    @property
    def is_signed_in(self) -> bool:
        """True for a user with an account."""
        return self.user_id is not None

    @property
    def organisation_ids(self) -> tuple[str, ...]:
        """The organisations whose own texts this viewer reads."""
        return tuple(m.organisation_id for m in self.memberships)

    @property
    def writable_organisation_ids(self) -> tuple[str, ...]:
        """The organisations for which this viewer writes."""
        return tuple(m.organisation_id for m in self.memberships if m.may_write)

    @property
    def is_verified_member(self) -> bool:
        """True for a member of an organisation that has been verified."""
        return any(m.verified for m in self.memberships)

    @property
    def jurisdictions(self) -> tuple[str, ...]:
        """Regions in which this viewer is a broker."""
        return tuple(
            m.jurisdiction
            for m in self.memberships
            if m.kind == OrganisationKind.AGENCY and m.verified and m.jurisdiction
        )

    @property
    def verified_organisation_ids(self) -> tuple[str, ...]:
        """The organisations for which this viewer may read what was opened to them."""
        return tuple(m.organisation_id for m in self.memberships if m.verified)

    @property
    def acting_jurisdictions(self) -> tuple[str, ...]:
        """Regions in which this viewer decides as a broker: a member of the agency who only reads does not."""
        return tuple(
            m.jurisdiction
            for m in self.memberships
            if m.kind == OrganisationKind.AGENCY and m.verified and m.jurisdiction and m.may_write
        )

    @property
    def is_broker(self) -> bool:
        """True for a member of an agency with a jurisdiction."""
        return bool(self.jurisdictions)

    def may_write_for(self, organisation_id: str) -> bool:
        """Whether this viewer writes for the organisation."""
        return organisation_id in self.writable_organisation_ids

    def owns(self, organisation_id: str) -> bool:
        """Whether this viewer manages the organisation."""
        membership = self.membership_in(organisation_id)
        return membership is not None and membership.role is MemberRole.OWNER

    def membership_in(self, organisation_id: str) -> MembershipFacts | None:
        """The viewer's membership in an organisation, if any."""
        return next((m for m in self.memberships if m.organisation_id == organisation_id), None)


VISITOR = Viewer()


def check_can_see(viewer: Viewer, organisation: Organisation) -> None:
    """Raise NotFound where the viewer must not learn that the organisation is registered.

    Until it has been verified, it shows to its members, to brokers with jurisdiction over its region and to
    administrators alone.
    """
    if organisation.is_verified or viewer.is_admin or viewer.membership_in(organisation.id):
        return
    if organisation.region not in viewer.jurisdictions:
        raise NotFound


def can_see(viewer: Viewer, organisation: Organisation) -> bool:
    """Whether the organisation shows to the viewer."""
    try:
        check_can_see(viewer, organisation)
    except NotFound:
        return False
    return True


def can_read_contact(viewer: Viewer, organisation: Organisation) -> bool:
    """Its own members, brokers with jurisdiction, and administrators where they are asked to verify."""
    if viewer.membership_in(organisation.id) or organisation.region in viewer.jurisdictions:
        return True
    is_asked = organisation.kind is OrganisationKind.AGENCY or organisation.status is OrganisationStatus.WAITING
    return viewer.is_admin and is_asked


def check_is_member(viewer: Viewer, organisation: Organisation) -> None:
    """Raise NotFound for strangers, Forbidden for others who see the organisation."""
    check_can_see(viewer, organisation)
    if viewer.membership_in(organisation.id) is None:
        raise Forbidden


def check_can_manage(viewer: Viewer, organisation: Organisation) -> None:
    """Raise NotFound for strangers, Forbidden for everybody but its owners."""
    check_can_see(viewer, organisation)
    if not viewer.owns(organisation.id):
        raise Forbidden


def can_manage(viewer: Viewer, organisation: Organisation) -> bool:
    """Whether the viewer manages the organisation."""
    return viewer.owns(organisation.id)


def check_can_decide(viewer: Viewer, organisation: Organisation) -> None:
    """Raise NotFound or Forbidden for those who may not verify, refuse or merge the organisation.

    Agencies are verified by an administrator alone: their members become brokers. Nobody but an administrator decides
    about an organisation of their own.
    """
    check_can_see(viewer, organisation)
    if viewer.is_admin:
        return
    if organisation.kind is OrganisationKind.AGENCY:
        raise Forbidden("政府部门由平台管理员核验。", "Agencies are verified by an administrator.")
    if organisation.region not in viewer.acting_jurisdictions:
        raise Forbidden
    if viewer.membership_in(organisation.id):
        raise Forbidden("不能核验本人所在的单位。", "You cannot decide about an organisation that you are a member of.")


def check_can_admit(viewer: Viewer, organisation: Organisation, *, had_members: bool) -> None:
    """Raise NotFound or Forbidden for those who may not answer who asks to join an organisation without an owner.

    Members have left drafts there, maybe, which no broker reads and no friend of a broker shall.
    """
    check_can_decide(viewer, organisation)
    if had_members and not viewer.is_admin:
        raise Forbidden(
            "这家单位有过成员，现在没有管理成员，加入申请由平台管理员答复。",
            "This organisation has had members and has no owner now; an administrator answers who asks to join it.",
        )


def can_decide(viewer: Viewer, organisation: Organisation) -> bool:
    """Whether the viewer verifies, refuses and merges the organisation."""
    try:
        check_can_decide(viewer, organisation)
    except (NotFound, Forbidden):
        return False
    return True


def check_can_merge_away(viewer: Viewer, organisation: Organisation) -> None:
    """Raise NotFound or Forbidden for those who may not make the organisation a part of another one.

    What has been verified has drafts, contacts and files that no broker reads; a merge opens them to the members of
    the other organisation, whom a broker may have verified as well.
    """
    check_can_decide(viewer, organisation)
    if organisation.verified_name is not None and not viewer.is_admin:
        raise Forbidden(
            "这家单位已经核验过，合并会把它的草稿、联系方式和附件交给另一家单位，只能由平台管理员办理。",
            "This organisation has been verified; only an administrator may merge it into another one.",
        )


def can_hand_over(viewer: Viewer) -> bool:
    """Whether a merge by this viewer hands members and texts of the duplicate to the organisation that stays.

    It decides who reads whose drafts. A broker may have verified either, or know who stands behind it.
    """
    return viewer.is_admin


def can_merge_away(viewer: Viewer, organisation: Organisation) -> bool:
    """Whether the viewer may make the organisation a part of another one."""
    try:
        check_can_merge_away(viewer, organisation)
    except (NotFound, Forbidden):
        return False
    return True


def check_can_verify_any(viewer: Viewer) -> None:
    """Raise Forbidden for those who have no organisations to verify."""
    if not viewer.is_admin and not viewer.acting_jurisdictions:
        raise Forbidden


def can_verify_any(viewer: Viewer) -> bool:
    """Whether the viewer verifies organisations at all."""
    return viewer.is_admin or bool(viewer.acting_jurisdictions)


def decided_by(viewer: Viewer) -> ColumnElement[bool]:
    """The SQL condition for the organisations about which the viewer decides: the row-wise twin of `can_decide`."""
    if viewer.is_admin:
        return col(Organisation.id).is_not(None)
    return and_(
        col(Organisation.region).in_(viewer.acting_jurisdictions),
        col(Organisation.kind) != OrganisationKind.AGENCY,
        col(Organisation.id).not_in(viewer.organisation_ids),
    )
