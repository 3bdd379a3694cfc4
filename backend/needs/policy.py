"""Who may see and write which need: the facts for the policy of tiers."""

from sqlalchemy import ColumnElement

from backend.disclosure import policy
from backend.disclosure.models import SubjectKind
from backend.disclosure.policy import Subject
from backend.needs import states
from backend.needs.models import Need
from backend.organisations.policy import Viewer

GONE = frozenset({states.NeedStatus.DISCARDED})


def subject_of(need: Need) -> Subject:
    """The facts about a need that the policy of tiers asks for."""
    return Subject(
        kind=SubjectKind.NEED,
        id=need.id,
        organisation_id=need.organisation_id,
        region=need.region,
        audience=need.audience,
        is_open=need.status in states.OPEN,
        is_submitted=need.status in states.SUBMITTED,
        submitted_by=need.submitted_by,
        version=need.version,
    )


def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """The condition of every list of needs."""
    return policy.visible_to(viewer, Need, Need.status, states.OPEN, states.SUBMITTED, GONE)


def check_can_edit(viewer: Viewer, need: Need) -> None:
    """Raise NotFound for strangers, Forbidden for readers, Conflict where the status does not allow it."""
    policy.check_can_edit(viewer, subject_of(need), is_editable=need.status in states.EDITABLE)
