"""The search engine of one process: an encoder and four indexes that follow the database.

The database is the truth. Before a search the engine works off the outbox (passages of changed subjects are written to
`search_document`) and then applies all rows with a higher number than its own. Snapshots on disk only save the time to
load; one that does not fit is dropped and rebuilt from the table. Searches hold no lock and run beside all that.
"""

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from pathlib import Path

from backend.db import Database
from backend.disclosure.models import SubjectKind
from backend.matching import background, changes, documents, indexing, opening, precomputed
from backend.matching.documents import Subject
from backend.matching.encoder_slot import EncoderSlot
from backend.matching.following import catch_up
from backend.matching.importer import Importer
from backend.matching.indexing import Progress, wanted_passages
from backend.matching.models import SearchTier
from backend.matching.remote import VectorService
from backend.matching.sides import SIDES, Candidate, Query, Side, SideIndex, Sides, query_of
from backend.matching.snapshot_keeper import SnapshotKeeper
from backend.quiet import where
from embeddings.lexical import LexicalIndex
from embeddings.types import Encoder, EncoderUnavailable, Vector

__all__ = ["EngineState", "IndexesNotOpen", "SearchEngine", "wanted_passages"]

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds that a page waits for another thread that brings the indexes up to date, before it goes on without."""


class EngineState(StrEnum):
    """What the engine can do now."""

    STARTING = "starting"
    READY = "ready"
    UNAVAILABLE = "unavailable"


class IndexesNotOpen(RuntimeError):
    """A search before `follow` has opened the indexes: `state` tells when it has."""


class SearchEngine:
    """Encoder and indexes of one process. All public methods may be called from several threads."""

    def __init__(
        self,
        database: Database,
        index_dir: Path,
        load_encoder: Callable[[], Encoder],
        *,
        retry_seconds: float = 30.0,
        index: str | None = None,
        imports: bool = True,
    ) -> None:
        """`imports`: whether a thread of this process does what a page cannot wait for; else another process does."""
        self._database = database
        self._slot = EncoderSlot(load_encoder, retry_seconds)
        self._index_url = index
        self._imports = imports
        self._importer = Importer(database)
        # One thread at a time changes the indexes; searches do not wait for it.
        self._changing = threading.RLock()
        self._sides: Sides = {}
        self._snapshots = SnapshotKeeper(index_dir, self._changing, lambda: self._sides)
        self._service = VectorService(self._importer.name, retry_seconds)
        self._sequence = 0
        self._index_dir = index_dir
        self._backgrounds: dict[SubjectKind, Vector] = {}
        self._sampling = threading.Lock()

    # -- what it can do --

    @property
    def state(self) -> EngineState:
        """What the engine can do now, without waiting for anything."""
        if self._slot.loaded is not None and self._sides:
            return EngineState.READY
        return EngineState.UNAVAILABLE if self._slot.has_failed else EngineState.STARTING

    @property
    def problem(self) -> str | None:
        """Why there is no encoder."""
        return self._slot.problem

    @property
    def vectors_available(self) -> bool:
        """False while the service that keeps the vectors does not answer: searches then go by words alone."""
        return self._service.is_available

    @property
    def sides(self) -> Sides:
        """The indexes as they are; empty before they are open."""
        return self._sides

    @property
    def sequence(self) -> int:
        """The last change that this engine has applied."""
        return self._sequence

    def encoder(self) -> Encoder:
        """The encoder, loaded on first use; raises EncoderUnavailable, and tries again only after a while."""
        return self._slot.get()

    def start(self) -> threading.Thread:
        """Load the encoder and the indexes in the background, so that the site answers at once."""
        thread = threading.Thread(target=self._warm_up, name="search-engine", daemon=True)
        thread.start()
        return thread

    def _warm_up(self) -> None:
        try:
            self.follow()
            # Words and pinyin take half a second to read, which the first search would wait for.
            next(iter(self._sides.values())).lexical.prepare()
            for kind in SubjectKind:
                self.background(kind)
        except EncoderUnavailable:
            return
        except Exception as error:
            log.error("the search engine could not start: %s", where(error))

    # -- following the database --

    def follow(self) -> None:
        """Bring documents and indexes up to the database, however long it takes; raises EncoderUnavailable.

        What was withdrawn is purged even without an encoder.
        """
        try:
            encoder = self.encoder()
        except EncoderUnavailable:
            self._purge()
            raise
        with self._changing:
            # Snapshots are compared with the table as it was found, before it is written to.
            self._open(encoder)
        if self._importer.waiting():
            self._importer.work_off(encoder)
        self._apply(encoder)

    def follow_if_possible(self) -> None:
        """Follow as far as a page can wait for it, as after the commit of a write; the rest is done in the background.

        Without an encoder it stays in the outbox. Whatever happens, what was withdrawn is purged.
        """
        try:
            self._follow_shortly()
        except EncoderUnavailable:
            log.warning("indexing postponed: no encoder")
        except Exception as error:
            log.error("indexing postponed: %s", where(error))

    def _follow_shortly(self) -> None:
        if self._slot.loaded is None and not self._slot.has_failed:
            self._purge()
            return
        try:
            encoder = self.encoder()
        except EncoderUnavailable:
            self._purge()
            raise
        if not self._changing.acquire(timeout=0 if not self._sides else PATIENCE):
            self._purge()
            return
        try:
            self._open(encoder)
        finally:
            self._changing.release()
        waiting = self._importer.waiting()
        if waiting > indexing.SUBJECTS:
            self._purge()
            if self._imports:
                self._importer.hand_over(encoder, lambda: self._apply(encoder))
        elif waiting and not self._importer.work_off(encoder, patience=PATIENCE):
            self._purge()
        self._apply(encoder, patience=PATIENCE)

    def _purge(self) -> None:
        """Take out of the table what waiting subjects have no more."""
        if self._importer.purge() and not self._sides:
            # The indexes are not open, so the snapshots cannot be renewed without what was purged.
            self._snapshots.database_id = self._database_id()
            self._snapshots.discard()

    def _database_id(self) -> str:
        with self._database.session(write=True, lock=documents.LOCK) as session:
            return documents.sequence_of(session).database_id

    def _apply(self, encoder: Encoder, *, patience: float = -1) -> None:
        """Apply the rows that are newer than the indexes, and renew the snapshots that need it.

        Another thread that is at it is waited for as long as `patience` says, in seconds; below 0 to the end.
        """
        if not self._changing.acquire(timeout=patience):
            return
        try:
            self._catch_up(self._sides, encoder)
        finally:
            self._changing.release()
        self._service.feed(self._database, self._sequence)
        self._snapshots.save_what_is_due(encoder.name, encoder.dimension)

    def _catch_up(self, sides: Sides, encoder: Encoder) -> set[Subject]:
        """Apply changes to sides; returns the subjects that are there with another model. The caller holds the lock."""
        others: set[Subject] = set()
        with self._database.session() as session:
            upto = changes.newest(session)
            for side, index in sides.items():
                if index.sequence < upto:
                    done = catch_up(session, side, index, encoder.name, upto)
                    others |= {(side[0], subject_id) for subject_id in done.of_other_models}
                    self._snapshots.changed(side, done.rows, purged=done.purged)
        self._sequence = upto
        return others

    # -- opening --

    def _open(self, encoder: Encoder) -> None:
        """Load the snapshots and bring them up to the table. The caller holds `_changing`."""
        if self._sides:
            return
        self._prepare(encoder)
        sides = opening.load(self._database, self._snapshots, encoder, self._service.sides)
        others = self._catch_up(sides, encoder)
        if others:
            with self._database.session(write=True, lock=documents.LOCK) as session:
                indexing.queue(session, others)
            log.info("%d subjects are encoded again for model %s", len(others), encoder.name)
        self._sides = sides

    def _prepare(self, encoder: Encoder) -> None:
        self._snapshots.database_id = self._database_id()
        if not self._service.sides:
            self._service.connect(self._index_url, encoder.name, encoder.dimension, self._snapshots.database_id)

    def save(self) -> None:
        """Write snapshots of all indexes; a failure costs time at the next start and nothing else."""
        encoder = self._slot.loaded
        if encoder is not None and self._sides:
            self._snapshots.save(SIDES, encoder.name, encoder.dimension)

    def close(self) -> None:
        """Save what has changed since the last snapshot, but nothing that has been purged since."""
        self._importer.close()
        self._snapshots.close()
        encoder = self._slot.loaded
        if encoder is not None and self._sides and self._snapshots.unsaved():
            with self._changing:
                self._catch_up(self._sides, encoder)
            self._snapshots.save(self._snapshots.unsaved(), encoder.name, encoder.dimension)
        self._service.close()

    def rebuild(
        self, *, encode_again: bool = False, vectors: Path | None = None, progress: Progress | None = None
    ) -> int:
        """Compare every subject with its documents, and build the indexes anew from the table; searches go on.

        Returns the number of subjects. With `encode_again` all vectors are computed again; `vectors` is a file of
        vectors that need not be computed at all. Raises EncoderUnavailable.
        """
        encoder = self.encoder()
        at_hand = precomputed.read(vectors, encoder.name) if vectors else {}
        with self._database.session(write=True, lock=documents.LOCK) as session:
            subjects = {(kind, i) for kind, open_ids in documents.OPEN_IDS.items() for i in open_ids(session)}
            if encode_again:
                documents.forget_model(session)
            indexing.queue(session, subjects | documents.indexed_subjects(session))
        self._importer.work_off(encoder, at_hand, progress)
        with self._changing:
            self._prepare(encoder)
            sides = opening.empty(encoder, self._service.sides)
            self._catch_up(sides, encoder)
            self._sides = sides
        self._service.clear()
        self._service.feed(self._database, self._sequence)
        self.save()
        return len(subjects)

    def sizes(self) -> dict[Side, int]:
        """Passages in each index."""
        return {side: len(index.passages) for side, index in self._sides.items()}

    # -- searching --

    def query(self, text: str, points: Sequence[str] = ()) -> Query:
        """Encode a query and its points (none given: the text is its one point); raises EncoderUnavailable."""
        return query_of(self.encoder(), text, points)

    def candidates(
        self, kind: SubjectKind, tier: SearchTier, query: Query, *, without: Collection[str] = ()
    ) -> list[Candidate]:
        """Subjects of one side for a query, best first: dense and lexical rankings, fused by reciprocal rank.

        Those `without` are left out. The permission of the viewer is not known here: the caller checks every candidate
        before it is shown. Raises IndexesNotOpen.
        """
        return self._side(kind, tier).candidates(query, without)

    def background(self, kind: SubjectKind) -> Vector:
        """What texts of this kind usually say, as queries, shape (m, d); raises EncoderUnavailable."""
        encoder = self.encoder()
        with self._sampling:
            if kind not in self._backgrounds:
                self._backgrounds[kind] = background.stored(encoder, kind, self._index_dir)
            return self._backgrounds[kind]

    def idf(self, kind: SubjectKind, tier: SearchTier) -> Callable[[str], float]:
        """Inverse document frequency of a token on one side; raises IndexesNotOpen."""
        return self.lexical(kind, tier).idf

    def lexical(self, kind: SubjectKind, tier: SearchTier) -> LexicalIndex:
        """The word index of one side; raises IndexesNotOpen."""
        return self._side(kind, tier).lexical

    def _side(self, kind: SubjectKind, tier: SearchTier) -> SideIndex:
        sides = self._sides
        if not sides:
            raise IndexesNotOpen("follow the database first")
        return sides[(kind, tier)]
