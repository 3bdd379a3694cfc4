"""Recording what was decided about a pair, and what a suggestion said of it."""

from dataclasses import dataclass

from sqlmodel import Session

from backend.decisions.models import Decision, DecisionKind


@dataclass(frozen=True)
class Suggested:
    """What the ranker said of a pair when it was acted on; the default is a pair that no suggestion led to."""

    ranker: str = ""
    position: int | None = None
    grade: str = ""
    probability: float | None = None


NOT_SUGGESTED = Suggested()


def record(
    session: Session,
    kind: DecisionKind,
    need_id: str,
    capability_id: str | None,
    *,
    introduction_id: str | None = None,
    organisation_id: str | None = None,
    user_id: str | None = None,
    side: str = "",
    suggested: Suggested = NOT_SUGGESTED,
    reason: str = "",
    step: str = "",
) -> None:
    """Append an event, in the transaction of what it tells of."""
    session.add(
        Decision(
            kind=kind,
            need_id=need_id,
            capability_id=capability_id,
            introduction_id=introduction_id,
            organisation_id=organisation_id,
            user_id=user_id,
            side=side,
            ranker=suggested.ranker,
            position=suggested.position,
            grade=suggested.grade,
            probability=suggested.probability,
            reason=reason,
            step=step,
        )
    )
