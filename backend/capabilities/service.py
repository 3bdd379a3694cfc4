"""Capabilities: writing them, acting on them, and reading them as far as the viewer may."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from backend.audit.events import Event
from backend.capabilities import policy, states
from backend.capabilities.models import Capability, Stage
from backend.db import utc_now
from backend.disclosure import service as disclosure
from backend.disclosure import versions
from backend.disclosure.cards import Card, card
from backend.disclosure.handling import Handling, handling, unread_changes
from backend.disclosure.lapsing import Lapsing
from backend.disclosure.lists import Lists
from backend.disclosure.models import SubjectKind, Tier, TieredText
from backend.disclosure.policy import (
    Opened,
    can_give_reason,
    can_review,
    can_write,
    check_can_create,
    check_can_read,
)
from backend.errors import NotFound
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.transitions import Actor, actions

TIERS: Mapping[str, Tier] = {
    **dict.fromkeys(("title", "summary", "kind", "specialty", "device_category", "region"), Tier.TEASER),
    **dict.fromkeys(("audience", "anonymous"), Tier.TEASER),
    **dict.fromkeys(("composition", "principle", "indications", "stage", "certificate"), Tier.BRIEF),
    **dict.fromkeys(("performance", "cooperation"), Tier.BRIEF),
    "contact": Tier.ANNEX,
}
TYPE = disclosure.SubjectType(
    kind=SubjectKind.CAPABILITY,
    table=states.TABLE,
    open_statuses=states.OPEN,
    tiers=TIERS,
    create_event=Event.CAPABILITY_CREATE,
    edit_event=Event.CAPABILITY_EDIT,
    brief_read_event=Event.CAPABILITY_BRIEF_READ,
    annex_read_event=Event.CAPABILITY_ANNEX_READ,
)


@dataclass(frozen=True)
class CapabilityBrief:
    """The 详情 of a capability."""

    composition: str
    principle: str
    indications: str
    stage: Stage | None
    certificate: str
    performance: str
    cooperation: str


@dataclass(frozen=True)
class CapabilityDetail:
    """A capability as far as the viewer may read it: `brief` and `contact` are None where that tier is closed.

    `reads_until` is when the reason ends by which an administrator reads the brief; `may_give_reason`, that he may
    give one.
    `handling` is for the own organisation and brokers of the region, `changed` for organisations to which it is open.
    """

    card: Card
    brief: CapabilityBrief | None
    contact: str | None
    version: int
    is_open: bool
    can_edit: bool
    actions: tuple[str, ...]
    confirmed_at: datetime | None
    handling: Handling | None
    reads_until: datetime | None
    may_give_reason: bool
    changed: tuple[versions.Fields, versions.Fields] | None


def get(session: Session, viewer: Viewer, capability_id: str) -> Capability:
    """A capability whose teaser the viewer may read; raises NotFound."""
    capability = session.get(Capability, capability_id)
    if capability is None:
        raise NotFound
    released = disclosure.released_tiers(session, viewer, SubjectKind.CAPABILITY, capability_id)
    check_can_read(viewer, policy.subject_of(capability), Tier.TEASER, released)
    return capability


def opened(session: Session, viewer: Viewer, capability_id: str) -> Opened:
    """Which tiers of a capability the viewer may read, for the floors above; raises NotFound."""
    capability = get(session, viewer, capability_id)
    is_editable = capability.status in states.EDITABLE
    return disclosure.opened(session, viewer, capability, policy.subject_of(capability), is_editable=is_editable)


def read(session: Session, viewer: Viewer, capability_id: str) -> CapabilityDetail:
    """A capability for its page; the reading of a closed tier by others is recorded. Raises NotFound."""
    capability = get(session, viewer, capability_id)
    facts = policy.subject_of(capability)
    opened = disclosure.opened_to(session, viewer, SubjectKind.CAPABILITY, capability_id)
    tiers, access = disclosure.tiers_on_page(session, viewer, facts, opened)
    brief = None
    if Tier.BRIEF in tiers:
        brief = CapabilityBrief(
            composition=capability.composition,
            principle=capability.principle,
            indications=capability.indications,
            stage=capability.stage,
            certificate=capability.certificate,
            performance=capability.performance,
            cooperation=capability.cooperation,
        )
    for tier in tiers:
        disclosure.record_reading(session, TYPE, viewer, facts, opened, tier, access)
    may_write = can_write(viewer, facts)
    roles = ({Actor.AUTHOR} if may_write else set()) | ({Actor.BROKER} if can_review(viewer, facts) else set())
    return CapabilityDetail(
        card=_cards(session, viewer, [capability])[0],
        brief=brief,
        contact=capability.contact if Tier.ANNEX in tiers else None,
        version=capability.version,
        is_open=facts.is_open,
        can_edit=may_write and capability.status in states.EDITABLE,
        actions=tuple(actions(states.TABLE, capability.status, roles)),
        confirmed_at=capability.confirmed_at,
        handling=handling(session, TYPE, viewer, facts, capability.status),
        reads_until=access.expires_at if access else None,
        may_give_reason=Tier.BRIEF not in tiers and can_give_reason(viewer, facts),
        changed=unread_changes(session, TYPE, facts, opened, versions.plain(capability, TIERS)),
    )


def rows(session: Session, ids: Collection[str]) -> Sequence[Capability]:
    """Capabilities by id, whatever the viewer may read: the caller cuts them by tiers."""
    return session.exec(select(Capability).where(col(Capability.id).in_(ids))).all()


def find(session: Session, capability_id: str) -> Capability | None:
    """A capability by its id, unchecked: the caller asks the policy."""
    return session.get(Capability, capability_id)


def save(
    session: Session,
    viewer: Viewer,
    capability_id: str,
    values: Mapping[str, Any],
    *,
    expected_version: int | None,
) -> Capability:
    """Create the capability of that id, or change it; raises Forbidden, NotFound, Conflict or EditedElsewhere.

    A form that is sent twice arrives here twice with the same id and makes one capability. Sent once more after the
    text has been edited, it meets that edit: a form of a new subject knows the first version alone.
    """
    capability = session.get(Capability, capability_id)
    if capability is None:
        check_can_create(viewer)
        if not viewer.may_write_for(str(values["organisation_id"])):
            raise NotFound
        capability = Capability(id=capability_id, author_id=viewer.user_id, **values)
        disclosure.save(session, TYPE, viewer, capability, values, expected_version=None)
        _edited(session, viewer, capability, {})
        return capability
    policy.check_can_edit(viewer, capability)
    before = _keep(session, capability)
    version = capability.version
    # The owner of a capability does not change with its text.
    values = {name: value for name, value in values.items() if name != "organisation_id"}
    seen = disclosure.FIRST_VERSION if expected_version is None else expected_version
    disclosure.save(session, TYPE, viewer, capability, values, expected_version=seen)
    if capability.version != version:
        _edited(session, viewer, capability, before)
    return capability


def write_draft(session: Session, capability: Capability, values: Mapping[str, Any]) -> bool:
    """Put the values of a form onto a draft that saves itself; returns whether anything has changed.

    Nothing is recorded and no version is counted. The caller has asked the policy.
    """
    changed = {name: value for name, value in values.items() if getattr(capability, name) != value}
    for name, value in changed.items():
        setattr(capability, name, value)
    session.add(capability)
    return bool(changed)


def _keep(session: Session, capability: Capability, *, shown: bool = False) -> dict[str, Any]:
    """Keep the present version, which was written before versions were kept, or is shown to others from now on."""
    fields = versions.plain(capability, TIERS)
    shown = shown or capability.status in states.OPEN or capability.status in states.SUBMITTED
    versions.keep(
        session,
        SubjectKind.CAPABILITY,
        capability,
        fields,
        user_id=capability.author_id,
        at=capability.updated_at,
        shown=shown,
    )
    return fields


def _edited(session: Session, viewer: Viewer, capability: Capability, before: Mapping[str, Any]) -> None:
    facts, after = policy.subject_of(capability), versions.plain(capability, TIERS)
    disclosure.edited(session, TYPE, viewer, capability, facts, before, after)


def act(session: Session, viewer: Viewer | None, capability_id: str, action: str, note: str = "") -> Capability:
    """Take an action, as the system where `viewer` is None.

    Raises NotFound, Forbidden, Conflict where the status does not allow it, or BadNote. What the only broker of a
    region submits is published at once: nobody else could review it.
    """
    capability = session.get(Capability, capability_id, with_for_update=True)
    if capability is None:
        raise NotFound
    _step(session, viewer, capability, action, note)
    is_waiting = capability.status in states.SUBMITTED
    if is_waiting and viewer and disclosure.passes_directly(session, viewer, policy.subject_of(capability)):
        _step(session, None, capability, states.CapabilityAction.PUBLISH)
    return capability


def _step(session: Session, viewer: Viewer | None, capability: Capability, action: str, note: str = "") -> None:
    was_open = capability.status in states.OPEN
    facts = policy.subject_of(capability)
    step = disclosure.act(session, TYPE, viewer, capability, facts, capability.status, action, note)
    capability.status = states.CapabilityStatus(step.target)
    if capability.status in states.SUBMITTED:
        capability.submitted_at, capability.submitted_by = utc_now(), viewer.user_id if viewer else None
        _keep(session, capability, shown=True)
    if capability.status in states.OPEN and not was_open:
        capability.published_at = capability.confirmed_at = utc_now()
        _keep(session, capability, shown=True)
    if action == states.CapabilityAction.CONFIRM:
        capability.confirmed_at = utc_now()
    session.flush()


def _cards(session: Session, viewer: Viewer, capabilities: Sequence[Capability]) -> list[Card]:
    owners = organisations.authors(session, (c.organisation_id for c in capabilities))
    return [card(c, policy.subject_of(c), c.kind, c.status, viewer, owners) for c in capabilities]


LISTS = Lists(
    table=Capability,
    kind=col(Capability.kind),
    status=col(Capability.status),
    open_statuses=states.OPEN,
    submitted=states.SUBMITTED,
    visible_to=policy.visible_to,
    teasers=_cards,
)
cards, own, listing, open_ids = LISTS.cards, LISTS.own, LISTS.listing, LISTS.open_ids
LAPSING = Lapsing(SubjectKind.CAPABILITY, Capability, states.CapabilityStatus.PUBLISHED, policy.subject_of, act)
named_ids, waiting = LISTS.named_ids, LISTS.waiting


def text_of(session: Session, capability_id: str) -> TieredText | None:
    """The searchable text of a capability, whatever its status; None where there is no such capability."""
    capability = session.get(Capability, capability_id)
    if capability is None:
        return None
    return TieredText(
        title=capability.title,
        teaser=(capability.summary,),
        brief=(
            capability.composition,
            capability.principle,
            capability.indications,
            capability.certificate,
            capability.performance,
            capability.cooperation,
        ),
    )


def open_text_of(session: Session, capability_id: str) -> TieredText | None:
    """The searchable text of a capability that others may find; None for any other."""
    capability = session.get(Capability, capability_id)
    if capability is None or capability.status not in states.OPEN:
        return None
    return text_of(session, capability_id)


def is_open(capability: Capability) -> bool:
    """Whether others may find the capability."""
    return capability.status in states.OPEN
