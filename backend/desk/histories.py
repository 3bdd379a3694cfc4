"""How organisations have answered so far, and what speaks against bringing two of them together.

All of it is counted over the cases in which the viewer has a part: of other brokers' cases nothing is told.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from backend.decisions.models import Decision, DecisionKind
from backend.i18n import gettext as _
from backend.introductions import policy
from backend.introductions.models import CaseParty, Introduction, PartyState, Side
from backend.introductions.states import DeclineReason
from backend.needs.models import Need
from backend.organisations.models import Membership
from backend.organisations.policy import Viewer
from backend.working_days import today, working_days_between


class Conflict(StrEnum):
    """Why a pair may be in a conflict of interest."""

    SAME = "same"
    MEMBERS = "members"
    DECLINED = "declined"
    VIEWER = "viewer"


CONFLICTS = {
    Conflict.SAME: _("双方为同一单位"),
    Conflict.MEMBERS: _("双方有共同成员，请先核实"),
    Conflict.DECLINED: _("双方曾有一次引荐因利益冲突未成"),
    Conflict.VIEWER: _("您是其中一方的成员，须由其他撮合员引荐"),
}
BARRING = frozenset({Conflict.SAME, Conflict.VIEWER})
"""With these the viewer cannot introduce the two."""


@dataclass(frozen=True)
class History:
    """One organisation over the cases that the viewer knows.

    `days` is the median of working days from asking to the answer, None where nothing was answered. `steps` counts the
    steps of collaborations that were reached.
    """

    cases: int = 0
    answered: int = 0
    days: float | None = None
    declined: Mapping[DeclineReason, int] = field(default_factory=dict)
    introduced: int = 0
    agreed: int = 0
    steps: int = 0


NO_HISTORY = History()


def histories(session: Session, viewer: Viewer, organisation_ids: Collection[str]) -> dict[str, History]:
    """The history of each organisation that has one."""
    query = (
        select(CaseParty, Introduction)
        .join(Introduction, col(Introduction.id) == col(CaseParty.introduction_id))
        .where(
            col(CaseParty.organisation_id).in_(organisation_ids),
            col(CaseParty.state) != PartyState.PROSPECT,
            policy.visible_to(viewer),
        )
    )
    of: defaultdict[str, list[tuple[CaseParty, Introduction]]] = defaultdict(list)
    for party, case in session.exec(query).all():
        of[party.organisation_id].append((party, case))
    reached = _steps(session, {case.id for rows in of.values() for _party, case in rows})
    return {organisation_id: _history(rows, reached) for organisation_id, rows in of.items()}


def _steps(session: Session, case_ids: Collection[str]) -> Counter[str]:
    query = select(Decision.introduction_id).where(
        col(Decision.introduction_id).in_(case_ids), Decision.kind == DecisionKind.STEP
    )
    return Counter(str(case_id) for case_id in session.exec(query).all())


def _history(rows: list[tuple[CaseParty, Introduction]], reached: Counter[str]) -> History:
    # Whoever asked for the introduction has answered before it was asked: that says nothing of its speed.
    answers = [
        working_days_between(today(party.asked_at), today(party.answered_at))
        for party, _case in rows
        if party.asked_at and party.answered_at and party.answered_at >= party.asked_at
    ]
    declined = Counter(
        case.reason for party, case in rows if party.state is PartyState.DECLINED and case.reason is not None
    )
    return History(
        cases=len(rows),
        answered=len(answers),
        days=median(answers) if answers else None,
        declined=dict(declined.most_common()),
        introduced=sum(case.introduced_at is not None for _party, case in rows),
        agreed=sum(case.agreed_at is not None for _party, case in rows),
        steps=sum(reached[case.id] for _party, case in rows),
    )


def conflicts(
    session: Session, viewer: Viewer, need_organisation: str, others: Collection[str]
) -> dict[str, tuple[Conflict, ...]]:
    """By organisation, what may be a conflict of interest with the author of a need."""
    members = _with_shared_members(session, need_organisation, others)
    declined = _declined_before(session, viewer, need_organisation, others)
    mine = set(viewer.organisation_ids)
    found: dict[str, tuple[Conflict, ...]] = {}
    for other in others:
        marks = {
            Conflict.SAME: other == need_organisation,
            Conflict.MEMBERS: other in members and other != need_organisation,
            Conflict.DECLINED: other in declined,
            Conflict.VIEWER: bool(mine & {other, need_organisation}),
        }
        found[other] = tuple(mark for mark, holds in marks.items() if holds)
    return found


def _with_shared_members(session: Session, one: str, others: Collection[str]) -> set[str]:
    there = aliased(Membership)
    query = (
        sa.select(col(there.organisation_id))
        .join(Membership, col(Membership.user_id) == col(there.user_id))
        .where(col(Membership.organisation_id) == one, col(there.organisation_id).in_(others))
    )
    return {row[0] for row in session.execute(query).all()}


def _declined_before(session: Session, viewer: Viewer, one: str, others: Collection[str]) -> set[str]:
    query = (
        select(CaseParty.organisation_id)
        .join(Introduction, col(Introduction.id) == col(CaseParty.introduction_id))
        .join(Need, col(Need.id) == col(Introduction.need_id))
        .where(
            col(Need.organisation_id) == one,
            col(CaseParty.organisation_id).in_(others),
            col(CaseParty.side) == Side.CAPABILITY,
            col(Introduction.reason) == DeclineReason.CONFLICT_OF_INTEREST,
            policy.visible_to(viewer),
        )
    )
    return set(session.exec(query).all())
