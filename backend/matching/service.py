"""Suggestions and search: candidates from the engine, permission re-checked on every one, evidence and grade."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from sqlmodel import Session

from backend.capabilities import policy as capability_policy
from backend.capabilities import service as capabilities
from backend.disclosure.cards import Card
from backend.disclosure.filters import Filters
from backend.disclosure.models import SubjectKind, TieredText
from backend.disclosure.policy import Subject
from backend.errors import NotFound
from backend.matching import documents
from backend.matching.evidence import Segment, segments
from backend.matching.features import Features, features
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.kinds import compatible
from backend.matching.models import SearchTier
from backend.matching.ranker import Grade, weights
from backend.matching.sides import Candidate, Query
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.organisations import service as organisations
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer
from embeddings.evidence import best_evidence, matching_spans, shared_words
from embeddings.types import EncoderUnavailable

SHOWN = 10
OTHERS = 3
SEARCH_FLOOR = 0.02
SEARCH_LEAD = 0.3
"""A search lists what reaches this probability, or this share of the best BM25 score: one word may be all there is."""
NAME_LENGTH = 30
NEAREST = 3
"""How many are at hand at least; those that are not good enough are folded away."""


class Side(NamedTuple):
    """The functions of one side's own service."""

    cards: Callable[[Session, Viewer, Collection[str]], dict[str, Card]]
    listing: Callable[[Session, Viewer, Filters], tuple[list[Card], int]]


SIDES: Mapping[SubjectKind, Side] = {
    SubjectKind.NEED: Side(needs.cards, needs.listing),
    SubjectKind.CAPABILITY: Side(capabilities.cards, capabilities.listing),
}


@dataclass(frozen=True)
class Match:
    """One suggestion: the teaser of the other side, and the sentence that says why. A suggestion, never a promise."""

    card: Card
    probability: float
    grade: Grade
    evidence: tuple[Segment, ...]
    others: tuple[Card, ...] = ()

    @property
    def evidence_text(self) -> str:
        """The sentence without marks."""
        return "".join(segment.text for segment in self.evidence)


@dataclass(frozen=True)
class Suggestions:
    """What the fragment of a page shows; `nearest` are weaker ones beside a short list."""

    state: EngineState
    matches: tuple[Match, ...] = ()
    nearest: tuple[Match, ...] = ()


@dataclass(frozen=True)
class SearchResult:
    """One page of a search, with the sentence of each hit that fits the words best.

    `nearest` says that nothing fits well and the cards are the closest; `organisations` bear the words in their name.
    """

    state: EngineState
    cards: list[Card]
    total: int
    snippets: Mapping[str, tuple[Segment, ...]] = field(default_factory=dict)
    nearest: bool = False
    organisations: Sequence[Organisation] = ()


def suggest(
    session: Session, engine: SearchEngine, viewer: Viewer, kind: SubjectKind, subject_id: str
) -> tuple[Card, Suggestions]:
    """A subject's teaser, and what fits it on the other side, as far as this viewer may know; raises NotFound.

    An author sees all that fit; a broker with jurisdiction besides ranks by full texts; any other member sees only how
    their own organisation's subjects fit, by the teaser.
    """
    # Before this session reads: it goes on seeing the passages that there were at its first look.
    engine.follow_if_possible()
    card, facts, text = _subject(session, viewer, kind, subject_id)
    if not facts.is_open:
        raise NotFound
    is_own = facts.organisation_id in viewer.organisation_ids
    is_desk = facts.region in viewer.jurisdictions
    if not (is_own or is_desk or viewer.is_verified_member):
        raise NotFound
    read = SearchTier.FULL if is_own or is_desk else SearchTier.TEASER
    search = SearchTier.FULL if is_desk else SearchTier.TEASER

    def admits(other: Card) -> bool:
        if not compatible(kind, card.kind, other.kind):
            return False
        return is_own or is_desk or other.is_own

    return card, match_text(session, engine, viewer, query_text(text, read), kind.other, search, admits)


def query_text(text: TieredText, tier: SearchTier) -> str:
    """The words by which a subject looks for its counterpart."""
    return "\n".join([text.title, *(part for part in text.parts(tier.tier) if part)])


def match_text(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    text: str,
    side: SubjectKind,
    tier: SearchTier = SearchTier.TEASER,
    admits: Callable[[Card], bool] = lambda _card: True,
) -> Suggestions:
    """Rank the subjects of a side for a free text."""
    ranking = rank(session, engine, viewer, text, side, tier, admits)
    if ranking.query is None:
        return Suggestions(ranking.state)
    entries, others = _by_organisation(ranking.ranked)
    good = [r for r in entries if r.grade is not Grade.WEAK][:SHOWN]
    # Beside a short list a few weaker ones stand folded away: the next best may be what is wanted.
    nearest = [r for r in entries if r.grade is Grade.WEAK][: max(0, NEAREST - len(good))]
    evidence = _evidence(session, engine, viewer, side, tier, ranking.query, good + nearest)

    def match(r: Ranked) -> Match:
        further = tuple(others.get(r.card.id, ())[:OTHERS])
        return Match(r.card, r.probability, r.grade, evidence.get(r.card.id, ()), further)

    return Suggestions(ranking.state, tuple(map(match, good)), tuple(map(match, nearest)))


