"""Chooses the sentences of a subject that show why it fits, how far they do, and the words in them to mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from embeddings.evidence_model import Model, PairFeatures
from embeddings.lexical import STOP_CHARACTERS, Idf
from embeddings.lexical_words import sought
from embeddings.normal import fold, fold_with_origin
from embeddings.opposition import opposed
from embeddings.quantities import Fit, Quantity, fit, quantities, wanted
from embeddings.types import Vector

LEXICAL_SHARE = 0.03
"""Weight of the share of the query's words; small, so that it decides only between sentences of like meaning.

Measured: 500 times the use of one product against the sentences of another of the same device category (3.6 on
average), how often the chosen sentence is the one that states that product's use, by chance 0.28. With sentences
encoded alone 0.75 for shares of 0 to 0.03, 0.73 for 0.1, 0.65 for 1; with the title before each sentence only 0.62
for 0.03. So evidence is chosen with vectors of the bare sentences, not with those that search uses.
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence as the reason for a match.

    Attributes:
        position: of the sentence in the list that was given, from 0.
        text: the sentence, unchanged.
        score: cosine plus LEXICAL_SHARE times coverage; comparable within one query and encoder.
        spans: stretches (start, end) of the sentence that are words of the query; sorted, apart.
    """

    position: int
    text: str
    score: float
    spans: tuple[tuple[int, int], ...]

    @property
    def terms(self) -> tuple[str, ...]:
        """The query's words as they stand in the sentence, in order, each once."""
        return _terms(self.text, self.spans)


def best_evidence(
    query_vector: Vector, query_text: str, sentences: Sequence[str], vectors: Vector, idf: Idf
) -> Evidence | None:
    """The sentence with the highest cosine plus a share of the query's words that it holds; None if there is none.

    Args:
        query_vector: shape (d,), unit length.
        query_text: the text that the query vector was made from.
        sentences: n sentences, all of which the viewer may read.
        vectors: shape (n, d), unit length, in the order of the sentences; of the sentences alone, without title
            (`encode_passages(sentences)`), not the vectors of `Passage.encoded`: see LEXICAL_SHARE.
        idf: weight of a token, `LexicalIndex.idf`.

    Raises:
        ValueError: if shapes do not agree.
    """
    if not sentences:
        return None
    query = np.asarray(query_vector, dtype=np.float32)
    rows = np.asarray(vectors, dtype=np.float32)
    if query.ndim != 1 or rows.shape != (len(sentences), query.shape[0]):
        raise ValueError(f"{len(sentences)} sentences, query {query.shape} and vectors {rows.shape} do not agree")
    words = sought(query_text)
    weights = words.weigh(idf)
    shares = [words.share(fold(sentence), weights) for sentence in sentences]
    scores = rows @ query + LEXICAL_SHARE * np.asarray(shares, dtype=np.float32)
    best = int(np.argmax(scores))
    return Evidence(best, sentences[best], float(scores[best]), tuple(matching_spans(query_text, sentences[best])))


