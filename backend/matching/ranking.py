"""Candidates of a side for one viewer: found by the engine, permission re-checked on each, judged."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

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

CARDS: Mapping[SubjectKind, Callable[[Session, Viewer, Collection[str]], dict[str, Card]]] = {
    SubjectKind.NEED: needs.cards,
    SubjectKind.CAPABILITY: capabilities.cards,
}
NAMED_IDS: Mapping[SubjectKind, Callable[[Session, str], set[str]]] = {
    SubjectKind.NEED: needs.named_ids,
    SubjectKind.CAPABILITY: capabilities.named_ids,
}
CROWD = 100
"""More candidates of one organisation than this, as an imported price list gives them, are a crowd: others are looked
for apart from them."""
OF_A_CROWD = 20
"""So many of a crowd stay candidates."""


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
    """What the viewer may see, best first; without a query where no encoder is at hand.

    `by_words` says that the vectors could not be searched.
    """

    state: EngineState
    query: Query | None = None
    ranked: list[Ranked] = field(default_factory=list)
    by_words: bool = False


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
    # Asked before and after: the service may go while it is asked, and may come back just after it was not.
    had_vectors = engine.vectors_available
    engine.follow_if_possible()
    if engine.state is not EngineState.READY:
        return Ranking(engine.state)
    try:
        query = engine.query(wanted.text, wanted.points)
    except EncoderUnavailable:
        return Ranking(EngineState.UNAVAILABLE)
    cards: dict[str, Card] = {}

    def found(without: Collection[str] = ()) -> list[Candidate]:
        candidates = engine.candidates(side, tier, query, without=without)
        # The index knows nothing of permissions: whoever is not among the cards is not for this viewer.
        cards.update(CARDS[side](session, viewer, [c.subject_id for c in candidates]))
        return [c for c in candidates if c.subject_id in cards and admits(cards[c.subject_id])]

    admitted = found()
    if crowd := _crowd([cards[c.subject_id] for c in admitted]):
        its_best = [c for c in admitted if cards[c.subject_id].organisation_id == crowd][:OF_A_CROWD]
        # What it has published anonymously stays for all who do not know whose it is: it would be known by going.
        others = [c for c in found(NAMED_IDS[side](session, crowd)) if cards[c.subject_id].organisation_id != crowd]
        admitted = sorted([*its_best, *others], key=lambda c: -c.fused)
    read = _once(session, side, tier, [c.subject_id for c in admitted[:READ_CLOSELY]])
    known = _circumstances(wanted.subject, [cards[c.subject_id] for c in admitted])
    scored = judge(query, admitted, read, weights(), engine.background(side.other), known)
    ranked = [Ranked(cards[s.candidate.subject_id], s) for s in scored]
    return Ranking(EngineState.READY, query, ranked, not (had_vectors and engine.vectors_available))


def _crowd(cards: Sequence[Card]) -> str | None:
    """The organisation that leaves no room for others; of the anonymous the viewer does not know it."""
    known = Counter(card.organisation_id for card in cards if card.organisation_id)
    return next((organisation_id for organisation_id, count in known.most_common(1) if count > CROWD), None)


def _once(
    session: Session, side: SubjectKind, tier: SearchTier, subject_ids: Collection[str]
) -> Callable[[Collection[str]], Mapping[str, Sequence[PassageRow]]]:
    """A reader of passages that has those of some subjects at hand already."""
    at_hand = documents.passages_of(session, side, tier, subject_ids)

    def read(wanted: Collection[str]) -> Mapping[str, Sequence[PassageRow]]:
        missing = [i for i in wanted if i not in at_hand]
        return {**at_hand, **documents.passages_of(session, side, tier, missing)} if missing else at_hand

    return read


def _circumstances(subject: Card | None, cards: Sequence[Card]) -> dict[str, Circumstances]:
    """What is known of candidates beside their texts."""
    if subject is None:
        return {}
    return {
        card.id: Circumstances(
            _agreement(subject.device_category, card.device_category), _agreement(subject.specialty, card.specialty)
        )
        for card in cards
    }


def _agreement(one: str | None, other: str | None) -> float:
    """1 for the same code or one that contains the other, -1 for others, 0 where one is unknown."""
    if not one or not other:
        return 0.0
    return 1.0 if one.startswith(other) or other.startswith(one) else -1.0
