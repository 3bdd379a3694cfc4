"""Finds subjects by their words: BM25 over Chinese words and character bigrams (tantivy, in memory)."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings import lexical_snapshot as snapshot
from embeddings.lexical_query import OPENING, Terms, query_weights, repaired_opening
from embeddings.lexical_thaw import MOST_WAITING, BothTerms, Thaw, Waiting
from embeddings.lexical_tokens import (
    CJK,
    STOP_CHARACTERS,
    STOP_WORDS,
    Idf,
    coverage,
    index_terms,
    token_coverage,
    tokens,
)
from embeddings.lexical_typos import repair
from embeddings.normal import fold, stem
from embeddings.types import Hit
from embeddings.vocabulary import Vocabulary, vocabulary_in_use

if TYPE_CHECKING:
    import tantivy

__all__ = [
    "CJK",
    "STOP_CHARACTERS",
    "STOP_WORDS",
    "Idf",
    "LexicalIndex",
    "coverage",
    "index_terms",
    "token_coverage",
    "tokens",
]

_SMALL_WRITER = (15_000_000, 1)  # The least that tantivy takes: bytes for all threads, threads.
_BULK = 2000
"""Documents of one call from which the bulk writer is opened; opening it costs more than it saves on fewer."""


class LexicalIndex:
    """BM25 (k1 1.2, b 0.75, tantivy's) over texts kept in memory. All methods may be called from several threads.

    A search also looks for what the words of the query are called otherwise (`vocabulary`) and for what a mistyped
    word was meant to be, both with less weight than the words themselves (`embeddings.lexical_query`). Neither is part
    of the index: another vocabulary needs no new index.

    Args:
        vocabulary: None for the one in use, which is the shipped one unless `vocabulary.use` was told otherwise;
            `Vocabulary()` for none.

    Source: S. Robertson, H. Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond.
    """

    def __init__(self, vocabulary: Vocabulary | None = None) -> None:
        self._given_vocabulary = vocabulary
        self._lock = threading.Lock()
        # Documents have numbers inside tantivy, a new one with each upsert. What a number stands for is kept here, so
        # that a number that was taken out is never returned, whatever the searcher still holds.
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._next = 0
        self._index = snapshot.new_index()
        self._writer: tantivy.IndexWriter | None = None
        self._searcher: tantivy.Searcher = self._index.searcher()
        # While a snapshot is searched from its files: what takes it over, and what has been added since.
        self._thaw: Thaw | None = None
        self._waiting = Waiting()

    @property
    def vocabulary(self) -> Vocabulary:
        """Words that mean the same, used by `search`."""
        return vocabulary_in_use() if self._given_vocabulary is None else self._given_vocabulary

    def __len__(self) -> int:
        """Number of documents stored."""
        return len(self._numbers)

    def ids(self) -> set[str]:
        """The ids stored, for comparing with the database."""
        with self._lock:
            return set(self._numbers)

    def upsert(self, docs: Mapping[str, str]) -> None:
        """Store texts by document id, replacing those present. One call is one commit: hand over many at once."""
        if not docs:
            return
        bodies = {name: " ".join(index_terms(text)) for name, text in docs.items()}
        thaw = self._thaw
        if thaw is not None and len(self._waiting) + len(bodies) > MOST_WAITING:
            self._begin(thaw)
            thaw.finish()
        with self._lock:
            replaced = [self._numbers[name] for name in bodies if name in self._numbers]
            if self._thaw is not None:
                self._thaw.check()
                self._thaw.start()
                self._waiting = self._waiting.changed(self._name(bodies), replaced)
            else:
                writer = self._open_writer(bulk=len(bodies) >= _BULK)
                for number in replaced:
                    writer.delete_documents_by_term("number", number)
                for number, body in self._name(bodies).items():
                    writer.add_document(snapshot.document(number, body))
                self._commit(len(bodies) >= _BULK)
            for number in replaced:
                del self._names[number]

    def _name(self, bodies: Mapping[str, str]) -> dict[int, str]:
        """The same by number, a new one for each. The caller holds the lock."""
        numbered = dict(enumerate(bodies.values(), start=self._next))
        for number, name in zip(numbered, bodies, strict=True):
            self._names[number] = name
            self._numbers[name] = number
        self._next += len(bodies)
        return numbered

    def delete(self, ids: Iterable[str]) -> None:
        """Forget documents; unknown ids are no error. A deleted document is never returned again.

        Its postings stay in memory, unreachable, until tantivy merges segments. They are not part of what `save`
        writes; a snapshot that was saved earlier holds them until the next `save` or `discard`.
        """
        if isinstance(ids, str):
            raise TypeError("ids must be several ids, not one text")
        with self._lock:
            gone = [self._numbers.pop(name) for name in set(ids) if name in self._numbers]
            if not gone:
                return
            for number in gone:  # Out of every search from here on, also while a snapshot is still being taken over.
                del self._names[number]
            if self._thaw is not None:
                self._thaw.check()
                self._thaw.start()
                self._waiting = self._waiting.changed({}, gone)
                return
            writer = self._open_writer()
            for number in gone:
                writer.delete_documents_by_term("number", number)
            self._commit()

    def search(self, text: str, k: int) -> list[Hit]:
        """The k best documents for a free text, best first; [] if it holds no word that is indexed.

        The text is cut into tokens and these become a query of terms: it is never parsed as query syntax.

        Raises:
            ValueError: if k is under 1.
        """
        import tantivy

        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        # In this order: what waits comes into the searcher before it is taken from here.
        waiting, thaw, searcher = self._waiting, self._thaw, self._searcher
        schema = snapshot.schema()
        known = BothTerms(searcher, waiting) if waiting else searcher
        weights = query_weights(text, known, self.vocabulary)
        terms = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(tantivy.Query.term_query(schema, "body", term, "freq"), weight),
            )
            for term, weight in weights.items()
        ]
        if not terms:
            return []
        limit = k + max(0, searcher.num_docs + len(waiting) - len(self._names))
        found = searcher.search(tantivy.Query.boolean_query(terms), limit=limit, count=False).hits
        numbers = searcher.fast_field_values("number", [address for _score, address in found])
        scored = {int(number or 0): float(score) for number, (score, _) in zip(numbers, found, strict=True)}
        if waiting and thaw is not None:
            for score, number in waiting.search(weights, lambda term: _idf(known, term), thaw.usual_length):
                scored.setdefault(number, score)
        named = [(self._names.get(number), score) for number, score in scored.items()]
        hits = [Hit(name, score) for name, score in named if name is not None]
        return sorted(hits, key=lambda hit: (-hit.score, hit.id))[:k]

    def expand(self, text: str) -> tuple[str, ...]:
        """The words that `search` looks for besides those of the text, for a page that says "also searched"."""
        opening = fold(text)[:OPENING]
        repaired = repaired_opening(opening, self._searcher, self.vocabulary)
        return self.vocabulary.expand(opening if repaired == opening else f"{opening} {repaired}")

    def prepare(self) -> None:
        """Read the tables that the first search would read (words, pinyin), so that nobody waits for them."""
        repair("heering 造影济", self.vocabulary, lambda _term: 0, lambda _prefix: ())
        self.vocabulary.find("支架")

    def idf(self, token: str) -> float:
        """Inverse document frequency ln(1 + (N - n + 0.5) / (n + 0.5)) of a token of `tokens`; above 0, highest if
        unknown. Documents deleted a short while ago may still count."""
        waiting, searcher = self._waiting, self._searcher
        return _idf(BothTerms(searcher, waiting) if waiting else searcher, stem(token))

    def save(self, folder: Path, sequence: int) -> None:
        """Write a snapshot of what is stored now, all or nothing, readable by its owner only. Searching and writing
        may go on meanwhile.

        The files hold no word of a document that was deleted or replaced before the call.

        Args:
            folder: for this index alone; a snapshot in it is replaced.
            sequence: number in the change feed up to which the index is current.

        Raises:
            OSError: if it cannot be written; an older snapshot is then untouched.
            IndexMismatch: if the snapshot that this index was loaded from could not be taken over: build it anew.
        """
        thaw = self._thaw
        if thaw is not None and self._waiting:
            thaw.finish()
        with self._lock:
            searcher, names = self._searcher, dict(self._names)
        snapshot.write(folder, searcher, names, sequence)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary | None = None) -> tuple[LexicalIndex, int]:
        """The index that `save` wrote, and its sequence.

        It can be searched at once, from the files; with the first change a thread begins to take it over into memory,
        which no call of `upsert` or `delete` waits for unless it brings very many texts. The files are not written to,
        so several processes may load the same snapshot.

        Raises:
            IndexMismatch: if it was changed or cut in another way: build the index anew.
            FileNotFoundError: if there is none.
        """
        manifest, saved, ids = snapshot.read(folder)
        loaded = cls(vocabulary)
        loaded._names = dict(enumerate(ids))
        loaded._numbers = {name: number for number, name in loaded._names.items()}
        loaded._next = len(ids)
        loaded._searcher = saved.searcher()
        loaded._thaw = Thaw(loaded._searcher, loaded._index, loaded._names.__contains__, loaded._taken_over)
        return loaded, manifest.sequence

    @staticmethod
    def discard(folder: Path) -> None:
        """Remove a snapshot, for instance because a text in it was withdrawn; no error if there is none."""
        snapshot.discard(folder)

    def _begin(self, thaw: Thaw) -> None:
        with self._lock:
            thaw.start()

    def _taken_over(self) -> None:
        """A snapshot is in memory: what has changed meanwhile follows, then searches go there."""
        with self._lock:
            writer = self._open_writer()
            for number in range(self._next):
                if number not in self._names:
                    writer.delete_documents_by_term("number", number)
            for number, body in self._waiting.bodies.items():
                writer.add_document(snapshot.document(number, body))
            self._commit()
            self._waiting, self._thaw = Waiting(), None

    def _open_writer(self, bulk: bool = False) -> tantivy.IndexWriter:
        if bulk and self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None
        if self._writer is None:
            self._writer = self._index.writer(*(snapshot.BULK_WRITER if bulk else _SMALL_WRITER))
        return self._writer

    def _commit(self, bulk: bool = False) -> None:
        if self._writer is None:
            return
        self._writer.commit()
        if bulk:  # Give the memory back, and leave few segments.
            self._writer.wait_merging_threads()
            self._writer = None
        self._index.reload()
        self._searcher = self._index.searcher()


def _idf(terms: Terms, term: str) -> float:
    holding = terms.doc_freq("body", term)
    total = max(terms.num_docs, holding)
    return math.log(1.0 + (total - holding + 0.5) / (holding + 0.5))
