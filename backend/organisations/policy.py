"""Who is looking: a user with their memberships as plain data, and what follows for organisations."""

from dataclasses import dataclass

from backend.organisations.models import MemberRole, OrganisationKind

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
    def is_broker(self) -> bool:
        """True for a member of an agency with a jurisdiction."""
        return bool(self.jurisdictions)

    def may_write_for(self, organisation_id: str) -> bool:
        """Whether this viewer writes for the organisation."""
        return organisation_id in self.writable_organisation_ids

    def membership_in(self, organisation_id: str) -> MembershipFacts | None:
        """The viewer's membership in an organisation, if any."""
        return next((m for m in self.memberships if m.organisation_id == organisation_id), None)


VISITOR = Viewer()
