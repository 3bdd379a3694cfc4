"""Folds writings of the same word into one: width, case, traditional characters, and English endings."""

from __future__ import annotations

import threading
import unicodedata
from functools import cache, lru_cache

from embeddings.passages import normalise

_FIRST_IDEOGRAPH, _LAST_IDEOGRAPH = 0x3400, 0x9FFF
_SHORTEST_STEMMED = 4
_stemming = threading.Lock()  # The stemmer keeps the word it works on in itself.


def fold(text: str) -> str:
    """`text` for comparing: `normalise` (NFKC, no invisible characters), lower case, simplified characters.

    Roman numerals and units become letters by NFKC (Ⅱ → ii, ㎎ → mg). Characters are simplified one by one by
    OpenCC's table, so the length stays and a place in the folded text is a place in the normalised one. Characters
    whose simplified form hangs on the word (瞭解, 著) keep theirs.
    """
    return simplify(normalise(text).lower())


def fold_with_origin(text: str) -> tuple[str, list[int]]:
    """As `fold` for matching inside a text that is quoted: nothing is removed and each piece keeps its place.

    Returns:
        The folded text, and for each of its characters the place in `text` that it comes from.
    """
    folded: list[str] = []
    origin: list[int] = []
    table = _simplified()
    for place, char in enumerate(text):
        for piece in unicodedata.normalize("NFKC", char).lower():
            folded.append(table.get(ord(piece), piece))
            origin.append(place)
    return "".join(folded), origin


def simplify(text: str) -> str:
    """Traditional characters made simplified, one by one; the length stays."""
    return text if text.isascii() else text.translate(_simplified())


@cache
def _simplified() -> dict[int, str]:
    """Simplified character by the number of the traditional one, where they differ (OpenCC's t2s, 3,761 of them)."""
    import opencc

    chars = [chr(number) for number in range(_FIRST_IDEOGRAPH, _LAST_IDEOGRAPH + 1)]
    turned = opencc.OpenCC("t2s").convert("\n".join(chars)).split("\n")
    pairs = zip(chars, turned, strict=True)
    return {ord(old): new for old, new in pairs if new != old and len(new) == 1}


def stem(word: str) -> str:
    """The stem of a lower case English word ("needles" → "needl"); anything but four letters or more stays.

    Source: M. Porter, Snowball English ("Porter2"), through snowballstemmer.
    """
    return _stem(word) if len(word) >= _SHORTEST_STEMMED and word.isascii() and word.isalpha() else word


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    with _stemming:
        stemmed: str = _stemmer().stemWord(word)
    return stemmed


@cache
def _stemmer():  # type: ignore[no-untyped-def]
    import snowballstemmer  # type: ignore[import-untyped]

    return snowballstemmer.stemmer("english")