@dataclass(frozen=True)
class Ranked:
    """A candidate that the viewer may see, judged."""

    card: Card
    probability: float
    grade: Grade
    candidate: Candidate
    features: Features
    shared_words: int


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
    text: str,
    side: SubjectKind,
    tier: SearchTier,
    admits: Callable[[Card], bool],
) -> Ranking:
    """All candidates of a side that the viewer may see and `admits` lets through, most probable first."""
    if engine.state is EngineState.STARTING:
        return Ranking(EngineState.STARTING)
    try:
        engine.follow()
        query = engine.query(text)
    except EncoderUnavailable:
        return Ranking(EngineState.UNAVAILABLE)
    candidates = engine.candidates(side, tier, query)
    # The index knows nothing of permissions: whoever is not among the cards is not for this viewer.
    cards = SIDES[side].cards(session, viewer, [c.subject_id for c in candidates])
    admitted = [c for c in candidates if c.subject_id in cards and admits(cards[c.subject_id])]
    dense = _cosines(session, side, tier, query, admitted)
    judged = features(dense, [c.lexical for c in admitted])
    model = weights()
    likely = sorted(
        zip(map(model.probability, judged), admitted, judged, strict=True), key=lambda x: (-x[0], x[1].subject_id)
    )
    shared = _shared_words(session, side, tier, query, [c.subject_id for _p, c, _f in likely[: 2 * SHOWN]])
    ranked = []
    for probability, candidate, found in likely:
        words = shared.get(candidate.subject_id, 0)
        grade = model.grade(probability, words)
        ranked.append(Ranked(cards[candidate.subject_id], probability, grade, candidate, found, words))
    return Ranking(EngineState.READY, query, ranked)


def _shared_words(
    session: Session, side: SubjectKind, tier: SearchTier, query: Query, subject_ids: list[str]
) -> dict[str, int]:
    """How many different words of the query each subject's text holds."""
    passages = documents.passages_of(session, side, tier, subject_ids)
    return {i: shared_words(query.text, "\n".join(row.text for row in rows)) for i, rows in passages.items()}


def _cosines(
    session: Session, side: SubjectKind, tier: SearchTier, query: Query, candidates: list[Candidate]
) -> list[float]:
    """The best cosine of each candidate; computed here for those of which only the words had been found."""
    unknown = [c.subject_id for c in candidates if not c.dense]
    rows = documents.passages_of(session, side, tier, unknown)
    computed = {
        subject_id: max(float(documents.vector_of(row) @ query.vector) for row in found)
        for subject_id, found in rows.items()
    }
    return [c.dense or computed.get(c.subject_id, 0.0) for c in candidates]


def _evidence(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    side: SubjectKind,
    tier: SearchTier,
    query: Query,
    shown: list[Ranked],
) -> dict[str, tuple[Segment, ...]]:
    """For each subject the sentence that best shows why it fits, the words of the query marked in it.

    Only what the subject's own page would show the viewer is quoted, also where a broker's ranking used the brief.
    """
    open_briefs = [r.card.id for r in shown if r.card.is_own or r.card.region in viewer.jurisdictions]
    teasers = [r.card.id for r in shown if tier is SearchTier.TEASER or r.card.id not in open_briefs]
    passages = documents.passages_of(session, side, SearchTier.TEASER, teasers)
    if tier is SearchTier.FULL:
        passages |= documents.passages_of(session, side, SearchTier.FULL, open_briefs)
    idf = engine.idf(side, tier)
    found = {}
    for subject_id, rows in passages.items():
        sentences = [row for row in rows if row.position > 0] or rows
        vectors = np.stack([documents.vector_of(row) for row in sentences])
        best = best_evidence(query.vector, query.text, [row.text for row in sentences], vectors, idf)
        if best:
            found[subject_id] = segments(best.text, matching_spans(query.text, best.text))
    return found


def _by_organisation(ranked: list[Ranked]) -> tuple[list[Ranked], dict[str, list[Card]]]:
    """The best of each organisation, and its further good ones by the id of that best. The anonymous stand alone."""
    first: dict[str, Ranked] = {}
    others: dict[str, list[Card]] = {}
    for entry in ranked:
        best = first.setdefault(entry.card.organisation_id or entry.card.id, entry)
        if best is not entry and entry.grade is not Grade.WEAK:
            others.setdefault(best.card.id, []).append(entry.card)
    return list(first.values()), others


def _subject(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> tuple[Card, Subject, TieredText]:
    if kind is SubjectKind.NEED:
        need = needs.get(session, viewer, subject_id)
        facts, text = need_policy.subject_of(need), needs.text_of(session, subject_id)
    else:
        capability = capabilities.get(session, viewer, subject_id)
        facts, text = capability_policy.subject_of(capability), capabilities.text_of(session, subject_id)
    cards = SIDES[kind].cards(session, viewer, [subject_id])
    if text is None or subject_id not in cards:
        raise NotFound
    return cards[subject_id], facts, text


def search(
    session: Session, engine: SearchEngine, viewer: Viewer, side: SubjectKind, text: str, filters: Filters
) -> SearchResult:
    """One page of the teasers of a side that fit the words and filters; without words the newest.

    While no encoder is at hand the page says so and shows the newest instead.
    """
    if not text:
        cards, total = SIDES[side].listing(session, viewer, filters)
        return SearchResult(EngineState.READY, cards, total)
    ranking = rank(session, engine, viewer, text, side, SearchTier.TEASER, filters.admits)
    if ranking.query is None:
        cards, total = SIDES[side].listing(session, viewer, filters)
        return SearchResult(ranking.state, cards, total)
    fitting = [r for r in ranking.ranked if r.probability >= SEARCH_FLOOR or r.features.lead >= SEARCH_LEAD]
    found = fitting or ranking.ranked[:NEAREST]
    shown = found[filters.offset : filters.offset + filters.limit]
    snippets = _evidence(session, engine, viewer, side, SearchTier.TEASER, ranking.query, shown)
    named = organisations.named(session, text, OTHERS) if 1 < len(text) <= NAME_LENGTH else []
    return SearchResult(ranking.state, [r.card for r in shown], len(found), snippets, not fitting, named)
