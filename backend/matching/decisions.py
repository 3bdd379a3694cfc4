"""Recorded decisions as training data for the ranker: which pair was useful, and how much a decision says about it.

What is shown on top is looked at and opened more often, whatever it is (position bias; T. Joachims et al. 2017,
"Unbiased Learning-to-Rank with Biased Feedback"). So what was passed over says little, and the less the lower it stood:
it may not have been seen at all.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

from sqlmodel import Session, col, select

from backend.capabilities import service as capabilities
from backend.decisions.models import Decision as Recorded
from backend.decisions.models import DecisionKind
from backend.matching.judging import CERTAIN, USEFUL
from backend.needs import service as needs
from embeddings.decisions import Decision, Outcome, Reason

GRADES: Mapping[Outcome, int] = MappingProxyType(
    {
        Outcome.LANDED: USEFUL + 1,
        Outcome.AGREED: USEFUL + 1,
        Outcome.ACCEPTED: USEFUL,
        Outcome.DECLINED: 0,
        Outcome.PASSED_OVER: 0,
    }
)
DECLINES: Mapping[Reason | None, float] = MappingProxyType(
    {
        None: 1.0,
        Reason.NOT_OUR_FIELD: 1.0,
        Reason.STAGE_TOO_EARLY: 1.0,
        # They say more about the moment than about the pair.
        Reason.CAPACITY: 0.2,
        Reason.TERMS: 0.2,
        # These leave open whether the capability answers the need.
        Reason.ALREADY_SOLVED: 0.0,
        Reason.CONFLICT_OF_INTEREST: 0.0,
        Reason.REGION: 0.0,
        Reason.OTHER: 0.0,
    }
)
ONE_SIDE = 0.5
"""What it says that one side has asked for it or accepted, or that a broker did not take on what was asked for."""
PASSED_OVER = 0.05
MOST_PASSED_OVER = 0.2
"""However many users have passed a pair over."""
DONE = "done"


@dataclass(frozen=True)
class Judgement:
    """What the decisions on a pair come to: a grade as in judged sets, and how much it counts, up to 1."""

    grade: int
    weight: float


Judgements = Mapping[str, Mapping[str, Judgement]]
"""Need to capability to judgement."""


def _weight(decision: Decision) -> float:
    if decision.weight is not None:
        return decision.weight
    if decision.outcome is Outcome.DECLINED:
        return DECLINES[decision.reason]
    return PASSED_OVER if decision.outcome is Outcome.PASSED_OVER else 1.0


def judged(decisions: Iterable[Decision], *, certain: bool = False) -> dict[str, dict[str, Judgement]]:
    """The decisions by pair. Of those that say much the last one counts; weak ones count where there is no other.

    Args:
        certain: leave the weak ones out: for measuring, not for learning.
    """
    strong: dict[tuple[str, str], Judgement] = {}
    weak: dict[tuple[str, str], float] = {}
    for decision in decisions:
        pair, weight = (decision.need, decision.capability), _weight(decision)
        if weight >= CERTAIN:
            strong.pop(pair, None)
            strong[pair] = Judgement(GRADES[decision.outcome], weight)
        elif weight > 0 and GRADES[decision.outcome] == 0:
            weak[pair] = min(MOST_PASSED_OVER, weak.get(pair, 0.0) + weight)
    found = dict(strong)
    if not certain:
        found |= {pair: Judgement(0, weight) for pair, weight in weak.items() if pair not in strong}
    by_need: dict[str, dict[str, Judgement]] = {}
    for (need, capability), judgement in found.items():
        by_need.setdefault(need, {})[capability] = judgement
    return by_need


def recorded(session: Session, *, with_texts: bool = False) -> list[Decision]:
    """The decisions that the database holds, oldest first; `with_texts` adds the teasers, which all members may read.

    Nobody is named: a decision is that of a side, not of a person.
    """
    query = select(Recorded).where(col(Recorded.capability_id).is_not(None)).order_by(col(Recorded.id))
    rows = session.exec(query).all()
    found = [decision for row in rows if (decision := _of_row(row)) is not None]
    found += _passed_over(rows)
    return [_with_texts(session, decision) for decision in found] if with_texts else found


def _of_row(row: Recorded) -> Decision | None:
    """What an event says of its pair. A broker's proposal follows the ranker, and that nobody answered or that a case
    was withdrawn leaves open whether the two fit: they say nothing."""
    need, capability = row.need_id, str(row.capability_id)
    if row.kind is DecisionKind.STEP and row.reason == DONE:
        return Decision(need, capability, Outcome.LANDED)
    if row.kind is DecisionKind.AGREED:
        return Decision(need, capability, Outcome.AGREED)
    if row.kind in (DecisionKind.INTRODUCED, DecisionKind.MET):
        return Decision(need, capability, Outcome.ACCEPTED)
    if row.kind in (DecisionKind.ASKED, DecisionKind.ACCEPTED):
        return Decision(need, capability, Outcome.ACCEPTED, weight=ONE_SIDE)
    if row.kind is DecisionKind.DECLINED and row.reason:
        return Decision(need, capability, Outcome.DECLINED, Reason(row.reason))
    if row.kind is DecisionKind.DECLINED:
        return Decision(need, capability, Outcome.DECLINED, weight=ONE_SIDE)
    return None


def _passed_over(rows: Sequence[Recorded]) -> list[Decision]:
    """What a user was shown and never opened, at the best position that it had."""
    best: dict[tuple[str, str, str], int] = {}
    opened = set()
    for row in rows:
        key = (row.need_id, str(row.capability_id), str(row.user_id))
        if row.kind is DecisionKind.SHOWN and row.position and row.user_id:
            best[key] = min(row.position, best.get(key, row.position))
        elif row.kind is not DecisionKind.SHOWN:
            opened.add(key)
    return [
        Decision(need, capability, Outcome.PASSED_OVER, weight=round(PASSED_OVER / place, 4))
        for (need, capability, user), place in best.items()
        if (need, capability, user) not in opened
    ]


def _with_texts(session: Session, decision: Decision) -> Decision:
    found = (needs.text_of(session, decision.need), capabilities.text_of(session, decision.capability))
    texts = ["\n".join(filter(None, [text.title, *text.teaser])) if text else "" for text in found]
    return Decision(
        decision.need, decision.capability, decision.outcome, decision.reason, decision.weight, texts[0], texts[1]
    )


def as_lines(decisions: Iterable[Decision]) -> str:
    """The file of decisions, as `embeddings.decisions.read` takes it."""
    rows = ({name: value for name, value in asdict(d).items() if value not in (None, "")} for d in decisions)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def digest(decisions: Iterable[Decision]) -> str:
    """The SHA-256 of the file of decisions, for the provenance of weights."""
    return hashlib.sha256(as_lines(decisions).encode()).hexdigest()
