"""The dry run of a need that is still being written: whom it would reach, and who has posted the like.

Nothing is stored and nothing is recorded.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.kinds import compatible
from backend.matching.models import SearchTier
from backend.matching.points import points_of
from backend.matching.ranker import Grade
from backend.matching.ranking import CARDS, Wanted
from backend.matching.scatter import Stray, sentences_of, stray_sentences
from backend.matching.service import Match, match_text
from backend.organisations.policy import Viewer
from embeddings.types import EncoderUnavailable

FIRST = 3
SIMILAR = 3
ALIKE = 0.66
"""Cosine from which two needs ask for the like: retellings of one need reach 0.75, other needs 0.58 at most."""


@dataclass(frozen=True)
class Trial:
    """What the dry run has found. `reached` counts capabilities by grade, those of weak grade left out."""

    state: EngineState
    strong: int = 0
    possible: int = 0
    first: tuple[Match, ...] = ()
    strays: tuple[Stray, ...] = ()
    similar: tuple[Card, ...] = ()
    by_words: bool = False


def try_need(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    kind: str,
    title: str,
    texts: Sequence[str],
    requirements: Sequence[str] = (),
    *,
    gist: str,
    own_id: str = "",
) -> Trial:
    """Match an unsaved need by all of its texts, as its author would see it matched once it is published.

    `gist` is the part that tells what it is about, by which similar needs are found; `own_id` is the need itself, which
    may be posted already and is not similar to itself.
    """
    written = [text for text in texts if text]
    text = "\n".join([title, *written])
    wanted = Wanted(text, tuple(requirements) or tuple(points_of(text)))

    def admits(card: Card) -> bool:
        return compatible(SubjectKind.NEED, kind, card.kind)

    found = match_text(session, engine, viewer, wanted, SubjectKind.CAPABILITY, SearchTier.TEASER, admits)
    if found.state is not EngineState.READY:
        return Trial(found.state)
    grades = Counter(r.grade for r in found.ranked)
    strays: list[Stray] = []
    similar: list[Card] = []
    try:
        if not found.by_words:
            cards = {r.card.id: r.card for r in found.ranked}
            sentences = sentences_of([title, *written])
            strays = stray_sentences(session, engine, SubjectKind.CAPABILITY, SearchTier.TEASER, cards, sentences)
            similar = similar_needs(session, engine, viewer, gist, {own_id})
    except EncoderUnavailable:
        return Trial(EngineState.UNAVAILABLE)
    return Trial(
        found.state,
        grades[Grade.STRONG],
        grades[Grade.POSSIBLE],
        found.matches[:FIRST],
        tuple(strays),
        tuple(similar),
        found.by_words,
    )


def similar_needs(
    session: Session, engine: SearchEngine, viewer: Viewer, text: str, without: Collection[str] = ()
) -> list[Card]:
    """Needs of others that ask for the like, by their teasers, most alike first, as far as the viewer may read them.

    Raises EncoderUnavailable, IndexesNotOpen.
    """
    candidates = engine.candidates(SubjectKind.NEED, SearchTier.TEASER, engine.query(text), without=without)
    alike = [c.subject_id for c in sorted(candidates, key=lambda c: -c.dense) if c.dense >= ALIKE]
    # The index knows nothing of permissions: whoever is not among the cards is not for this viewer.
    cards = CARDS[SubjectKind.NEED](session, viewer, alike)
    return [cards[i] for i in alike if i in cards][:SIMILAR]
