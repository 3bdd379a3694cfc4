"""Suggestions for a need or capability: ranked, filtered, with the reasons that the viewer may read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlmodel import Session

from backend.capabilities import policy as capability_policy
from backend.capabilities import service as capabilities
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind, Tier, TieredText
from backend.disclosure.policy import Subject
from backend.errors import NotFound
from backend.matching import facts as known_facts
from backend.matching.diversity import further, spread
from backend.matching.evidence import EvidenceRow, Segment, Shown, shown_grade
from backend.matching.filters import (
    CapabilityFacts,
    Filter,
    NeedFacts,
    Places,
    Question,
    admissible,
    check,
    places,
    questions,
    sink,
)
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.kinds import compatible
from backend.matching.models import SearchTier
from backend.matching.points import points_of
from backend.matching.ranker import Grade
from backend.matching.ranking import CARDS, Ranked, Ranking, Wanted, rank
from backend.matching.reasons import Reasons, quoted, tables
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.organisations.policy import VISITOR, Viewer
from backend.taxonomies import regions
from embeddings.types import EncoderUnavailable

SHOWN = 10
LOOKED_AT = 30
"""So many of the first candidates are held against the hard filters."""
OTHERS = 3
NEAREST = 3
"""How many are at hand at least; those that are not good enough are folded away."""

Facts = NeedFacts | CapabilityFacts


@dataclass(frozen=True)
class Match:
    """One suggestion: the teaser of the other side, and why it is one. A suggestion, never a promise.

    `table` has a row for each requirement of a need; without requirements `evidence` is the one sentence that fits
    best. `filters` are the demands that one side makes of the other, `questions` what is worth asking.
    """

    card: Card
    probability: float
    grade: Grade
    evidence: tuple[Segment, ...] = ()
    table: tuple[EvidenceRow, ...] = ()
    filters: tuple[Filter, ...] = ()
    questions: tuple[Question, ...] = ()
    others: tuple[Card, ...] = ()

    @property
    def evidence_text(self) -> str:
        """The sentence without marks."""
        return "".join(segment.text for segment in self.evidence)


@dataclass(frozen=True)
class Suggestions:
    """What the fragment of a page shows; `nearest` are weaker ones beside a short list.

    `by_words` says that the vectors could not be searched; `ranked` are all candidates, judged, best first.
    """

    state: EngineState
    matches: tuple[Match, ...] = ()
    nearest: tuple[Match, ...] = ()
    by_words: bool = False
    ranked: tuple[Ranked, ...] = ()


def suggest(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    kind: SubjectKind,
    subject_id: str,
    spend: Callable[[], None] = lambda: None,
) -> tuple[Card, Suggestions]:
    """A subject's teaser, and what fits it on the other side, as far as this viewer may know; raises NotFound.

    An author sees all that fit; a broker with jurisdiction besides ranks by full texts; any other member sees only how
    their own organisation's subjects fit, by the teaser. `spend` is called before the text is encoded, and may raise.
    """
    # Before this session reads: it goes on seeing the passages that there were at its first look.
    engine.follow_if_possible()
    card, subject, text = _subject(session, viewer, kind, subject_id)
    if not subject.is_open:
        raise NotFound
    is_own = subject.organisation_id in viewer.organisation_ids
    is_desk = subject.region in viewer.jurisdictions
    if not (is_own or is_desk or viewer.is_verified_member):
        raise NotFound
    read = SearchTier.FULL if is_own or is_desk else SearchTier.TEASER
    search = SearchTier.FULL if is_desk else SearchTier.TEASER

    def admits(other: Card) -> bool:
        if not compatible(kind, card.kind, other.kind):
            return False
        return is_own or is_desk or other.is_own

    points = needs.requirements_for(session, subject_id, read.tier) if kind is SubjectKind.NEED else ()
    wanted = Wanted(query_text(text, read), points, card)
    facts = known_facts.of(session, {subject_id: card}, {subject_id: read.tier})[subject_id]
    spend()
    return card, match_text(session, engine, viewer, wanted, kind.other, search, admits, facts)


def public_reasons(session: Session, engine: SearchEngine, need_id: str, capability: Card) -> Reasons:
    """What the teasers of a pair show by themselves, for words that both sides will read; empty without an encoder.

    Nothing of a brief goes in, whoever asks: neither requirements nor sentences. The caller has asked the policy.
    """
    text = needs.text_of(session, need_id)
    if text is None or engine.state is not EngineState.READY:
        return Reasons()
    points = needs.requirements_for(session, need_id, Tier.TEASER)
    wanted = Wanted(query_text(text, SearchTier.TEASER), points)
    try:
        query = engine.query(wanted.text, points)
    except EncoderUnavailable:
        return Reasons()
    side = SubjectKind.CAPABILITY
    quotable = quoted(session, VISITOR, side, SearchTier.TEASER, [capability])
    return tables(engine, wanted, side, SearchTier.TEASER, query, quotable).get(capability.id, Reasons())


def query_text(text: TieredText, tier: SearchTier) -> str:
    """The words by which a subject looks for its counterpart."""
    return "\n".join([text.title, *(part for part in text.parts(tier.tier) if part)])


def free_text(text: str) -> Wanted:
    """What a text without a subject looks for."""
    return Wanted(text, tuple(points_of(text)))


def match_text(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    wanted: Wanted,
    side: SubjectKind,
    tier: SearchTier = SearchTier.TEASER,
    admits: Callable[[Card], bool] = lambda _card: True,
    facts: Facts | None = None,
) -> Suggestions:
    """Rank the subjects of a side for a text; with the facts of its subject the hard filters count too."""
    ranking = rank(session, engine, viewer, wanted, side, tier, admits)
    if ranking.query is None:
        return Suggestions(ranking.state)
    entries, lines = _filtered(session, viewer, ranking, side, tier, facts)
    # What the viewer must not know does not group: each anonymous entry stands alone.
    entries = spread(entries, lambda r: r.card.organisation_id, window=SHOWN, is_good=_is_good)
    good = [r for r in entries if _is_good(r)]
    shown = good[:SHOWN]
    # Beside a short list a few weaker ones stand folded away: the next best may be what is wanted.
    nearest = _nearest(shown, [r for r in entries if not _is_good(r)])
    quotable = quoted(session, viewer, side, tier, [r.card for r in shown + nearest])
    found = tables(engine, wanted, side, tier, ranking.query, quotable)
    besides = further(good, SHOWN, lambda r: r.card.organisation_id)
    others = {good[place].card.id: tuple(r.card for r in rest[:OTHERS]) for place, rest in besides.items()}

    def match(r: Ranked) -> Match:
        # A passage may have come after this session's first look.
        reasons, its_lines = found.get(r.card.id, Reasons()), lines.get(r.card.id, ())
        open_points = [row.requirement for row in reasons.table if row.shown is Shown.NOT_SHOWN]
        return Match(
            r.card,
            r.probability,
            shown_grade(r.grade, reasons.table),
            reasons.evidence,
            reasons.table,
            its_lines,
            questions(its_lines, open_points),
            others.get(r.card.id, ()),
        )

    return Suggestions(
        ranking.state, tuple(map(match, shown)), tuple(map(match, nearest)), ranking.by_words, tuple(ranking.ranked)
    )


def _is_good(r: Ranked) -> bool:
    return r.grade is not Grade.WEAK


def _nearest(shown: Sequence[Ranked], weak: Sequence[Ranked]) -> list[Ranked]:
    """A few weak entries for a short list, one of each organisation that is not on it. The anonymous stand alone."""
    seen = {r.card.organisation_id for r in shown if r.card.organisation_id}
    found: list[Ranked] = []
    for r in weak:
        if r.card.organisation_id not in seen:
            found.append(r)
            if r.card.organisation_id:
                seen.add(r.card.organisation_id)
    return found[: max(0, NEAREST - len(shown))]


def _filtered(
    session: Session,
    viewer: Viewer,
    ranking: Ranking,
    side: SubjectKind,
    tier: SearchTier,
    facts: Facts | None,
) -> tuple[list[Ranked], dict[str, tuple[Filter, ...]]]:
    """The first candidates without those that must not be shown, those that fail a demand last, and their filters."""
    entries = ranking.ranked[:LOOKED_AT]
    if facts is None:
        return entries, {}
    cards = {r.card.id: r.card for r in entries}
    open_to = {i: known_facts.readable_tier(viewer, card, tier) for i, card in cards.items()}
    lines = {i: _lines(facts, other) for i, other in known_facts.of(session, cards, open_to).items()}
    is_desk = bool(viewer.jurisdictions)
    kept = [r for r in entries if admissible(lines[r.card.id], is_desk=is_desk)]
    return sink(kept, lambda r: lines[r.card.id]), lines


def _lines(facts: Facts, other: Facts) -> tuple[Filter, ...]:
    """The filters of a pair, whichever side asks."""
    if isinstance(facts, NeedFacts) and isinstance(other, CapabilityFacts):
        return check(facts, other, _places())
    if isinstance(facts, CapabilityFacts) and isinstance(other, NeedFacts):
        return check(other, facts, _places())
    raise TypeError("the two sides of a pair are a need and a capability")


@lru_cache
def _places() -> Places:
    return places((term.code, term.zh, term.en) for term in regions().terms.values())


def _subject(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> tuple[Card, Subject, TieredText]:
    if kind is SubjectKind.NEED:
        need = needs.get(session, viewer, subject_id)
        facts, text = need_policy.subject_of(need), needs.text_of(session, subject_id)
    else:
        capability = capabilities.get(session, viewer, subject_id)
        facts, text = capability_policy.subject_of(capability), capabilities.text_of(session, subject_id)
    cards = CARDS[kind](session, viewer, [subject_id])
    if text is None or subject_id not in cards:
        raise NotFound
    return cards[subject_id], facts, text
