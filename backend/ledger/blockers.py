"""What holds a step up becomes a need of its own, which runs through the same review and matching as any other."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from backend.db import new_id
from backend.disclosure.cards import Card
from backend.disclosure.models import TITLE_LENGTH, Audience
from backend.errors import Conflict, Forbidden
from backend.introductions import cases
from backend.introductions.cases import Case
from backend.introductions.policy import ACTORS
from backend.ledger import policy, service
from backend.ledger.models import LedgerNeed, LedgerStep
from backend.ledger.states import StepKind, StepStatus
from backend.ledger.wordings import NEED_TITLES, STEPS
from backend.needs import service as needs
from backend.needs.models import Need
from backend.needs.states import NeedStatus
from backend.organisations.policy import Viewer

OVER = frozenset(
    {NeedStatus.FULFILLED, NeedStatus.WITHDRAWN, NeedStatus.EXPIRED, NeedStatus.CLOSED, NeedStatus.DISCARDED}
)
"""A need that has ended: the step may go on, or ask anew."""


class AskedAlready(Conflict):
    """Another party has drafted or posted the need of this blocker."""

    zh = "另一参与单位已为这一阻碍起草需求，请先与对方沟通。"
    en = "Another party of the case has drafted a need for this already."


@dataclass(frozen=True)
class NeedOfStep:
    """A need that came of a step. `card` is None where the viewer may not read its teaser: then its status alone."""

    need_id: str
    status: NeedStatus
    card: Card | None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in OVER


def of_steps(session: Session, viewer: Viewer, step_ids: Collection[str]) -> Mapping[str, Sequence[NeedOfStep]]:
    """The needs that came of steps, oldest first, by step; what was thrown away is left out."""
    rows = session.exec(
        select(LedgerNeed, Need)
        .join(Need, col(Need.id) == col(LedgerNeed.need_id))
        .where(col(LedgerNeed.step_id).in_(step_ids), col(Need.status) != NeedStatus.DISCARDED)
        .order_by(col(LedgerNeed.created_at))
    ).all()
    cards = needs.cards(session, viewer, [need.id for _link, need in rows])
    found: dict[str, list[NeedOfStep]] = {}
    for link, need in rows:
        found.setdefault(link.step_id, []).append(NeedOfStep(need.id, need.status, cards.get(need.id)))
    return found


def open_need(session: Session, viewer: Viewer, introduction_id: str, kind: StepKind) -> Need:
    """Draft a need from what blocks a step, for the party that the viewer writes for; asked twice it is the same one.

    Its title names the step and what is lacking; what blocks it stands in the brief, for whoever wrote it wrote for
    those in the case. Raises NotFound, Forbidden, AskedAlready, or Conflict where the step lacks nothing of the kind.
    """
    case, step = service.locked(session, viewer, introduction_id, kind)
    facts = service.facts_of(case)
    policy.check_can_see_step(viewer, facts, policy.step_facts(step))
    homes = policy.needing_organisations(viewer, facts)
    if not homes:
        raise Forbidden
    if step.status is not StepStatus.BLOCKED or step.blocker_kind is None:
        raise Conflict
    present = _running(session, step)
    if present is not None:
        if present.organisation_id not in homes:
            raise AskedAlready
        return present
    need = _draft(session, viewer, case, step, homes[0])
    session.add(LedgerNeed(need_id=need.id, step_id=step.id))
    party = case.party_of(viewer)
    assert party is not None
    cases.note(
        session,
        case,
        "ledger:need",
        ACTORS[party.side],
        viewer,
        organisation_id=homes[0],
        text=STEPS[kind],
        step=kind.value,
        leg=step.leg.value,
    )
    session.flush()
    return need


def _running(session: Session, step: LedgerStep) -> Need | None:
    query = (
        select(Need)
        .join(LedgerNeed, col(LedgerNeed.need_id) == col(Need.id))
        .where(LedgerNeed.step_id == step.id, col(Need.status).not_in(OVER))
    )
    return session.exec(query).first()


def _draft(session: Session, viewer: Viewer, case: Case, step: LedgerStep, organisation_id: str) -> Need:
    assert step.blocker_kind is not None
    party = next(p for p in case.parties if p.organisation_id == organisation_id)
    title = NEED_TITLES[step.blocker_kind] % {"step": STEPS[step.kind]}
    values = {
        "organisation_id": organisation_id,
        "kind": step.blocker_kind,
        "title": title[:TITLE_LENGTH],
        "region": party.region,
        "audience": Audience.MEMBERS,
        "anonymous": False,
        "summary": "",
        "specialty": case.need.specialty,
        "device_category": case.need.device_category,
        "problem": step.blocker,
    }
    return needs.save(session, viewer, new_id(), values, (), expected_version=None)