class Shown(StrEnum):
    """How far a subject's text shows that a requirement is met."""

    COVERED = "covered"
    PARTLY = "partly"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement beside the best sentence of a subject.

    Attributes:
        requirement: as it was given.
        sentence: unchanged; None where no sentence shows anything of the requirement.
        score: of that sentence, 0 to 1, comparable between rows of one model; of the best one where there is none.
        grade: how far the sentence shows that the requirement is met.
        spans: stretches (start, end) of the sentence that are words of the requirement; sorted, apart.
        contrary: the sentence states the opposite, as far as simple rules see it; such a row is NOT_SHOWN.
    """

    requirement: str
    sentence: str | None
    score: float
    grade: Shown
    spans: tuple[tuple[int, int], ...] = ()
    contrary: bool = False


def evidence_table(
    requirements: Sequence[str],
    requirement_vectors: Vector,
    sentences: Sequence[str],
    sentence_vectors: Vector,
    idf: Idf,
    model: Model,
) -> list[Row]:
    """For every requirement the best sentence of one subject, and how far it shows that the requirement is met.

    A requirement whose figures the sentence lacks or misses ("≤2 mm", "15分钟内") is never COVERED.
    A sentence that states the contrary is quoted as such where nothing else shows the requirement. Equal scores are
    ordered by the sentences' text, so the order in which sentences are given does not matter, nor that of requirements.

    Args:
        requirements: r texts.
        requirement_vectors: shape (r, d), unit length, from `encode_queries(requirements)`.
        sentences: n sentences, all of which the viewer may read.
        sentence_vectors: shape (n, d), unit length, in their order; those of `Passage.encoded`, with the title, on
            which the model was calibrated.
        idf: weight of a token, `LexicalIndex.idf`.
        model: `load_model(encoder.name)`.

    Raises:
        ValueError: if shapes do not agree.
    """
    asked = np.asarray(requirement_vectors, dtype=np.float32)
    rows = np.asarray(sentence_vectors, dtype=np.float32)
    dimension = asked.shape[-1]
    if asked.shape != (len(requirements), dimension) or (sentences and rows.shape != (len(sentences), dimension)):
        raise ValueError(
            f"{len(requirements)} requirements {asked.shape} and {len(sentences)} sentences {rows.shape} do not agree"
        )
    if not sentences:
        return [Row(text, None, 0.0, Shown.NOT_SHOWN) for text in requirements]
    known = [Reading(sentence) for sentence in sentences]
    return [
        _row(text, pair_features(text, known, rows @ vector, idf), known, model)
        for text, vector in zip(requirements, asked, strict=True)
    ]


class Reading:
    """A sentence as words are looked for in it, with its figures, made ready once for all requirements."""

    __slots__ = ("folded", "stated", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.folded = fold(text)
        self.stated: list[Quantity] = quantities(text)


def pair_features(
    requirement: str, sentences: Sequence[Reading], cosines: NDArray[np.float32], idf: Idf
) -> list[PairFeatures]:
    """What is judged of a requirement and each of some sentences; cosines has shape (n,)."""
    words = sought(requirement)
    weights = words.weigh(idf)
    figures = wanted(requirement)
    found = []
    for sentence, cosine in zip(sentences, cosines, strict=True):
        fits = [fit(figure, sentence.stated) for figure in figures]
        found.append(
            PairFeatures(
                cosine=float(cosine),
                coverage=words.share(sentence.folded, weights),
                met=bool(fits) and all(each is Fit.MET for each in fits),
                missed=Fit.MISSED in fits,
                lacking=Fit.LACKING in fits,
            )
        )
    return found


def _row(requirement: str, features: Sequence[PairFeatures], sentences: Sequence[Reading], model: Model) -> Row:
    # Rounded, so that a matrix product's last digit, which depends on the order of rows, decides nothing.
    scored = [(round(model.score(f), 4), s.text, f) for f, s in zip(features, sentences, strict=True)]
    contrary: tuple[float, str] | None = None
    best = 0.0
    for score, text, found in sorted(scored, key=lambda entry: (-entry[0], entry[1])):
        best = max(best, score)
        if score < model.partly:
            break
        if opposed(requirement, text):
            contrary = contrary or (score, text)
            continue
        covered = score >= model.covered and not (found.missed or found.lacking)
        grade = Shown.COVERED if covered else Shown.PARTLY
        return Row(requirement, text, score, grade, tuple(matching_spans(requirement, text)))
    if contrary:
        score, text = contrary
        return Row(requirement, text, score, Shown.NOT_SHOWN, tuple(matching_spans(requirement, text)), contrary=True)
    return Row(requirement, None, best, Shown.NOT_SHOWN)


def shared_words(query_text: str, text: str) -> int:
    """How many different words of the query the text holds; a word inside a longer common one does not count again.

    Single Chinese characters and the bigrams that cross word borders are no words.
    """
    common = sought(query_text).held(fold(text), shortest=2)
    words = {w for w in common if not any(w != other and w in other for other in common)}
    return len(words)


def matching_terms(query_text: str, sentence: str) -> tuple[str, ...]:
    """The query's words as they stand in `sentence`, longest stretches, in order of appearance, each once.

    Every returned term is a substring of `sentence`. A single Chinese character is no term: it would mark 针 in 针对.
    """
    return _terms(sentence, matching_spans(query_text, sentence))


def _terms(sentence: str, spans: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence[start:end] for start, end in spans))


def matching_spans(query_text: str, sentence: str) -> list[tuple[int, int]]:
    """Stretches (start, end) of `sentence` that are words of the query; sorted, joined where they touch."""
    folded, origin = fold_with_origin(sentence)
    marked = [False] * len(sentence)
    for token in sought(query_text).words:
        latin = token.isascii()
        if len(token) < 2 or set(token) <= STOP_CHARACTERS:
            continue
        at = folded.find(token)
        while at >= 0:
            end = at + len(token)
            if not (latin and (_wordlike(folded, at - 1) or _wordlike(folded, end))):
                for place in range(origin[at], origin[end - 1] + 1):
                    marked[place] = True
            at = folded.find(token, at + 1)
    spans: list[tuple[int, int]] = []
    for place, flag in enumerate(marked):
        if flag and spans and spans[-1][1] == place:
            spans[-1] = (spans[-1][0], place + 1)
        elif flag:
            spans.append((place, place + 1))
    return spans


def _wordlike(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at].isascii() and text[at].isalnum()
