"""Needs: writing them, acting on them, and reading them as far as the viewer may."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from backend.audit.events import Event
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
from backend.needs import policy, requirements, states, support, texts
from backend.needs.models import Need, RequirementSource
from backend.needs.requirements import Point, Written
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.transitions import Actor, actions

TYPE = disclosure.SubjectType(
    kind=SubjectKind.NEED,
    table=states.TABLE,
    open_statuses=states.OPEN,
    tiers=texts.TIERS,
    create_event=Event.NEED_CREATE,
    edit_event=Event.NEED_EDIT,
    brief_read_event=Event.NEED_BRIEF_READ,
    annex_read_event=Event.NEED_ANNEX_READ,
)


@dataclass(frozen=True)
class NeedBrief:
    """The 详情 of a need."""

    procedure: str
    current_practice: str
    problem: str
    frequency: str
    acceptance_criteria: str
    constraints: str
    offers: tuple[str, ...]
    offers_note: str


@dataclass(frozen=True)
class NeedDetail:
    """A need as far as the viewer may read it: `brief` and `contact` are None where that tier is closed.

    `requirements` are those of readable tiers; proposed ones, which only repeat the text, are for the author alone.
    `reads_until` is when the reason ends by which an administrator reads the brief; `may_give_reason`, that he may
    give one.
    `handling` is for the own organisation and brokers of the region, `changed` for organisations to which it is open.
    """

    card: Card
    requirements: tuple[Point, ...]
    brief: NeedBrief | None
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
    support: support.Standing


def get(session: Session, viewer: Viewer, need_id: str) -> Need:
    """A need whose teaser the viewer may read; raises NotFound."""
    need = session.get(Need, need_id)
    if need is None:
        raise NotFound
    released = disclosure.released_tiers(session, viewer, SubjectKind.NEED, need_id)
    check_can_read(viewer, policy.subject_of(need), Tier.TEASER, released)
    return need


def requirements_for(session: Session, need_id: str, tier: Tier) -> tuple[str, ...]:
    """The requirements that stand for a need before a reader of this tier; () where there is no such need.

    The caller has asked the policy which tier that is: a requirement of the brief is not among those for a teaser.
    """
    need = session.get(Need, need_id)
    return requirements.readable(session, need, tier) if need is not None else ()


def opened(session: Session, viewer: Viewer, need_id: str) -> Opened:
    """Which tiers of a need the viewer may read, for the floors above; raises NotFound."""
    need = get(session, viewer, need_id)
    is_editable = need.status in states.EDITABLE
    return disclosure.opened(session, viewer, need, policy.subject_of(need), is_editable=is_editable)


def read(session: Session, viewer: Viewer, need_id: str) -> NeedDetail:
    """A need for its page; the reading of a closed tier by others is recorded. Raises NotFound."""
    need = get(session, viewer, need_id)
    facts = policy.subject_of(need)
    opened = disclosure.opened_to(session, viewer, SubjectKind.NEED, need_id)
    tiers, access = disclosure.tiers_on_page(session, viewer, facts, opened)
    brief = None
    if Tier.BRIEF in tiers:
        brief = NeedBrief(
            procedure=need.procedure,
            current_practice=need.current_practice,
            problem=need.problem,
            frequency=need.frequency,
            acceptance_criteria=need.acceptance_criteria,
            constraints=need.constraints,
            offers=tuple(need.offers),
            offers_note=need.offers_note,
        )
    for tier in tiers:
        disclosure.record_reading(session, TYPE, viewer, facts, opened, tier, access)
    may_write = can_write(viewer, facts)
    roles = ({Actor.AUTHOR} if may_write else set()) | ({Actor.BROKER} if can_review(viewer, facts) else set())
    card = _cards(session, viewer, [need])[0]
    points = [point for point in requirements.stored(session, need_id) if point.tier in tiers]
    return NeedDetail(
        card=card,
        requirements=tuple(p for p in points if card.is_own or p.source is RequirementSource.AUTHOR),
        brief=brief,
        contact=need.contact if Tier.ANNEX in tiers else None,
        version=need.version,
        is_open=facts.is_open,
        can_edit=may_write and need.status in states.EDITABLE,
        actions=tuple(actions(states.TABLE, need.status, roles)),
        confirmed_at=need.confirmed_at,
        handling=handling(session, TYPE, viewer, facts, need.status),
        reads_until=access.expires_at if access else None,
        may_give_reason=Tier.BRIEF not in tiers and can_give_reason(viewer, facts),
        changed=unread_changes(session, TYPE, facts, opened, texts.fields(session, need)),
        support=support.standing(session, viewer, need),
    )


def rows(session: Session, ids: Collection[str]) -> Sequence[Need]:
    """Needs by id, whatever the viewer may read: the caller cuts them by tiers."""
    return session.exec(select(Need).where(col(Need.id).in_(ids))).all()


def find(session: Session, need_id: str) -> Need | None:
    """A need by its id, unchecked: the caller asks the policy."""
    return session.get(Need, need_id)


def save(
    session: Session,
    viewer: Viewer,
    need_id: str,
    values: Mapping[str, Any],
    brief_requirements: Sequence[str],
    teaser_requirements: Sequence[str] = (),
    *,
    untouched: bool = False,
    expected_version: int | None,
) -> Need:
    """Create the need of that id, or change it; raises Forbidden, NotFound, Conflict or EditedElsewhere.

    A form that is sent twice arrives here twice with the same id and makes one need. Sent once more after the
    text has been edited, it meets that edit: a form of a new subject knows the first version alone.

    Without requirements, or with proposed ones left as they were (`untouched`), they are proposed from the text.
    """
    need = session.get(Need, need_id)
    written = Written(teaser_requirements, brief_requirements, untouched)
    if need is None:
        check_can_create(viewer)
        if not viewer.may_write_for(str(values["organisation_id"])):
            raise NotFound
        need = Need(id=need_id, author_id=viewer.user_id, **values)
        disclosure.save(session, TYPE, viewer, need, values, expected_version=None)
        requirements.save(session, viewer.user_id, need, written)
        _edited(session, viewer, need, {})
        return need
    policy.check_can_edit(viewer, need)
    before = texts.keep(session, need)
    # The owner of a need does not change with its text.
    values = {name: value for name, value in values.items() if name != "organisation_id"}
    version = need.version
    seen = disclosure.FIRST_VERSION if expected_version is None else expected_version
    disclosure.save(session, TYPE, viewer, need, values, expected_version=seen)
    if requirements.save(session, viewer.user_id, need, written) and need.version == version:
        disclosure.touch(session, TYPE, viewer, need)
    if need.version != version:
        _edited(session, viewer, need, before)
    return need


def _edited(session: Session, viewer: Viewer, need: Need, before: Mapping[str, Any]) -> None:
    disclosure.edited(session, TYPE, viewer, need, policy.subject_of(need), before, texts.fields(session, need))


def write_draft(session: Session, need: Need, values: Mapping[str, Any], written: Written) -> bool:
    """Put the values of a form onto a draft that saves itself; returns whether anything has changed.

    Nothing is recorded and no version is counted. The caller has asked the policy.
    """
    changed = {name: value for name, value in values.items() if getattr(need, name) != value}
    for name, value in changed.items():
        setattr(need, name, value)
    session.add(need)
    return requirements.save(session, None, need, written, quietly=True) or bool(changed)


def support_need(session: Session, viewer: Viewer, need_id: str) -> None:
    """Join a need: the viewer's department lacks the same. Raises NotFound or Forbidden."""
    support.join(session, viewer, get(session, viewer, need_id))


