"""What happened to needs and cases, as plain rows with the shares of the regions in it.

Needs are counted where they are, cases for the regions of their agreed brokers: two cities share a case in percent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, func, select

from backend.decisions.models import Decision, DecisionKind
from backend.disclosure.models import StatusChange, SubjectKind
from backend.introductions.models import CaseBroker, CaseParty, Introduction, Side
from backend.introductions.states import IntroductionStatus
from backend.needs import states as need_states
from backend.needs.models import Need
from backend.needs.states import NeedAction
from backend.organisations.models import Organisation

WHOLE = 100
STEP_DONE = "done"
FIRST_PATIENT = "first_use"
"""The step of the ledger at which a device is used on the first patient."""


class Stage(StrEnum):
    """The funnel, from above."""

    NEEDS = "needs"
    SUGGESTED = "suggested"
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    MET = "met"
    AGREED = "agreed"
    STEPS = "steps"
    PATIENTS = "patients"


class WaitKind(StrEnum):
    """What is waited for."""

    FIRST_PROPOSAL = "first_proposal"
    ANSWER = "answer"
    BOTH_ACCEPT = "both_accept"
    AGREEMENT = "agreement"


TURNED_DOWN, EXPIRED, WITHDRAWN = "turned_down", "expired", "withdrawn"
"""Ends of a case that no party gave a reason for: a broker did not take it on, nobody answered, it was withdrawn."""


@dataclass(frozen=True)
class Subject:
    """What figures know of a need: where it is, its specialty, when it was first published."""

    need_id: str
    region: str
    specialty: str
    kind: str
    published_at: datetime


@dataclass(frozen=True)
class Happening:
    """A stage that was reached. `shares` are percents by region."""

    stage: Stage
    at: datetime
    subject: Subject
    shares: Mapping[str, int]


@dataclass(frozen=True)
class Wait:
    """Somebody waited from `start` to `at`."""

    kind: WaitKind
    start: datetime
    at: datetime
    subject: Subject
    shares: Mapping[str, int]


@dataclass(frozen=True)
class Ending:
    """A case that ended without an agreement: `reason` is one of the fixed list or of the three above."""

    reason: str
    side: Side | None
    at: datetime
    subject: Subject
    shares: Mapping[str, int]


@dataclass(frozen=True)
class StepDone:
    """A step of the ledger that was done."""

    introduction_id: str
    step: str
    at: datetime


@dataclass(frozen=True)
class Material:
    """All that figures are made of. `ended_at` says since when a need is not open any more."""

    happenings: Sequence[Happening]
    waits: Sequence[Wait]
    endings: Sequence[Ending]
    ended_at: Mapping[str, datetime]


def shares_of(brokers: Sequence[tuple[CaseBroker, str | None]], need_region: str) -> dict[str, int]:
    """Percents by region, as the brokers of a case have agreed, given with their jurisdictions.

    Until a second agency has agreed the leading one has it whole; a case without a broker is that of the need's region.
    """
    known = [(broker, region) for broker, region in brokers if region]
    if not known:
        return {need_region: WHOLE}
    if any(broker.agreed_at is None for broker, _region in known):
        lead = next((region for broker, region in known if broker.is_lead), known[0][1])
        return {lead: WHOLE}
    found: dict[str, int] = {}
    for broker, region in known:
        found[region] = found.get(region, 0) + broker.share
    return found


def steps(session: Session) -> list[StepDone]:
    """The steps that are done now: the last word on each step of each case, from the recorded decisions."""
    query = (
        select(Decision.introduction_id, Decision.step, Decision.reason, Decision.at)
        .where(Decision.kind == DecisionKind.STEP, col(Decision.introduction_id).is_not(None))
        .order_by(col(Decision.id))
    )
    last = {(str(case), step): (reason, at) for case, step, reason, at in session.exec(query).all()}
    return [StepDone(case, step, at) for (case, step), (reason, at) in last.items() if reason == STEP_DONE]


def load(session: Session) -> Material:
    """Everything, for all regions; what a viewer may see of it is cut later."""
    subjects, ended_at = _subjects(session)
    cases = [case for case in session.exec(select(Introduction)).all() if case.need_id in subjects]
    brokers = _brokers(session)
    known = {
        case.id: (subjects[case.need_id], shares_of(brokers.get(case.id, ()), subjects[case.need_id].region))
        for case in cases
    }
    of_needs = [Happening(Stage.NEEDS, s.published_at, s, {s.region: WHOLE}) for s in subjects.values()]
    return Material(
        happenings=[*of_needs, *_suggested(session, subjects), *_stages(session, cases, known), *_done(session, known)],
        waits=[*_first_proposals(cases, subjects), *_waits(cases, known), *_answers(session, known)],
        endings=[ending for case in cases for ending in _endings(case, *known[case.id])],
        ended_at=ended_at,
    )


Known = Mapping[str, tuple[Subject, Mapping[str, int]]]
"""Of each case its need and the shares of the regions."""


def _subjects(session: Session) -> tuple[dict[str, Subject], dict[str, datetime]]:
    """The needs that were ever published, and since when those that are not open any more are closed."""
    first: dict[str, datetime] = {}
    last: dict[str, tuple[str, datetime]] = {}
    changes = (
        select(StatusChange.subject_id, StatusChange.action, StatusChange.status, StatusChange.at)
        .where(StatusChange.subject_kind == SubjectKind.NEED)
        .order_by(col(StatusChange.id))
    )
    for need_id, action, status, at in session.exec(changes).all():
        if action == NeedAction.PUBLISH:
            # A need that comes back is counted where it came first.
            first.setdefault(need_id, at)
        last[need_id] = (status, at)
    columns = (Need.id, Need.region, Need.specialty, Need.kind, Need.status, Need.published_at, Need.updated_at)
    query = select(*columns).where(col(Need.published_at).is_not(None))  # type: ignore[call-overload]
    subjects: dict[str, Subject] = {}
    ended: dict[str, datetime] = {}
    for need_id, region, specialty, kind, status, published_at, updated_at in session.exec(query).all():
        subjects[need_id] = Subject(need_id, region, specialty or "", kind, first.get(need_id, published_at))
        if status not in need_states.OPEN:
            ended[need_id] = last[need_id][1] if need_id in last else updated_at
    return subjects, ended


def _suggested(session: Session, subjects: Mapping[str, Subject]) -> list[Happening]:
    """Every pair that somebody was shown, on the day when it was shown first."""
    query = (
        select(Decision.need_id, func.min(Decision.at))
        .where(Decision.kind == DecisionKind.SHOWN)
        .group_by(col(Decision.need_id), col(Decision.capability_id))
    )
    found = []
    for need_id, at in session.exec(query).all():
        if need_id in subjects:
            subject = subjects[need_id]
            found.append(Happening(Stage.SUGGESTED, at, subject, {subject.region: WHOLE}))
    return found


def _brokers(session: Session) -> dict[str, list[tuple[CaseBroker, str | None]]]:
    query = select(CaseBroker, Organisation.jurisdiction).join(
        Organisation, col(Organisation.id) == col(CaseBroker.organisation_id)
    )
    found: dict[str, list[tuple[CaseBroker, str | None]]] = {}
    for broker, region in session.exec(query).all():
        found.setdefault(broker.introduction_id, []).append((broker, region))
    return found


def _stages(session: Session, cases: Sequence[Introduction], known: Known) -> list[Happening]:
    query = (
        select(Decision.introduction_id, func.min(Decision.at))
        .where(Decision.kind == DecisionKind.MET)
        .group_by(col(Decision.introduction_id))
    )
    met = dict(session.exec(query).all())
    found = []
    for case in cases:
        moments = {
            Stage.PROPOSED: case.proposed_at,
            Stage.ACCEPTED: case.introduced_at,
            Stage.MET: met.get(case.id),
            Stage.AGREED: case.agreed_at,
        }
        found += [Happening(stage, at, *known[case.id]) for stage, at in moments.items() if at]
    return found


def _done(session: Session, known: Known) -> list[Happening]:
    found = []
    for done in steps(session):
        if done.introduction_id in known:
            found.append(Happening(Stage.STEPS, done.at, *known[done.introduction_id]))
            if done.step == FIRST_PATIENT:
                found.append(Happening(Stage.PATIENTS, done.at, *known[done.introduction_id]))
    return found


def _first_proposals(cases: Sequence[Introduction], subjects: Mapping[str, Subject]) -> list[Wait]:
    """From publishing a need to its first introduction: it counts where the need is."""
    first: dict[str, datetime] = {}
    for case in cases:
        if case.proposed_at:
            first[case.need_id] = min(case.proposed_at, first.get(case.need_id, case.proposed_at))
    return [
        Wait(WaitKind.FIRST_PROPOSAL, subjects[need].published_at, at, subjects[need], {subjects[need].region: WHOLE})
        for need, at in first.items()
    ]


def _waits(cases: Sequence[Introduction], known: Known) -> list[Wait]:
    found = []
    for case in cases:
        pairs = (
            (WaitKind.BOTH_ACCEPT, case.proposed_at, case.introduced_at),
            (WaitKind.AGREEMENT, case.introduced_at, case.agreed_at),
        )
        found += [Wait(kind, start, end, *known[case.id]) for kind, start, end in pairs if start and end]
    return found


def _answers(session: Session, known: Known) -> list[Wait]:
    """How long each party took to accept or decline what it was asked."""
    query = select(CaseParty.introduction_id, CaseParty.asked_at, CaseParty.answered_at).where(
        col(CaseParty.asked_at).is_not(None), col(CaseParty.answered_at).is_not(None)
    )
    return [
        Wait(WaitKind.ANSWER, asked, answered, *known[case])
        for case, asked, answered in session.exec(query).all()
        # Whoever asked for the introduction had answered before anybody was asked.
        if case in known and asked and answered and asked <= answered
    ]


def _endings(case: Introduction, subject: Subject, shares: Mapping[str, int]) -> list[Ending]:
    if case.closed_at is None:
        return []
    if case.status is IntroductionStatus.DECLINED:
        reason = case.reason.value if case.reason else TURNED_DOWN
    else:
        reason = EXPIRED if case.status is IntroductionStatus.EXPIRED else WITHDRAWN
    return [Ending(reason, case.declined_by, case.closed_at, subject, shares)]
