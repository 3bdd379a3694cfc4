"""Ledgers: reading them, moving a step, saying who answers for it until when.

A ledger is there as soon as its case is agreed: a step without a row stands as it began. So none can be missing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from backend.db import new_id, utc_now
from backend.decisions.models import DecisionKind
from backend.disclosure.service import BadNote
from backend.errors import Conflict, DomainError
from backend.introductions import cases
from backend.introductions.cases import Case
from backend.introductions.models import Leg
from backend.ledger import policy, telling
from backend.ledger.models import BLOCKER_KINDS, TEXT_LENGTH, LedgerState, LedgerStep
from backend.ledger.policy import LedgerFacts
from backend.ledger.states import ENDED, OF_PRODUCTION, PROVEN, TABLE, StepAction, StepKind, StepStatus
from backend.ledger.wordings import STEPS
from backend.needs.models import NeedKind
from backend.notifications.models import Notice
from backend.organisations.policy import Viewer
from backend.transitions import Actor, transition
from backend.working_days import today


class MovedElsewhere(Conflict):
    """The step has changed since its form was opened."""

    zh = "这一步骤已由他人更新。您填写的内容保留在下方，请核对现在的状态后再提交。"
    en = "This step was changed by somebody else. What you typed is kept; please look at its present state first."


class NotProven(DomainError):
    """A step that has to be proven came without evidence."""

    status = 422
    zh = "请写明完成依据，例如报告编号、注册证号或首例日期。"
    en = "Please say what shows it, for example the number of a report or certificate."


class BadDay(DomainError):
    """What is done was done by today."""

    status = 422
    zh = "完成日期不能晚于今天。"
    en = "A step cannot be done on a day to come."


class BadOwner(DomainError):
    """The named organisation is not in the case."""

    status = 422
    zh = "请从参与各方中选择责任单位。"
    en = "Choose an organisation of this case."


@dataclass(frozen=True)
class Move:
    """What is said with a move: why, or what blocks it and what is lacking; when it was done and what shows it."""

    note: str = ""
    blocker_kind: NeedKind | None = None
    done_on: date | None = None
    evidence: str = ""
    evidence_link: str = ""


@dataclass(frozen=True)
class Plan:
    """Who answers for a step, until when; `leg` is None where it stays."""

    owner_organisation_id: str | None = None
    owner_name: str = ""
    due_on: date | None = None
    leg: Leg | None = None


@dataclass(frozen=True)
class Ledger:
    """The ledger of a case, with the steps that the viewer sees."""

    case: Case
    facts: LedgerFacts
    steps: tuple[LedgerStep, ...]

    def step(self, kind: StepKind) -> LedgerStep | None:
        """One of the steps, where the viewer sees it."""
        return next((step for step in self.steps if step.kind is kind), None)


def untouched(introduction_id: str, kind: StepKind) -> LedgerStep:
    """A step as it begins; it is not stored."""
    leg = Leg.PRODUCTION if kind in OF_PRODUCTION else Leg.RESEARCH
    return LedgerStep(introduction_id=introduction_id, kind=kind, leg=leg)


def steps(session: Session, introduction_ids: Collection[str]) -> Mapping[str, tuple[LedgerStep, ...]]:
    """All steps of agreed cases in their order, whoever may see them: for reports, which ask their own policy.

    Of several cases the steps that nobody has touched are one object for each kind, without a case: to be read alone.
    Making one for each took three quarters of the time of a board of 200 cases.
    """
    begun = {kind: untouched("", kind) for kind in StepKind} if len(introduction_ids) > 1 else {}
    query = select(LedgerStep).where(col(LedgerStep.introduction_id).in_(introduction_ids))
    stored = {(step.introduction_id, step.kind): step for step in session.exec(query).all()}
    return {
        id_: tuple(stored.get((id_, kind)) or begun.get(kind) or untouched(id_, kind) for kind in StepKind)
        for id_ in introduction_ids
    }


def facts_of(case: Case) -> LedgerFacts:
    """What the policy asks for."""
    return policy.facts_of(case.row, case.parties, case.brokers)


def of(session: Session, viewer: Viewer, case: Case) -> Ledger:
    """The ledger of a case, as the viewer sees it; raises NotFound."""
    facts = facts_of(case)
    policy.check_can_see(viewer, facts)
    found = steps(session, [case.row.id])[case.row.id]
    seen = tuple(step for step in found if policy.can_see_step(viewer, facts, policy.step_facts(step)))
    return Ledger(case, facts, seen)


def get(session: Session, viewer: Viewer, introduction_id: str) -> Ledger:
    """The ledger of a case; raises NotFound, also where the case is not agreed."""
    return of(session, viewer, cases.get(session, viewer, introduction_id))


def current(found: Sequence[LedgerStep]) -> LedgerStep | None:
    """The step that a case stands at: one that is blocked, else the first in work, else the first to come."""
    for status in (StepStatus.BLOCKED, StepStatus.RUNNING, StepStatus.PLANNED):
        for step in found:
            if step.status is status:
                return step
    return None


def owners(case: Case) -> tuple[str, ...]:
    """The organisations that can answer for a step: parties that have come in, and the agencies of the case."""
    parties = [p.organisation_id for p in cases.accepted(case.parties)]
    return (*parties, *(b.organisation_id for b in case.brokers if b.organisation_id not in parties))


def locked(session: Session, viewer: Viewer, introduction_id: str, kind: StepKind) -> tuple[Case, LedgerStep]:
    """A case and one of its steps, to be changed: one lock on the case orders all that is done in it."""
    case = cases.get(session, viewer, introduction_id, lock=True)
    policy.check_can_see(viewer, facts_of(case))
    query = select(LedgerStep).where(LedgerStep.introduction_id == introduction_id, LedgerStep.kind == kind)
    return case, session.exec(query).first() or untouched(introduction_id, kind)


def move(
    session: Session,
    viewer: Viewer,
    introduction_id: str,
    kind: StepKind,
    action: str,
    seen: int,
    said: Move | None = None,
) -> LedgerStep:
    """Take an action on a step whose version `seen` the viewer has looked at. The same sent twice is done once.

    Raises NotFound, Forbidden, Conflict, MovedElsewhere, BadNote, BadDay or NotProven.
    """
    said = said or Move()
    case, step = locked(session, viewer, introduction_id, kind)
    facts, about = facts_of(case), policy.step_facts(step)
    policy.check_can_see_step(viewer, facts, about)
    if step.version != seen:
        if policy.acting(viewer, facts, about, action) and _is_repeated(viewer, step, action, seen):
            return step
        policy.check_can_plan(viewer, facts, about)
        raise MovedElsewhere
    actor = policy.check_can_move(viewer, facts, about, action)
    found = transition(TABLE, step.status, action)
    note = said.note.strip()
    if len(note) > TEXT_LENGTH or (found.needs_note and not note):
        raise BadNote
    if action == StepAction.FINISH:
        _finish(step, said)
    elif action == StepAction.BLOCK:
        if said.blocker_kind is not None and said.blocker_kind not in BLOCKER_KINDS:
            raise Conflict
        step.blocker, step.blocker_kind, step.blocked_on = note, said.blocker_kind, today()
    else:
        step.blocker, step.blocker_kind, step.blocked_on = "", None, None
        step.done_on = None
        step.reason = note
    step.status = StepStatus(found.target)
    _changed(session, viewer, step)
    _moved(session, case)
    party = case.party_of(viewer) if actor is not Actor.BROKER else None
    words = f"{STEPS[kind]}：{note}" if note else STEPS[kind]
    cases.note(
        session,
        case,
        found.event,
        actor,
        viewer,
        organisation_id=party.organisation_id if party else None,
        text=words,
        step=kind.value,
        leg=step.leg.value,
        done_on=step.done_on.isoformat() if step.done_on else "",
    )
    organisation_id = party.organisation_id if party else None
    cases.decided(
        session,
        case,
        DecisionKind.STEP,
        viewer,
        side=actor,
        organisation_id=organisation_id,
        reason=step.status.value,
        step=kind.value,
    )
    notice = Notice(found.notice) if found.notice else None
    if kind is StepKind.FIRST_USE and step.status is StepStatus.DONE:
        notice = Notice.LEDGER_LANDED
    if notice is not None:
        telling.parties_and_brokers(session, case, notice, step.leg, viewer.user_id)
    session.flush()
    return step


def _is_repeated(viewer: Viewer, step: LedgerStep, action: str, seen: int) -> bool:
    """Whether a form was sent twice: the step stands where it leads, by the same hand, one change later."""
    leads_to = {t.target for actions in TABLE.values() for name, t in actions.items() if name == action}
    return step.version == seen + 1 and step.updated_by == viewer.user_id and step.status in leads_to


def _finish(step: LedgerStep, said: Move) -> None:
    evidence, link = said.evidence.strip(), said.evidence_link.strip()
    if len(evidence) > TEXT_LENGTH:
        raise BadNote
    if step.kind in PROVEN and not (evidence or link):
        raise NotProven
    done_on = said.done_on or today()
    if done_on > today():
        raise BadDay
    step.done_on, step.evidence, step.evidence_link = done_on, evidence, link


def _changed(session: Session, viewer: Viewer, step: LedgerStep) -> None:
    step.id = step.id or new_id()
    step.version += 1
    step.updated_at, step.updated_by = utc_now(), viewer.user_id
    session.add(step)
    session.flush()


def _moved(session: Session, case: Case) -> None:
    state = session.get(LedgerState, case.row.id) or LedgerState(introduction_id=case.row.id)
    state.moved_at, state.stalled_at = utc_now(), None
    session.add(state)


def plan(
    session: Session, viewer: Viewer, introduction_id: str, kind: StepKind, seen: int, planned: Plan
) -> LedgerStep:
    """Say who answers for a step and until when. The same sent twice is done once; what is as it was changes nothing.

    Raises NotFound, Forbidden, MovedElsewhere or BadOwner.
    """
    case, step = locked(session, viewer, introduction_id, kind)
    facts, about = facts_of(case), policy.step_facts(step)
    actor = policy.check_can_plan(viewer, facts, about)
    leg = planned.leg if planned.leg in policy.LEGS and policy.can_assign_leg(viewer, facts, about) else step.leg
    wanted = (planned.owner_organisation_id, planned.owner_name.strip(), planned.due_on, leg)
    if wanted == (step.owner_organisation_id, step.owner_name, step.due_on, step.leg):
        return step
    if step.version != seen:
        raise MovedElsewhere
    if planned.owner_organisation_id is not None and planned.owner_organisation_id not in owners(case):
        raise BadOwner
    step.owner_organisation_id, step.owner_name, step.due_on, step.leg = (*wanted[:3], Leg(leg))
    _changed(session, viewer, step)
    _moved(session, case)
    party = case.party_of(viewer) if actor is not Actor.BROKER else None
    cases.note(
        session,
        case,
        "ledger:plan",
        actor,
        viewer,
        organisation_id=party.organisation_id if party else None,
        text=STEPS[kind],
        step=kind.value,
        leg=step.leg.value,
    )
    session.flush()
    return step


def is_over(found: Sequence[LedgerStep]) -> bool:
    """Whether nothing of a ledger is left to do."""
    return all(step.status in ENDED for step in found)