def leave_need(session: Session, viewer: Viewer, need_id: str) -> None:
    """Take back having joined a need; raises NotFound."""
    support.leave(session, viewer, get(session, viewer, need_id))


def split_again(session: Session, viewer: Viewer, need_id: str) -> Need:
    """Replace the author's requirements by those of the text; raises NotFound, Forbidden or Conflict."""
    need = session.get(Need, need_id)
    if need is None:
        raise NotFound
    policy.check_can_edit(viewer, need)
    before = texts.keep(session, need)
    requirements.split_again(session, viewer.user_id, need)
    disclosure.touch(session, TYPE, viewer, need)
    _edited(session, viewer, need, before)
    return need


def act(session: Session, viewer: Viewer | None, need_id: str, action: str, note: str = "") -> Need:
    """Take an action, as the system where `viewer` is None.

    Raises NotFound, Forbidden, Conflict where the status does not allow it, or BadNote. What the only broker of a
    region submits is published at once: nobody else could review it.
    """
    need = session.get(Need, need_id, with_for_update=True)
    if need is None:
        raise NotFound
    _step(session, viewer, need, action, note)
    is_waiting = need.status in states.SUBMITTED
    if is_waiting and viewer and disclosure.passes_directly(session, viewer, policy.subject_of(need)):
        _step(session, None, need, states.NeedAction.PUBLISH)
    return need


