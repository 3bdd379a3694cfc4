"""Who wishes to talk with whom at a docking event, and the plan that is made of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, delete, select

from backend.audit.events import Event
from backend.capabilities.models import Capability
from backend.decisions.service import Suggested
from backend.disclosure.models import SubjectKind
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import policy as case_policy
from backend.introductions import service as introductions
from backend.introductions.service import Unsuitable
from backend.matching import service as matching
from backend.matching.index_sync import SearchEngine
from backend.matching.ranker import Grade, weights
from backend.meetings import docking_guests
from backend.meetings.docking import get, record, sides_of, talks
from backend.meetings.models import DockingEvent, DockingTalk, WishSource
from backend.meetings.scheduling import Wish, schedule
from backend.meetings.states import DockingStatus
from backend.needs import states as need_states
from backend.needs.models import Need
from backend.organisations.policy import Viewer

MOST_TALKS = 2000
AT_ONCE = 40
"""Needs for which matches are sought at once."""
CANDIDATES = 8
"""Companies that a need gets from its matches."""
UNRATED = 0.3
"""The weight of a talk that a broker has added and the ranker has not judged."""


class OneSideOnly(Conflict):
    """An organisation sits at its own tables or visits others, not both: else nobody could be where the plan says."""

    status = 422
    zh = "一家单位在同一场对接会中只能作为需求方或能力方之一。"
    en = "An organisation takes part on one side of an event only."


@dataclass(frozen=True)
class Found:
    """A match that could be a talk."""

    need_id: str
    capability_id: str
    said: Suggested


def open_needs(session: Session, viewer: Viewer) -> Sequence[Need]:
    """The open needs of the regions in which the viewer acts as a broker, newest first."""
    query = select(Need).where(
        col(Need.region).in_(viewer.acting_jurisdictions), col(Need.status).in_(need_states.OPEN)
    )
    return session.exec(query.order_by(col(Need.published_at).desc()).limit(200)).all()


def suggested(
    session: Session, engine: SearchEngine, viewer: Viewer, need_ids: Collection[str], spend: Callable[[], None]
) -> list[Found]:
    """What the matches of these needs are: good ones, the best few of each. `spend` may raise TooManyAttempts."""
    known = {need.id for need in open_needs(session, viewer)}
    version = weights().version
    found: list[Found] = []
    for need_id in sorted(set(need_ids) & known)[:AT_ONCE]:
        _card, matches = matching.suggest(session, engine, viewer, SubjectKind.NEED, need_id, spend)
        good = [m for m in matches.matches if m.grade is not Grade.WEAK][:CANDIDATES]
        found += [
            Found(need_id, m.card.id, Suggested(version, position, m.grade.value, m.probability))
            for position, m in enumerate(good, 1)
        ]
    return found


def add_matches(session: Session, viewer: Viewer, event_id: str, found: Sequence[Found]) -> int:
    """Wish for talks that matches suggest; returns how many are new. What does not suit any more is passed over."""
    event = get(session, viewer, event_id, lock=True)
    added = 0
    for match in found:
        try:
            added += _add(session, viewer, event, match.need_id, match.capability_id, WishSource.MATCH, match.said)
        except (Unsuitable, OneSideOnly, NotFound, Forbidden):
            continue
    return added


def add(session: Session, viewer: Viewer, event_id: str, need_id: str, capability_id: str) -> bool:
    """Wish for a talk; False where it is wished for already.

    Raises NotFound, Forbidden, Conflict, Unsuitable or OneSideOnly.
    """
    event = get(session, viewer, event_id, lock=True)
    return _add(session, viewer, event, need_id, capability_id, WishSource.MANUAL, Suggested())


def _add(
    session: Session,
    viewer: Viewer,
    event: DockingEvent,
    need_id: str,
    capability_id: str,
    source: WishSource,
    said: Suggested,
) -> bool:
    if event.status is DockingStatus.CANCELLED:
        raise Conflict
    pair = introductions.pair_of(session, need_id, capability_id)
    sides = {pair.need.organisation_id, pair.organisation_id}
    case_policy.check_can_begin(viewer, {pair.need.region, pair.region}, sides)
    present = talks(session, event.id)
    if any((t.need_id, t.capability_id) == (need_id, capability_id) for t in present):
        return False
    if len(present) >= MOST_TALKS:
        raise Conflict
    seated = sides_of(session, present)
    if pair.need.organisation_id in seated[1] or pair.organisation_id in seated[0]:
        raise OneSideOnly
    session.add(
        DockingTalk(
            event_id=event.id,
            need_id=need_id,
            capability_id=capability_id,
            source=source,
            grade=said.grade,
            probability=said.probability,
            ranker=said.ranker,
            position=said.position,
        )
    )
    session.flush()
    return True


def remove(session: Session, viewer: Viewer, event_id: str, talk_id: str) -> None:
    """Take a wish back; twice changes nothing. Raises NotFound or Forbidden."""
    get(session, viewer, event_id, lock=True)
    session.exec(delete(DockingTalk).where(col(DockingTalk.id) == talk_id, col(DockingTalk.event_id) == event_id))


def plan(session: Session, viewer: Viewer, event_id: str) -> int:
    """Give the talks their slots and tables anew, without guests who have declined; returns how many have one.

    Raises NotFound, Forbidden or Conflict.
    """
    event = get(session, viewer, event_id, lock=True)
    if event.status is DockingStatus.CANCELLED:
        raise Conflict
    rows = talks(session, event_id)
    needs = {n.id: n for n in session.exec(select(Need).where(col(Need.id).in_({t.need_id for t in rows}))).all()}
    query = select(Capability.id, Capability.organisation_id)
    owners = dict(session.exec(query.where(col(Capability.id).in_({t.capability_id for t in rows}))).all())
    gone = docking_guests.declined(session, event_id)
    wishes = [
        Wish(
            t.id,
            # The people of a department are the same for all its needs.
            f"{needs[t.need_id].organisation_id}:{needs[t.need_id].department_id or ''}",
            owners[t.capability_id],
            t.probability if t.probability is not None else UNRATED,
        )
        for t in sorted(rows, key=lambda t: t.id)
        if not gone & {needs[t.need_id].organisation_id, owners[t.capability_id]}
    ]
    places = schedule(wishes, event.slots, event.tables)
    for talk in rows:
        place = places.get(talk.id)
        talk.slot, talk.table_number = (place.slot, place.table) if place else (None, None)
        session.add(talk)
    record(session, Event.DOCKING_PLAN, viewer, event)
    session.flush()
    return len(places)
