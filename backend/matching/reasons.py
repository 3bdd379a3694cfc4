"""Why a suggestion is one: the sentences that a viewer may read, held against what is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from sqlmodel import Session

from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind
from backend.matching import documents
from backend.matching.documents import PassageRow
from backend.matching.evidence import EvidenceRow, Segment, segments, table
from backend.matching.facts import may_read_brief
from backend.matching.index_sync import SearchEngine
from backend.matching.models import SearchTier
from backend.matching.ranking import Wanted
from backend.matching.sides import Query
from backend.organisations.policy import Viewer
from embeddings.evidence import best_evidence, evidence_table
from embeddings.evidence_model import Model, load_model

Quotable = Mapping[str, Sequence[PassageRow]]
"""By subject, the passages that may be quoted to the viewer."""


@dataclass(frozen=True)
class Reasons:
    """The one sentence that fits best, and the table of requirements; either may be empty."""

    evidence: tuple[Segment, ...] = ()
    table: tuple[EvidenceRow, ...] = ()


def quoted(
    session: Session, viewer: Viewer, side: SubjectKind, tier: SearchTier, shown: Sequence[Card]
) -> dict[str, list[PassageRow]]:
    """The sentences of subjects that the viewer may read.

    Only what the subject's own page would show is quoted, also where a broker's ranking used the brief.
    """
    full = [card.id for card in shown if tier is SearchTier.FULL and may_read_brief(viewer, card)]
    teasers = [card.id for card in shown if card.id not in full]
    passages = documents.passages_of(session, side, SearchTier.TEASER, teasers)
    passages |= documents.passages_of(session, side, SearchTier.FULL, full)
    found: dict[str, list[PassageRow]] = {}
    for subject_id, rows in passages.items():
        found[subject_id] = [row for row in rows if row.position > 0] or [*rows]
    return found


def sentences(
    engine: SearchEngine, side: SubjectKind, tier: SearchTier, query: Query, quotable: Quotable
) -> dict[str, tuple[Segment, ...]]:
    """For each subject the sentence that best shows why it fits, the words of the query marked in it."""
    reasons = tables(engine, Wanted(query.text), side, tier, query, quotable)
    return {subject_id: found.evidence for subject_id, found in reasons.items() if found.evidence}


def tables(
    engine: SearchEngine, wanted: Wanted, side: SubjectKind, tier: SearchTier, query: Query, quotable: Quotable
) -> dict[str, Reasons]:
    """For each subject its reasons: a table where the requirements of a need are known, and always the one sentence."""
    with_table = bool(wanted.points) and side is SubjectKind.CAPABILITY
    # One request weighs the same words for every subject.
    idf = cache(engine.idf(side, tier))
    found = {}
    for subject_id, rows in quotable.items():
        texts, vectors = [row.text for row in rows], np.stack([documents.vector_of(row) for row in rows])
        best = best_evidence(query.vector, query.text, texts, vectors, idf)
        lines: tuple[EvidenceRow, ...] = ()
        if with_table:
            model = _model(engine.encoder().name)
            lines = table(evidence_table(wanted.points, query.points, texts, vectors, idf, model))
        found[subject_id] = Reasons(segments(best.text, best.spans) if best else (), lines)
    return found


@lru_cache(maxsize=4)
def _model(encoder: str) -> Model:
    return load_model(encoder)
