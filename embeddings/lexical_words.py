"""The words of a query, looked for in many texts: what `tokens` finds in common, without cutting every text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from embeddings.lexical_tokens import RUN, Idf, cut, is_chinese, latin_tokens, tokens
from embeddings.normal import stem

REMEMBERED = 256
"""Queries and requirements whose words are kept: those of a page are asked for once for each of its candidates."""


class Sought:
    """The different words of a text, prepared to be looked for.

    Cutting a text costs ten times as much as finding out which of the words it holds: most are pairs of characters,
    and a pair is a token of a text wherever it stands in it. Only the runs that hold a longer word are cut.
    """

    __slots__ = ("_by_stem", "_others", "_pairs", "words")

    def __init__(self, text: str) -> None:
        self.words = tuple(dict.fromkeys(tokens(text)))
        self._pairs = frozenset(word for word in self.words if _is_pair(word))
        self._others = tuple(word for word in self.words if not _is_pair(word))
        self._by_stem = {word: stem(word) for word in self._others if word.isascii()}

    def held(self, folded: str, shortest: int = 1) -> set[str]:
        """The words that are among the `tokens` of a text, given as `fold` leaves it; of 1 or 2 characters at least."""
        found = self._pairs_in(folded)
        others = {word for word in self._others if len(word) >= shortest and word in folded}
        if others:
            found |= _among_tokens(others, folded)
        return found

    def held_by_stem(self, folded: str) -> set[str]:
        """As `held`, but English words count as the same by their stems."""
        found = self._pairs_in(folded)
        others = {word for word in self._others if word not in self._by_stem and word in folded}
        if others:
            found |= _among_tokens(others, folded)
        if self._by_stem:
            stems = {stem(token) for token in _latin_tokens(folded)}
            found.update(word for word, its_stem in self._by_stem.items() if its_stem in stems)
        return found

    def _pairs_in(self, folded: str) -> set[str]:
        return set(self._pairs.intersection(map(str.__add__, folded, folded[1:])))

    def weigh(self, idf: Idf) -> dict[str, float]:
        """The weight of each word, for `share`."""
        return {word: idf(word) for word in self.words}

    def share(self, folded: str, weights: Mapping[str, float]) -> float:
        """Share of the words that a folded text holds, by weight; `token_coverage` of the two texts, 0 to 1."""
        total = sum(weights.values())
        if total <= 0:
            return 0.0
        held = self.held_by_stem(folded)
        return sum(weight for word, weight in weights.items() if word in held) / total


def _is_pair(word: str) -> bool:
    """Whether `tokens` gives these two characters for every place of a text where they stand side by side."""
    return len(word) == 2 and is_chinese(word) and is_chinese(word[1]) and not {"的", "了"} & set(word)


def _among_tokens(words: set[str], folded: str) -> set[str]:
    """Those of the words, which are no pairs, that the text is cut into."""
    found: set[str] = set()
    for match in RUN.finditer(folded):
        run = match.group()
        if not is_chinese(run):
            found.update(words.intersection(latin_tokens(run, folded[match.end() : match.end() + 1])))
        elif inside := [word for word in words if word in run]:
            found.update(set(cut(run)).intersection(inside))
    return found


def _latin_tokens(folded: str) -> list[str]:
    found: list[str] = []
    for match in RUN.finditer(folded):
        run = match.group()
        if not is_chinese(run):
            found += latin_tokens(run, folded[match.end() : match.end() + 1])
    return found


@lru_cache(maxsize=REMEMBERED)
def sought(text: str) -> Sought:
    """The words of a query or requirement; those asked for last are remembered."""
    return Sought(text)