def _step(session: Session, viewer: Viewer | None, need: Need, action: str, note: str = "") -> None:
    was_open = need.status in states.OPEN
    step = disclosure.act(session, TYPE, viewer, need, policy.subject_of(need), need.status, action, note)
    need.status = states.NeedStatus(step.target)
    if need.status in states.SUBMITTED:
        need.submitted_at, need.submitted_by = utc_now(), viewer.user_id if viewer else None
        texts.keep(session, need, shown=True)
    if need.status in states.OPEN and not was_open:
        need.published_at = need.confirmed_at = utc_now()
        texts.keep(session, need, shown=True)
    if action == states.NeedAction.EXTEND:
        need.confirmed_at = utc_now()
    session.flush()


def _cards(session: Session, viewer: Viewer, needs: Sequence[Need]) -> list[Card]:
    owners = organisations.authors(session, (n.organisation_id for n in needs))
    departments = organisations.department_names(session, (n.department_id for n in needs if n.department_id))
    joined = support.counts(session, (n.id for n in needs))
    cards = [
        card(
            need,
            policy.subject_of(need),
            need.kind,
            need.status,
            viewer,
            owners,
            departments[need.department_id] if need.department_id else None,
        )
        for need in needs
    ]
    return [replace(c, supporters=joined[c.id]) if c.id in joined else c for c in cards]


LISTS = Lists(
    table=Need,
    kind=col(Need.kind),
    status=col(Need.status),
    open_statuses=states.OPEN,
    submitted=states.SUBMITTED,
    visible_to=policy.visible_to,
    teasers=_cards,
    further=(col(Need.department_id),),
)
cards, own, listing, open_ids = LISTS.cards, LISTS.own, LISTS.listing, LISTS.open_ids
LAPSING = Lapsing(SubjectKind.NEED, Need, states.NeedStatus.PUBLISHED, policy.subject_of, act)
named_ids, waiting = LISTS.named_ids, LISTS.waiting


def text_of(session: Session, need_id: str) -> TieredText | None:
    """The searchable text of a need, whatever its status; None where there is no such need."""
    need = session.get(Need, need_id)
    if need is None:
        return None
    # Proposed requirements are words of the text already.
    written = [p for p in requirements.stored(session, need_id) if p.source is RequirementSource.AUTHOR]
    return TieredText(
        title=need.title,
        teaser=(need.summary, *(p.text for p in written if p.tier is Tier.TEASER)),
        brief=(
            need.procedure,
            need.current_practice,
            need.problem,
            need.frequency,
            need.acceptance_criteria,
            need.constraints,
            *(p.text for p in written if p.tier is Tier.BRIEF),
        ),
    )


def open_text_of(session: Session, need_id: str) -> TieredText | None:
    """The searchable text of a need that others may find; None for any other."""
    need = session.get(Need, need_id)
    return text_of(session, need_id) if need is not None and need.status in states.OPEN else None


def is_open(need: Need) -> bool:
    """Whether others may find the need."""
    return need.status in states.OPEN
