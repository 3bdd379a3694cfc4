"""Chooses the sentence of a subject that best shows why it fits, and the words in it to mark."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embeddings.lexical import STOP_CHARACTERS, Idf, token_coverage, tokens
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
        terms: the query's words as they stand in the sentence, in order, each once.
    """

    position: int
    text: str
    score: float
    terms: tuple[str, ...]


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
    wanted = set(tokens(query_text))
    shares = [token_coverage(wanted, set(tokens(sentence)), idf) for sentence in sentences]
    scores = rows @ query + LEXICAL_SHARE * np.asarray(shares, dtype=np.float32)
    best = int(np.argmax(scores))
    return Evidence(best, sentences[best], float(scores[best]), matching_terms(query_text, sentences[best]))


def shared_words(query_text: str, text: str) -> int:
    """How many different words of the query the text holds; a word inside a longer common one does not count again.

    Single Chinese characters and the bigrams that cross word borders are no words.
    """
    common = {w for w in set(tokens(query_text)) & set(tokens(text)) if len(w) > 1}
    words = {w for w in common if not any(w != other and w in other for other in common)}
    return len(words)


def matching_terms(query_text: str, sentence: str) -> tuple[str, ...]:
    """The query's words as they stand in `sentence`, longest stretches, in order of appearance, each once.

    Every returned term is a substring of `sentence`. A single Chinese character is no term: it would mark 针 in 针对.
    """
    spans = matching_spans(query_text, sentence)
    return tuple(dict.fromkeys(sentence[start:end] for start, end in spans))


def matching_spans(query_text: str, sentence: str) -> list[tuple[int, int]]:
    """Stretches (start, end) of `sentence` that are words of the query; sorted, joined where they touch."""
    folded, origin = _fold(sentence)
    marked = [False] * len(sentence)
    for token in set(tokens(query_text)):
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


def _fold(text: str) -> tuple[str, list[int]]:
    """Lower case NFKC of `text`, and for each of its characters the place in `text` that it comes from."""
    folded: list[str] = []
    origin: list[int] = []
    for place, char in enumerate(text):
        for piece in unicodedata.normalize("NFKC", char).lower():
            folded.append(piece)
            origin.append(place)
    return "".join(folded), origin


def _wordlike(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at].isascii() and text[at].isalnum()
