"""Which terms a free text is looked up by, and how much each of them weighs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol

from embeddings.lexical_tokens import index_terms
from embeddings.lexical_typos import repair
from embeddings.normal import fold
from embeddings.vocabulary import Vocabulary

MOST_TERMS = 192
"""Terms of a query; of more, those count that weigh most. On the judged needs 512 find no
better, 128 a little worse."""
OPENING = 200
"""Characters of a text in which slips are mended and synonyms looked for. A longer text has words enough; on the judged
needs, which have some 500 characters, synonyms of all of them rank a little worse."""
GROUP_WEIGHT = 0.5
"""Weight of a synonym beside the word itself.

Measured on 2,914 needs in the words of nurses, doctors and families (292 of them English) that look for one of 3,040
products, each need written for a product of the list of the regulator: MRR without and with synonyms 0.268 and 0.296
for the Chinese ones (found among the first 50: 0.584 and 0.648), 0.004 and 0.107 for the English ones (0.031 and
0.397).
Weights 0.2, 0.35, 0.5, 0.8 give for the Chinese ones 0.284, 0.292, 0.296, 0.287.
"""
TYPO_WEIGHT = 0.5
_MOST_PREFIXED = 200_000


class Terms(Protocol):
    """What a query asks of the terms of an index; tantivy's searcher is one."""

    @property
    def num_docs(self) -> int: ...
    def doc_freq(self, field_name: str, field_value: str) -> int: ...
    def terms_with_prefix(self, field_name: str, prefix: str, *, limit: int) -> list[tuple[str, int]]: ...


def query_weights(text: str, searcher: Terms, vocabulary: Vocabulary) -> dict[str, float]:
    """Terms of the index and their weights, for a sum of BM25 scores; {} if the text holds nothing that is indexed."""
    frequencies: dict[str, int] = {}

    def frequency(term: str) -> int:
        if term not in frequencies:
            frequencies[term] = searcher.doc_freq("body", term)
        return frequencies[term]

    def idf(term: str) -> float:
        held = frequency(term)
        total = max(searcher.num_docs, held)
        return math.log(1.0 + (total - held + 0.5) / (held + 0.5))

    folded = fold(text)
    counts = Counter(index_terms(folded))
    weights = {term: float(count) for term, count in counts.items() if frequency(term)}
    extra: dict[str, float] = {}

    def add(terms: Mapping[str, int], share: float) -> None:
        for term, count in terms.items():
            if term not in weights and frequency(term):
                extra[term] = max(extra.get(term, 0.0), share * count)

    opening = folded[:OPENING]
    repaired = _repaired(opening, searcher, vocabulary, frequency)
    found = vocabulary.find(opening)
    shares = [1.0] * len(found)
    if repaired != opening:
        add(Counter(index_terms(repaired)), TYPO_WEIGHT)
        further = [expansion for expansion in vocabulary.find(repaired) if expansion not in found]
        found, shares = found + further, shares + [TYPO_WEIGHT] * len(further)
    for expansion, share in zip(found, shares, strict=True):
        asked = sum(count * idf(term) for term, count in _terms(expansion.found).items())
        for member in expansion.added:
            terms = _terms(member.text)
            offered = sum(count * idf(term) for term, count in terms.items())
            if offered:
                add(terms, GROUP_WEIGHT * share * member.weight * min(1.0, asked / offered))
    weights |= extra
    if len(weights) <= MOST_TERMS:
        return weights
    heaviest = sorted(weights, key=lambda term: (-weights[term] * idf(term), term))[:MOST_TERMS]
    return {term: weights[term] for term in heaviest}


@lru_cache(maxsize=1 << 14)
def _terms(member: str) -> Counter[str]:
    return Counter(index_terms(member))


def repaired_opening(opening: str, searcher: Terms, vocabulary: Vocabulary) -> str:
    """The folded opening of a text with its slips mended, see `repair`."""
    return _repaired(opening, searcher, vocabulary, lambda term: searcher.doc_freq("body", term))


def _repaired(opening: str, searcher: Terms, vocabulary: Vocabulary, frequency: Callable[[str], int]) -> str:
    def with_prefix(prefix: str) -> list[str]:
        return [term for term, _held in searcher.terms_with_prefix("body", prefix, limit=_MOST_PREFIXED)]

    return repair(opening, vocabulary, frequency, with_prefix)
