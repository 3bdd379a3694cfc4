"""The verification of an organisation: status → action → who may act, where it leads, which event is written.

A broker stands for whoever may decide: brokers with jurisdiction over the region, an administrator alone for agencies.
"""

from enum import StrEnum

from backend.audit.events import Event
from backend.transitions import Actor, Table, Transition


class OrganisationStatus(StrEnum):
    """核验状态 of an organisation."""

    WAITING = "waiting"
    VERIFIED = "verified"
    REFUSED = "refused"
    MERGED = "merged"


class OrganisationAction(StrEnum):
    """What changes the status of an organisation."""

    VERIFY = "verify"
    REFUSE = "refuse"
    SUBMIT = "submit"
    MERGE = "merge"


TABLE: Table = {
    OrganisationStatus.WAITING: {
        OrganisationAction.VERIFY: Transition((Actor.BROKER,), OrganisationStatus.VERIFIED, Event.ORGANISATION_VERIFY),
        OrganisationAction.REFUSE: Transition((Actor.BROKER,), OrganisationStatus.REFUSED, Event.ORGANISATION_REFUSE),
        OrganisationAction.MERGE: Transition((Actor.BROKER,), OrganisationStatus.MERGED, Event.ORGANISATION_MERGE),
    },
    OrganisationStatus.REFUSED: {
        OrganisationAction.SUBMIT: Transition((Actor.AUTHOR,), OrganisationStatus.WAITING, Event.ORGANISATION_SUBMIT),
        OrganisationAction.MERGE: Transition((Actor.BROKER,), OrganisationStatus.MERGED, Event.ORGANISATION_MERGE),
    },
    OrganisationStatus.VERIFIED: {
        # By changing name, code, kind, region or jurisdiction: what was verified is no longer what stands there.
        OrganisationAction.SUBMIT: Transition((Actor.AUTHOR,), OrganisationStatus.WAITING, Event.ORGANISATION_SUBMIT),
        OrganisationAction.MERGE: Transition((Actor.BROKER,), OrganisationStatus.MERGED, Event.ORGANISATION_MERGE),
    },
}
