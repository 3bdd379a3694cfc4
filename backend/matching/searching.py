"""The search page: teasers of one side that fit some words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from backend.capabilities import service as capabilities
from backend.disclosure.cards import Card
from backend.disclosure.filters import Filters
from backend.disclosure.models import SubjectKind
from backend.matching.evidence import Segment
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.models import SearchTier
from backend.matching.ranking import Wanted, rank
from backend.matching.reasons import quoted, sentences
from backend.needs import service as needs
from backend.organisations import service as organisations
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer

SEARCH_FLOOR = 0.02
SEARCH_LEAD = 0.3
"""A search lists what reaches this probability, or this share of the best BM25 score: one word may be all there is."""
NAME_LENGTH = 30
ORGANISATIONS = 3
NEAREST = 3

Listing = Callable[[Session, Viewer, Filters], tuple[list[Card], int]]
LISTINGS: Mapping[SubjectKind, Listing] = {
    SubjectKind.NEED: needs.listing,
    SubjectKind.CAPABILITY: capabilities.listing,
}


@dataclass(frozen=True)
class SearchResult:
    """One page of a search, with the sentence of each hit that fits the words best.

    `nearest` says that nothing fits well and the cards are the closest; `organisations` bear the words in their name.
    `by_words` says that the vectors could not be searched.
    """

    state: EngineState
    cards: list[Card]
    total: int
    snippets: Mapping[str, tuple[Segment, ...]] = field(default_factory=dict)
    nearest: bool = False
    organisations: Sequence[Organisation] = ()
    by_words: bool = False


def search(
    session: Session, engine: SearchEngine, viewer: Viewer, side: SubjectKind, text: str, filters: Filters
) -> SearchResult:
    """One page of the teasers of a side that fit the words and filters; without words the newest.

    While no encoder is at hand the page says so and shows the newest instead.
    """
    if not text:
        cards, total = LISTINGS[side](session, viewer, filters)
        return SearchResult(EngineState.READY, cards, total)
    ranking = rank(session, engine, viewer, Wanted(text), side, SearchTier.TEASER, filters.admits)
    if ranking.query is None:
        cards, total = LISTINGS[side](session, viewer, filters)
        return SearchResult(ranking.state, cards, total)
    fitting = [r for r in ranking.ranked if r.probability >= SEARCH_FLOOR or r.scored.features.lead >= SEARCH_LEAD]
    found = fitting or ranking.ranked[:NEAREST]
    shown = [r.card for r in found[filters.offset : filters.offset + filters.limit]]
    quotable = quoted(session, viewer, side, SearchTier.TEASER, shown)
    snippets = sentences(engine, side, SearchTier.TEASER, ranking.query, quotable)
    named = organisations.named(session, text, ORGANISATIONS) if 1 < len(text) <= NAME_LENGTH else []
    return SearchResult(ranking.state, shown, len(found), snippets, not fitting, named, ranking.by_words)
