"""Who imports what, and who sees an import. Unknown means no.

An office imports for its region: organisations, their needs and capabilities, past introductions. Anybody else who
writes for a verified organisation imports its own needs and capabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import col

from backend.errors import Forbidden, NotFound
from backend.organisations.models import OrganisationKind
from backend.organisations.policy import MembershipFacts, Viewer
from backend.transfers.models import Import, RowKind

OWN_KINDS = frozenset({RowKind.NEED, RowKind.CAPABILITY})


@dataclass(frozen=True)
class Scope:
    """For which organisation an import is made; `region` is that of an office, None for anybody else."""

    organisation_id: str
    user_id: str | None
    region: str | None

    @property
    def is_office(self) -> bool:
        """Whether it is the import of an office for its region."""
        return self.region is not None

    def takes(self, kind: RowKind) -> bool:
        """Whether rows of this kind are taken in."""
        return self.is_office or kind in OWN_KINDS


def may_import_for(viewer: Viewer) -> Sequence[MembershipFacts]:
    """The memberships for which the viewer imports, offices first."""
    found = [m for m in viewer.memberships if m.may_write and m.verified]
    return sorted(found, key=lambda m: not _is_office(m))


def _is_office(membership: MembershipFacts) -> bool:
    return membership.kind is OrganisationKind.AGENCY and bool(membership.jurisdiction)


def check_can_import(viewer: Viewer, organisation_id: str | None = None) -> None:
    """Raise Forbidden for those who write for no verified organisation, or not for this one."""
    allowed = {m.organisation_id for m in may_import_for(viewer)}
    if not allowed or (organisation_id is not None and organisation_id not in allowed):
        raise Forbidden(
            "只有已核验单位的管理成员和编辑成员可以批量导入。",
            "Only owners and editors of a verified organisation can import.",
        )


def can_import(viewer: Viewer) -> bool:
    """Whether the viewer imports at all."""
    return bool(may_import_for(viewer))


def scope_of(viewer: Viewer, organisation_id: str) -> Scope:
    """The scope of an import by the viewer for an organisation; raises Forbidden."""
    check_can_import(viewer, organisation_id)
    membership = viewer.membership_in(organisation_id)
    assert membership is not None
    return Scope(organisation_id, viewer.user_id, membership.jurisdiction if _is_office(membership) else None)


def check_can_see(viewer: Viewer, batch: Import) -> None:
    """Raise NotFound for others than those who import for the same organisation."""
    if batch.organisation_id not in {m.organisation_id for m in may_import_for(viewer)}:
        raise NotFound


def can_see(viewer: Viewer, batch: Import) -> bool:
    """Whether the viewer sees the import."""
    try:
        check_can_see(viewer, batch)
    except NotFound:
        return False
    return True


def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """The condition of the list of imports: the row-wise twin of `can_see`."""
    return col(Import.organisation_id).in_([m.organisation_id for m in may_import_for(viewer)])
