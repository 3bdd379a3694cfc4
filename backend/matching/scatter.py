"""Which sentences of a text draw its matches elsewhere: each is held against what the others ask for.

Each sentence is encoded once, all in one batch, and compared with the passages of the candidates, against what texts of
its kind usually reach there. A sentence scatters where the capabilities that it favours are not those that the rest of
the text favours (leave-one-out), and its own words stand apart from the others. Encoding the whole text anew without
each sentence took eight times as long and pointed at fewer of the sentences that did not belong (docs/adr/0027).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlmodel import Session

from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind
from backend.matching import documents
from backend.matching.index_sync import SearchEngine
from backend.matching.models import SearchTier
from embeddings.normal import simplify
from embeddings.passages import normalise, split_sentences
from embeddings.types import Vector

SENTENCES = 24
"""More are not looked at: the shortest are left out, which say least."""
LEAST_SENTENCES = 3
LEAST_LENGTH = 8
CANDIDATES = 120
FAVOURED = 5
OF_THE_REST = 8
SHOWN = 2
SCATTERS = 4.0
"""Points at four of five foreign titles among the sentences of the judged needs, and at every second need as it is."""
APART = 10.0
"""Weight of how far the words of a sentence stand from the others, in cosine, beside standard deviations."""


@dataclass(frozen=True)
class Stray:
    """A sentence, and the device categories (codes of two digits) that it draws the matching to."""

    sentence: str
    categories: tuple[str, ...]


def sentences_of(texts: Sequence[str]) -> list[str]:
    """The sentences of some texts in their order, each once, without those too short to say anything."""
    found = [s for text in texts for line in text.split("\n") for s in split_sentences(line) if len(s) >= LEAST_LENGTH]
    distinct = list(dict.fromkeys(found))
    kept = set(sorted(distinct, key=len, reverse=True)[:SENTENCES])
    return [sentence for sentence in distinct if sentence in kept]


def stray_sentences(
    session: Session,
    engine: SearchEngine,
    side: SubjectKind,
    tier: SearchTier,
    candidates: Mapping[str, Card],
    sentences: Sequence[str],
) -> list[Stray]:
    """The sentences that draw the matches of a text elsewhere, at most SHOWN, the most astray first.

    `candidates` are cards of the whole text's ranking, best first, that the viewer may read. Raises EncoderUnavailable.
    """
    passages = documents.passages_of(session, side, tier, list(candidates)[:CANDIDATES])
    cards = [candidates[i] for i in passages]
    if len(sentences) < LEAST_SENTENCES or len(cards) <= OF_THE_REST:
        return []
    vectors = engine.encoder().encode_queries([simplify(normalise(s)) for s in sentences])
    rows = [np.stack([documents.vector_of(row) for row in passages[card.id]]) for card in cards]
    pull = _pull(vectors, rows, engine.background(side.other))
    strays = []
    for number, (score, favoured) in enumerate(_astray(vectors, pull)):
        usual = {_category(cards[c]) for c in np.argsort(-_rest(pull, number))[:OF_THE_REST]}
        drawn = [_category(cards[c]) for c in favoured]
        elsewhere = tuple(dict.fromkeys(c for c in drawn if c and c not in usual))
        if score >= SCATTERS and elsewhere:
            strays.append((score, Stray(sentences[number], elsewhere[:2])))
    return [stray for _score, stray in sorted(strays, key=lambda s: -s[0])[:SHOWN]]


def _pull(vectors: Vector, rows: Sequence[Vector], sample: Vector) -> Vector:
    """How much each sentence favours each candidate, shape (sentences, candidates).

    In standard deviations of what the sample of usual texts reaches there; the mean of each sentence is taken away,
    so that what fits nothing in particular favours nothing.
    """
    best = np.stack([(vectors @ r.T).max(axis=1) for r in rows], axis=1)
    usual = np.stack([(sample @ r.T).max(axis=1) for r in rows], axis=1)
    favour: Vector = (best - usual.mean(axis=0)) / np.maximum(usual.std(axis=0), 1e-6)
    favour -= favour.mean(axis=1, keepdims=True)
    return favour


def _rest(pull: Vector, number: int) -> Vector:
    """What the text favours without one of its sentences."""
    rest: Vector = np.delete(pull, number, axis=0).mean(axis=0)
    return rest


def _astray(vectors: Vector, pull: Vector) -> list[tuple[float, list[int]]]:
    """For each sentence how far it draws the text elsewhere, and the candidates that it favours."""
    near = vectors @ vectors.T
    np.fill_diagonal(near, 0.0)
    together = near.sum(axis=1) / (len(vectors) - 1)
    apart = np.median(together) - together
    found = []
    for number, own in enumerate(pull):
        favoured = np.argsort(-own)[:FAVOURED]
        of_rest = np.argsort(-_rest(pull, number))[:FAVOURED]
        score = float(own.max() - own[of_rest].mean() + APART * apart[number])
        found.append((score, favoured.tolist()))
    return found


def _category(card: Card) -> str:
    return (card.device_category or "")[:2]
