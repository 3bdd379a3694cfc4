"""The story of a case from the need to the patient: what each side did when, as far as the viewer may read it.

It is told by the line of the case. What a room of its own adds to that line is told once `wordings.STORY` names it; of
a meeting besides who came and what was agreed, as its minutes say it now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from backend.introductions import policy as case_policy
from backend.introductions.cases import Case, path_of
from backend.introductions.models import CaseEvent, CaseParty, Leg, PartyState, Side
from backend.ledger import policy, service, views
from backend.ledger.policy import LedgerFacts
from backend.ledger.states import StepKind
from backend.ledger.views import LedgerView
from backend.ledger.wordings import STORY
from backend.meetings.held import Held, held
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.working_days import today

OF_PARTIES = "introduction:party:"
OF_BROKERS = "introduction:broker:"
OF_LEDGER = "ledger:"
MEETING, MEET = "introduction:meeting:hold", "introduction:meet"
AT_ONCE = timedelta(minutes=1)
"""The first minutes move the case on: that this is one deed shows by the time."""
PLANS = frozenset({"ledger:plan"})
"""Who answers for what by when has no place in a story."""


@dataclass(frozen=True)
class Line:
    """One event. `name` is who did it; `note` what was said or agreed, empty where the viewer does not read it.

    `came` are those who were at a meeting, by organisation with the people as they were typed; `url` its page.
    """

    at: datetime
    day: date
    what: str
    actor: str
    name: str
    note: str
    step: StepKind | None
    came: tuple[tuple[str, str], ...] = ()
    url: str = ""


@dataclass(frozen=True)
class Milestone:
    """A moment that the story is measured by, and how many days after the one before it came; `key` names it."""

    key: str
    day: date
    days: int | None


@dataclass(frozen=True)
class Story:
    """A case on one page."""

    ledger: LedgerView
    milestones: Sequence[Milestone]
    lines: Sequence[Line]
    partners: Sequence[str]
    agencies: Sequence[str]
    days: int | None


def tell(session: Session, viewer: Viewer, introduction_id: str) -> Story:
    """The story of an agreed case; raises NotFound as its ledger does."""
    ledger = service.get(session, viewer, introduction_id)
    case = ledger.case
    shown = views.of(session, viewer, ledger)
    partners = [p.organisation_id for p in case.parties if p.side is Side.PARTNER and p.state is PartyState.ACCEPTED]
    ids = {p.organisation_id for p in case.parties} | {b.organisation_id for b in case.brokers}
    names = {id_: author.name for id_, author in organisations.authors(session, ids).items()}
    meetings = held(session, viewer, case)
    milestones = _milestones(case, shown, meetings)
    return Story(
        ledger=shown,
        milestones=milestones,
        lines=_lines(session, viewer, case, ledger.facts, names, meetings),
        partners=[names[id_] for id_ in partners],
        agencies=[names[b.organisation_id] for b in case.brokers],
        days=(milestones[-1].day - milestones[0].day).days if len(milestones) > 1 else None,
    )


def _milestones(case: Case, shown: LedgerView, meetings: Mapping[str, Held]) -> list[Milestone]:
    row = case.row
    moments = [
        ("published", case.need.published_at),
        ("proposed", row.proposed_at),
        ("introduced", row.introduced_at),
        ("met", min((meeting.starts_at for meeting in meetings.values()), default=None)),
        ("agreed", row.agreed_at),
    ]
    dates = [(key, today(at)) for key, at in moments if at is not None]
    dates += [(step.kind.value, step.row.done_on) for step in shown.steps if step.row.done_on is not None]
    found: list[Milestone] = []
    for key, day in sorted(dates, key=lambda pair: pair[1]):
        found.append(Milestone(key, day, (day - found[-1].day).days if found else None))
    return found


def _lines(
    session: Session,
    viewer: Viewer,
    case: Case,
    facts: LedgerFacts,
    names: Mapping[str, str],
    meetings: Mapping[str, Held],
) -> tuple[Line, ...]:
    query = select(CaseEvent).where(
        CaseEvent.introduction_id == case.row.id, col(CaseEvent.what).in_(set(STORY) - PLANS)
    )
    as_broker = case_policy.sees_as_broker(viewer, facts.case)
    mine, legs = case.party_of(viewer), policy.legs_seen(viewer, facts)
    agency = {b.user_id: names[b.organisation_id] for b in case.brokers if b.user_id}
    lines = []
    for event in _once(session.exec(query.order_by(col(CaseEvent.id))).all()):
        if not (_of_legs(event, legs) and (as_broker or _reads(event, mine))):
            continue
        if event.what == MEETING:
            lines += _of_meeting(case, event, names, agency, meetings)
            continue
        kind = event.detail.get("step")
        name = names.get(event.organisation_id or "", "") or agency.get(event.actor_id or "", "")
        lines.append(
            Line(
                at=event.at,
                day=views.day_of(event.detail.get("done_on", "")) or today(event.at),
                what=event.what,
                actor=event.actor,
                name=name,
                note=_note(event) if as_broker or not event.note_for_brokers else "",
                step=StepKind(kind) if kind in list(StepKind) else None,
            )
        )
    # Much is written down later than it was done.
    return tuple(sorted(lines, key=lambda line: line.day))


def _once(events: Sequence[CaseEvent]) -> list[CaseEvent]:
    """The events without the step that the minutes of the first meeting took by themselves."""
    held_at = [(event.actor_id, event.at) for event in events if event.what == MEETING]
    return [
        event
        for event in events
        if event.what != MEET
        or not any(by == event.actor_id and timedelta(0) <= event.at - at < AT_ONCE for by, at in held_at)
    ]


def _of_meeting(
    case: Case, event: CaseEvent, names: Mapping[str, str], agency: Mapping[str, str], meetings: Mapping[str, Held]
) -> list[Line]:
    id_ = str(event.detail.get("meeting", ""))
    meeting = meetings.get(id_)
    if meeting is None:
        return []
    return [
        Line(
            at=meeting.starts_at,
            day=today(meeting.starts_at),
            what=event.what,
            actor=event.actor,
            name=names.get(event.organisation_id or "", "") or agency.get(event.actor_id or "", ""),
            note=meeting.agreed,
            step=None,
            came=meeting.came,
            url=f"{path_of(case.row.id)}/meetings/{id_}",
        )
    ]


def _note(event: CaseEvent) -> str:
    """What was said: the line of a ledger begins with the name of the step, which the story tells by itself."""
    if event.what.startswith(OF_LEDGER):
        return event.note.partition("：")[2]
    return event.note


def _of_legs(event: CaseEvent, legs: frozenset[Leg]) -> bool:
    return not event.what.startswith(OF_LEDGER) or event.detail.get("leg") in legs


def _reads(event: CaseEvent, mine: CaseParty | None) -> bool:
    """Whether a party reads a line: those about brokers it does not."""
    return mine is not None and not event.what.startswith(OF_BROKERS)
