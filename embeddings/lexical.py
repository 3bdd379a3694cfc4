"""Finds subjects by their words: BM25 over Chinese words and character bigrams (tantivy, in memory)."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings import lexical_snapshot as snapshot
from embeddings.lexical_query import OPENING, query_weights, repaired_opening
from embeddings.lexical_snapshot import Thaw
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
from embeddings.vocabulary import Vocabulary, shipped_vocabulary

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
        vocabulary: None for the shipped one, `Vocabulary()` for none.

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
        self._thaw: Thaw | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """Words that mean the same, used by `search`."""
        return shipped_vocabulary() if self._given_vocabulary is None else self._given_vocabulary

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
        with self._lock:
            self._finish_thaw()
            writer = self._open_writer(bulk=len(bodies) >= _BULK)
            replaced = [self._numbers[name] for name in bodies if name in self._numbers]
            for number in replaced:
                writer.delete_documents_by_term("number", number)
            for name, body in bodies.items():
                writer.add_document(snapshot.document(self._next, body))
                self._names[self._next] = name
                self._numbers[name] = self._next
                self._next += 1
            self._commit(len(bodies) >= _BULK)
            for number in replaced:
                del self._names[number]

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
            self._finish_thaw()
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
        searcher = self._searcher
        schema = snapshot.schema()
        terms = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(tantivy.Query.term_query(schema, "body", term, "freq"), weight),
            )
            for term, weight in query_weights(text, searcher, self.vocabulary).items()
        ]
        if not terms:
            return []
        limit = k + max(0, searcher.num_docs - len(self._names))
        found = searcher.search(tantivy.Query.boolean_query(terms), limit=limit, count=False).hits
        numbers = searcher.fast_field_values("number", [address for _score, address in found])
        named = [(self._names.get(int(number or 0)), score) for number, (score, _) in zip(numbers, found, strict=True)]
        hits = [Hit(name, float(score)) for name, score in named if name is not None]
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
        searcher = self._searcher
        holding = searcher.doc_freq("body", stem(token))
        total = max(searcher.num_docs, holding)
        return math.log(1.0 + (total - holding + 0.5) / (holding + 0.5))

    def save(self, folder: Path, sequence: int) -> None:
        """Write a snapshot of what is stored now, all or nothing, readable by its owner only. Searching and writing
        may go on meanwhile.

        The files hold no word of a document that was deleted or replaced before the call.

        Args:
            folder: for this index alone; a snapshot in it is replaced.
            sequence: number in the change feed up to which the index is current.

        Raises:
            OSError: if it cannot be written; an older snapshot is then untouched.
        """
        with self._lock:
            searcher, names = self._searcher, dict(self._names)
        snapshot.write(folder, searcher, names, sequence)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary | None = None) -> tuple[LexicalIndex, int]:
        """The index that `save` wrote, and its sequence.

        It can be searched at once, from the files; a thread takes it over into memory meanwhile, and a call of `upsert`
        or `delete` waits for that. The files are not written to, so several processes may load the same snapshot.

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
        loaded._thaw = Thaw(loaded._searcher, loaded._index)
        return loaded, manifest.sequence

    @staticmethod
    def discard(folder: Path) -> None:
        """Remove a snapshot, for instance because a text in it was withdrawn; no error if there is none."""
        snapshot.discard(folder)

    def _finish_thaw(self) -> None:
        """Wait until a loaded snapshot is in memory. The caller holds the lock."""
        if self._thaw is not None:
            self._thaw.finish()
            self._thaw = None
            self._searcher = self._index.searcher()

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
