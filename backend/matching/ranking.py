"""Candidates of a side for one viewer: found by the engine, permission re-checked on each, judged."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlmodel import Session

from backend.capabilities import service as capabilities
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind
from backend.matching import documents
from backend.matching.documents import PassageRow
from backend.matching.features import Circumstances
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.models import SearchTier
from backend.matching.ranker import Grade, weights
from backend.matching.scoring import READ_CLOSELY, Scored, judge
from backend.matching.sides import Candidate, Query
from backend.needs import service as needs
from backend.organisations.policy import Viewer
from embeddings.types import EncoderUnavailable

REVERSE_NEAREST = 20
"""In the other direction a candidate's nearest subjects on the query's side are looked at, so many of them."""

CARDS: Mapping[SubjectKind, Callable[[Session, Viewer, Collection[str]], dict[str, Card]]] = {
    SubjectKind.NEED: needs.cards,
    SubjectKind.CAPABILITY: capabilities.cards,
}


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    `points` are the requirements, `subject` the card of the need or capability that the text is of, if it is of one.
    The viewer may read all of it.
    """

    text: str
    points: tuple[str, ...] = ()
    subject: Card | None = None


@dataclass(frozen=True)
class Ranked:
    """A candidate that the viewer may see, judged."""

    card: Card
    scored: Scored

    @property
    def probability(self) -> float:
        """That a reader would call it useful, 0 to 1."""
        return self.scored.probability

    @property
    def grade(self) -> Grade:
        """强 / 可能 / 弱."""
        return self.scored.grade


@dataclass(frozen=True)
class Ranking:
    """What the viewer may see, best first; without a query where no encoder is at hand."""

    state: EngineState
    query: Query | None = None
    ranked: list[Ranked] = field(default_factory=list)


def rank(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    wanted: Wanted,
    side: SubjectKind,
    tier: SearchTier,
    admits: Callable[[Card], bool],
) -> Ranking:
    """All candidates of a side that the viewer may see and `admits` lets through, most probable first."""
    engine.follow_if_possible()
    if engine.state is not EngineState.READY:
        return Ranking(engine.state)
    try:
        query = engine.query(wanted.text, wanted.points)
    except EncoderUnavailable:
        return Ranking(EngineState.UNAVAILABLE)
    candidates = engine.candidates(side, tier, query)
    # The index knows nothing of permissions: whoever is not among the cards is not for this viewer.
    cards = CARDS[side](session, viewer, [c.subject_id for c in candidates])
    admitted = [c for c in candidates if c.subject_id in cards and admits(cards[c.subject_id])]
    read = _once(session, side, tier, [c.subject_id for c in admitted[:READ_CLOSELY]])
    known = _circumstances(engine, viewer, wanted.subject, side, query, admitted, cards, read)
    scored = judge(query, admitted, read, weights(), known)
    return Ranking(EngineState.READY, query, [Ranked(cards[s.candidate.subject_id], s) for s in scored])


def _once(
    session: Session, side: SubjectKind, tier: SearchTier, subject_ids: Collection[str]
) -> Callable[[Collection[str]], Mapping[str, Sequence[PassageRow]]]:
    """A reader of passages that has those of some subjects at hand already."""
    at_hand = documents.passages_of(session, side, tier, subject_ids)

    def read(wanted: Collection[str]) -> Mapping[str, Sequence[PassageRow]]:
        missing = [i for i in wanted if i not in at_hand]
        return {**at_hand, **documents.passages_of(session, side, tier, missing)} if missing else at_hand

    return read


def _circumstances(
    engine: SearchEngine,
    viewer: Viewer,
    subject: Card | None,
    side: SubjectKind,
    query: Query,
    candidates: Sequence[Candidate],
    cards: Mapping[str, Card],
    read: Callable[[Collection[str]], Mapping[str, Sequence[PassageRow]]],
) -> dict[str, Circumstances]:
    """What is known of the first candidates beside their texts."""
    close = [c.subject_id for c in candidates[:READ_CLOSELY]]
    passages = read(close)
    whole = {i: documents.vector_of(passages[i][0]) for i in close if i in passages}
    # The other direction counts what others have published: teasers alone, and before those who may read them all.
    reads_teasers = viewer.is_verified_member or viewer.is_admin
    reverse = _reverse(engine, side.other, query, whole, subject) if reads_teasers else {}
    found = {}
    for name in close:
        card = cards[name]
        found[name] = Circumstances(
            reverse.get(name, 0.0),
            _agreement(subject.device_category, card.device_category) if subject else 0.0,
            _agreement(subject.specialty, card.specialty) if subject else 0.0,
        )
    return found


def _reverse(
    engine: SearchEngine,
    side: SubjectKind,
    query: Query,
    whole: Mapping[str, "np.ndarray[tuple[int], np.dtype[np.float32]]"],
    subject: Card | None,
) -> dict[str, float]:
    """0.5 less the share of a candidate's nearest on the query's side that are nearer to it than the query is."""
    if not whole:
        return {}
    rows = np.stack(list(whole.values()))
    nearest = engine.nearest(side, SearchTier.TEASER, rows, REVERSE_NEAREST, without=subject.id if subject else None)
    own = rows @ query.vector
    return {
        name: 0.5 - sum(score > mine for score in scores) / REVERSE_NEAREST
        for name, mine, scores in zip(whole, own.tolist(), nearest, strict=True)
    }


def _agreement(one: str | None, other: str | None) -> float:
    """1 for the same code or one that contains the other, -1 for others, 0 where one is unknown."""
    if not one or not other:
        return 0.0
    return 1.0 if one.startswith(other) or other.startswith(one) else -1.0
