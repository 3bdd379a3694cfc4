"""The match desk: for one need the cards side by side, with full-tier evidence, and what is known of both sides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from backend.desk import policy
from backend.desk.histories import BARRING, NO_HISTORY, Conflict, History, conflicts, histories
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind
from backend.errors import Conflict as StateConflict
from backend.introductions import service as introductions
from backend.introductions.models import Introduction
from backend.introductions.states import OPEN
from backend.matching import service as matching
from backend.matching import shown
from backend.matching.evidence import EvidenceRow
from backend.matching.filters import fails
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.ranker import Grade
from backend.matching.service import Match
from backend.matching.shown import Line
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.organisations.policy import Viewer

FEWEST, MOST = 2, 3
"""So many cards are compared."""


@dataclass(frozen=True)
class Wanted:
    """Which cards are shown. `clear` leaves out those with an unmet demand or a conflict mark, `fresh` those with a
    case."""

    grade: str = ""
    kind: str = ""
    near: bool = False
    clear: bool = False
    fresh: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return self != Wanted()


@dataclass(frozen=True)
class Candidate:
    """One card: its place in the ranking, the case with this need that the viewer knows of, marks and history."""

    match: Match
    position: int
    case: Introduction | None
    marks: tuple[Conflict, ...]
    history: History
    can_introduce: bool

    @property
    def fails(self) -> bool:
        """Whether a demand of one side is not met."""
        return fails(self.match.filters)


@dataclass(frozen=True)
class CompareLine:
    """A requirement beside what each of the compared candidates shows for it, None where it is not known."""

    requirement: str
    cells: tuple[EvidenceRow | None, ...]


@dataclass(frozen=True)
class MatchDesk:
    """All of the page. `total` counts the cards before they were narrowed."""

    need: Card
    state: EngineState
    by_words: bool
    candidates: Sequence[Candidate]
    total: int
    compared: Sequence[Candidate]
    lines: Sequence[CompareLine]
    history: History
    suggested: Sequence[Line]
    """What the ranker has put in this order and the page shows of it: what is only nearest was not suggested."""


def read(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    need_id: str,
    wanted: Wanted,
    compare: Sequence[str],
    spend: Callable[[], None] = lambda: None,
) -> MatchDesk:
    """The match desk of an open need of the viewer's region; raises Forbidden, NotFound or Conflict.

    The ranking is that of the suggestions below the page of the need: one engine, one order.
    """
    policy.check_can_see(viewer)
    need = needs.get(session, viewer, need_id)
    facts = need_policy.subject_of(need)
    policy.check_can_match(viewer, need.region)
    if not facts.is_open:
        raise StateConflict
    card, found = matching.suggest(session, engine, viewer, SubjectKind.NEED, need_id, spend)
    matches = [*found.matches, *found.nearest]
    others = {m.card.organisation_id for m in matches if m.card.organisation_id}
    marks = conflicts(session, viewer, need.organisation_id, others)
    known = histories(session, viewer, {need.organisation_id, *others})
    cases = _cases(session, viewer, need_id)
    may_act = viewer.acting_jurisdictions
    candidates = []
    for position, match in enumerate(matches, 1):
        other = match.card.organisation_id or ""
        case, its_marks = cases.get(match.card.id), marks.get(other, ())
        acts = need.region in may_act or match.card.region in may_act
        candidates.append(
            Candidate(
                match=match,
                position=position,
                case=case,
                marks=its_marks,
                history=known.get(other, NO_HISTORY),
                can_introduce=acts and not BARRING & set(its_marks) and (case is None or case.status not in OPEN),
            )
        )
    chosen = [c for c in candidates if c.match.card.id in compare][:MOST]
    compared = chosen if len(chosen) >= FEWEST else []
    admitted = [c for c in candidates if _admits(wanted, card, c)]
    on_page = {c.match.card.id for c in (*admitted, *compared)}
    ranked = [] if found.by_words else shown.lines(SubjectKind.NEED, card, found.matches)
    return MatchDesk(
        need=card,
        state=found.state,
        by_words=found.by_words,
        candidates=admitted,
        total=len(candidates),
        compared=compared,
        lines=_lines(compared),
        history=known.get(need.organisation_id, NO_HISTORY),
        suggested=[line for line in ranked if line.capability_id in on_page],
    )


def _cases(session: Session, viewer: Viewer, need_id: str) -> dict[str, Introduction]:
    """By capability the newest case with the need that the viewer knows of; an open one before one that has ended."""
    found: dict[str, Introduction] = {}
    for row in introductions.of_need(session, viewer, need_id):
        former = found.get(row.capability_id or "")
        if row.capability_id and (former is None or (row.status in OPEN and former.status not in OPEN)):
            found[row.capability_id] = row
    return found


def _admits(wanted: Wanted, need: Card, candidate: Candidate) -> bool:
    card = candidate.match.card
    return (
        (not wanted.grade or candidate.match.grade is Grade(wanted.grade))
        and (not wanted.kind or card.kind == wanted.kind)
        and (not wanted.near or card.region == need.region)
        and (not wanted.clear or not (candidate.fails or candidate.marks))
        and (not wanted.fresh or candidate.case is None)
    )


def _lines(compared: Sequence[Candidate]) -> list[CompareLine]:
    """Each requirement once, in the order of the first table that has it."""
    tables = [{row.requirement: row for row in candidate.match.table} for candidate in compared]
    requirements = dict.fromkeys(text for table in tables for text in table)
    return [CompareLine(text, tuple(table.get(text) for table in tables)) for text in requirements]
