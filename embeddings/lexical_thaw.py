"""From a snapshot of the words into memory, and what becomes of changes meanwhile.

A snapshot is searched from its files. Only the first change asks for an index in memory, and making one takes many
seconds for a hundred thousand texts: nobody waits for that. What is deleted is no longer named; what is new waits here
and is searched here, a few hundred texts at most.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from embeddings import lexical_snapshot as snapshot
from embeddings.lexical_query import Terms
from embeddings.types import IndexMismatch

if TYPE_CHECKING:
    import tantivy

MOST_WAITING = 500
"""Texts that may wait; a change of more waits for the index in memory instead."""

_K1, _B = 1.2, 0.75  # As tantivy has them.
_SAMPLE = 200
_AT_ONCE, _PAUSE = 20, 0.001
"""After so many texts the thread lets others run: without that every search beside it would wait for the interpreter
again and again, 5 ms each time."""


class Waiting:
    """Texts that are not in the index yet, searched one by one. Never changed: a change makes another.

    Args:
        bodies: terms joined by spaces, by number.
    """

    def __init__(self, bodies: Mapping[int, str] | None = None) -> None:
        self.bodies = dict(bodies or {})
        self._terms = {number: Counter(body.split()) for number, body in self.bodies.items()}

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.bodies)

    def changed(self, added: Mapping[int, str], gone: Collection[int] = ()) -> Waiting:
        """These texts with others, and without some."""
        kept = {number: body for number, body in self.bodies.items() if number not in gone}
        return Waiting(kept | dict(added))

    def doc_freq(self, term: str) -> int:
        """In how many of the texts a term stands."""
        return sum(term in terms for terms in self._terms.values())

    def search(
        self, weights: Mapping[str, float], idf: Callable[[str], float], usual_length: float
    ) -> list[tuple[float, int]]:
        """Score and number of the texts that hold a term, by BM25; `usual_length` in terms, of the whole index."""
        found = []
        for number, terms in self._terms.items():
            saturation = _K1 * (1 - _B + _B * terms.total() / usual_length)
            score = sum(
                weights[term] * idf(term) * terms[term] * (_K1 + 1) / (terms[term] + saturation)
                for term in weights.keys() & terms.keys()
            )
            if score > 0:
                found.append((score, number))
        return found


class BothTerms:
    """What a query asks of the terms of an index, with the texts that wait beside it."""

    def __init__(self, index: Terms, waiting: Waiting) -> None:
        self._index = index
        self._waiting = waiting

    @property
    def num_docs(self) -> int:
        """How many texts there are."""
        return self._index.num_docs + len(self._waiting)

    def doc_freq(self, field_name: str, field_value: str) -> int:
        """In how many of them a term stands."""
        return self._index.doc_freq(field_name, field_value) + self._waiting.doc_freq(field_value)

    def terms_with_prefix(self, field_name: str, prefix: str, *, limit: int) -> list[tuple[str, int]]:
        """Terms of the index that begin with some letters."""
        return self._index.terms_with_prefix(field_name, prefix, limit=limit)


def _usual_length(searcher: tantivy.Searcher) -> float:
    import tantivy

    found = searcher.search(tantivy.Query.all_query(), limit=_SAMPLE, count=False).hits
    lengths = [len(str(searcher.doc(address)["body"][0]).split()) for _score, address in found]
    return max(1.0, sum(lengths) / len(lengths)) if lengths else 1.0


class Thaw:
    """Takes a snapshot over into memory, in a thread that begins when it is asked to.

    Args:
        saved: searches the files.
        index: empty, to be filled.
        wanted: the numbers of the texts to take over, asked for each of them.
        done: called at the end by the thread, if nothing has failed.
    """

    def __init__(
        self, saved: tantivy.Searcher, index: tantivy.Index, wanted: Callable[[int], bool], done: Callable[[], None]
    ) -> None:
        self._saved, self._index, self._wanted, self._done = saved, index, wanted, done
        self._error: Exception | None = None
        self._started = False
        self._thread = threading.Thread(target=self._run, name="lexical-thaw", daemon=True)

    @cached_property
    def usual_length(self) -> float:
        """The mean number of terms of a text in the snapshot, from some of them; at least 1."""
        return _usual_length(self._saved)

    def start(self) -> None:
        """Begin, if that has not been done. One thread at a time may call this."""
        if not self._started:
            self._started = True
            self._thread.start()

    def _run(self) -> None:
        try:
            snapshot.fill(self._index, self._bodies())
            self._done()
        except Exception as error:
            self._error = error

    def _bodies(self) -> Iterator[tuple[int, str]]:
        for place, (number, body) in enumerate(snapshot.bodies(self._saved)):
            if place % _AT_ONCE == 0:
                time.sleep(_PAUSE)
            if self._wanted(number):
                yield number, body

    def check(self) -> None:
        """Raise IndexMismatch if it has failed: the index can still be searched, but must be built anew."""
        if self._error is not None:
            raise IndexMismatch("format", f"the snapshot could not be taken over: {self._error}") from self._error

    def finish(self) -> None:
        """Wait for the end, once it was begun; raises IndexMismatch if it failed."""
        self._thread.join()
        self.check()
