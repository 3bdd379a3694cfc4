"""Who may see and write which capability: the facts for the policy of tiers."""

from sqlalchemy import ColumnElement

from backend.capabilities import states
from backend.capabilities.models import Capability
from backend.disclosure import policy
from backend.disclosure.models import SubjectKind
from backend.disclosure.policy import Subject
from backend.organisations.policy import Viewer

GONE = frozenset({states.CapabilityStatus.DISCARDED})


def subject_of(capability: Capability) -> Subject:
    """The facts about a capability that the policy of tiers asks for."""
    return Subject(
        kind=SubjectKind.CAPABILITY,
        id=capability.id,
        organisation_id=capability.organisation_id,
        region=capability.region,
        audience=capability.audience,
        is_open=capability.status in states.OPEN,
        is_submitted=capability.status in states.SUBMITTED,
        submitted_by=capability.submitted_by,
        version=capability.version,
    )


def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """The condition of every list of capabilities."""
    return policy.visible_to(viewer, Capability, Capability.status, states.OPEN, states.SUBMITTED, GONE)


def check_can_edit(viewer: Viewer, capability: Capability) -> None:
    """Raise NotFound for strangers, Forbidden for readers, Conflict where the status does not allow it."""
    policy.check_can_edit(viewer, subject_of(capability), is_editable=capability.status in states.EDITABLE)
