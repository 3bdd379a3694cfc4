"""The search engine of one process: an encoder and four indexes that follow the database.

The database is the truth. Before every search the engine works off the outbox (passages of changed subjects are written
to `search_document`) and then applies all rows with a higher sequence number than its own. Snapshots on disk only save
the time to load; one that does not fit is dropped and rebuilt from the table.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from sqlmodel import Session, col, select

from backend import outbox
from backend.db import Database
from backend.disclosure.models import SubjectKind, TieredText
from backend.matching import documents, precomputed, snapshots
from backend.matching.models import SearchDocument, SearchSequence, SearchTier
from backend.matching.sides import SIDES, Candidate, Query, Side, SideIndex, empty
from embeddings.lexical import LexicalIndex
from embeddings.passages import passages
from embeddings.types import Encoder, EncoderUnavailable

log = logging.getLogger(__name__)

APPLY_BATCH = 2000
SAVE_EVERY = 500
"""Changes after which a snapshot is renewed; one that holds a deleted vector is renewed at once."""


class EngineState(StrEnum):
    """What the engine can do now."""

    STARTING = "starting"
    READY = "ready"
    UNAVAILABLE = "unavailable"


class SearchEngine:
    """Encoder and indexes of one process. All public methods may be called from several threads."""

    def __init__(
        self,
        database: Database,
        index_dir: Path,
        load_encoder: Callable[[], Encoder],
        *,
        retry_seconds: float = 30.0,
    ) -> None:
        self._database = database
        self._index_dir = index_dir
        self._load_encoder = load_encoder
        self._retry_seconds = retry_seconds
        # Loading takes seconds to minutes, so it has a lock of its own: writes go on meanwhile.
        self._loading = threading.Lock()
        self._lock = threading.RLock()
        self._encoder: Encoder | None = None
        self._failed_at: float | None = None
        self._sides: dict[Side, SideIndex] = {}
        self._sequence = 0
        self._unsaved = 0
        self.problem: str | None = None

    # -- the encoder --

    @property
    def state(self) -> EngineState:
        """What the engine can do now, without waiting for anything."""
        if self._encoder is not None:
            return EngineState.READY
        return EngineState.STARTING if self._failed_at is None else EngineState.UNAVAILABLE

    def encoder(self) -> Encoder:
        """The encoder, loaded on first use; raises EncoderUnavailable, and tries again only after a while."""
        if self._encoder is not None:
            return self._encoder
        with self._loading:
            if self._encoder is not None:
                return self._encoder
            if self._failed_at is not None and time.monotonic() - self._failed_at < self._retry_seconds:
                raise EncoderUnavailable(self.problem or "The encoder could not be loaded.")
            try:
                self._encoder = self._load_encoder()
            except EncoderUnavailable as error:
                self._failed_at, self.problem = time.monotonic(), str(error)
                log.warning("encoder unavailable: %s", error)
                raise
            self._failed_at = self.problem = None
            return self._encoder

    def start(self) -> threading.Thread:
        """Load the encoder and the indexes in the background, so that the site answers at once."""
        thread = threading.Thread(target=self._warm_up, name="search-engine", daemon=True)
        thread.start()
        return thread

    def _warm_up(self) -> None:
        try:
            self.follow()
        except EncoderUnavailable:
            return
        except Exception:
            log.exception("the search engine could not start")

    # -- following the database --

    def follow(self) -> None:
        """Bring documents and indexes up to the database; raises EncoderUnavailable.

        What was withdrawn is purged even without an encoder.
        """
        try:
            encoder = self.encoder()
        except EncoderUnavailable:
            self._work_off_outbox()
            raise
        with self._lock:
            # Snapshots are compared with the table as it was found, before it is written to.
            if not self._sides:
                self._open(encoder)
                self._queue_other_models(encoder.name)
            self._work_off_outbox()
            self._apply(encoder.name)

    def follow_if_possible(self) -> None:
        """Follow, as a write does after its commit: without an encoder the rest of the work stays in the outbox."""
        try:
            if self.state is EngineState.STARTING:
                self._work_off_outbox()
            else:
                self.follow()
        except EncoderUnavailable:
            log.warning("indexing postponed: no encoder")
        except Exception:
            log.exception("indexing postponed")

    def _work_off_outbox(
        self, precomputed_vectors: Mapping[str, bytes] | None = None, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Refresh every subject that has changed; with no encoder loaded, only purge what is no longer to be found."""
        at_hand = precomputed_vectors or {}
        with self._lock:
            with self._database.session() as session:
                rows = outbox.pending(session, outbox.Topic.INDEX)
            by_subject: dict[tuple[SubjectKind, str], list[int]] = {}
            for row in rows:
                if row.id is not None:
                    by_subject.setdefault((SubjectKind(row.subject_kind), row.subject_id), []).append(row.id)
            changed = 0
            for number, ((kind, subject_id), ids) in enumerate(by_subject.items(), 1):
                changed += self._refresh(kind, subject_id, ids, at_hand)
                if progress:
                    progress(number, len(by_subject))
            if changed and self._encoder is None:
                # The indexes are not loaded, so the snapshots cannot be renewed without what was purged.
                self._drop_snapshots()

    def _refresh(
        self, kind: SubjectKind, subject_id: str, outbox_ids: Sequence[int], at_hand: Mapping[str, bytes]
    ) -> int:
        """Write the passages of one subject as it is now, and close its outbox rows; returns how many rows changed."""
        with self._database.session() as session:
            text = documents.OPEN_TEXT[kind](session, subject_id)
            rows = documents.stored(session, kind, subject_id)
        wanted = wanted_passages(text) if text else []
        encoder = self._encoder
        vectors = documents.known_vectors(rows, encoder.name if encoder else None)
        complete = not wanted
        if encoder is not None and wanted:
            vectors |= {w.digest: at_hand[w.digest] for w in wanted if w.digest in at_hand}
            missing = {w.digest: w.encoded for w in wanted if w.digest not in vectors}
            encoded = encoder.encode_passages(list(missing.values()))
            vectors |= {digest: vector.tobytes() for digest, vector in zip(missing, encoded, strict=True)}
            complete = True
        with self._database.session(write=True) as session:
            if documents.OPEN_TEXT[kind](session, subject_id) != text:
                # It has changed while its text was encoded; its newer row of the outbox brings it here again.
                return 0
            changed = documents.write(session, kind, subject_id, wanted, vectors, encoder.name if encoder else "")
            if complete:
                outbox.mark_done(session, outbox_ids)
        return changed

    def _queue_other_models(self, model: str) -> None:
        """Passages of another model do not count: their subjects are encoded again."""
        with self._database.session(write=True) as session:
            subjects = documents.indexed_subjects(session, other_than=model)
            for kind, subject_id in sorted(subjects):
                outbox.append(session, outbox.Topic.INDEX, kind, subject_id)
        if subjects:
            log.info("%d subjects are encoded again for model %s", len(subjects), model)

    def _apply(self, model: str) -> None:
        """Apply the rows that are newer than this engine."""
        deleted = False
        while True:
            with self._database.session() as session:
                query = select(SearchDocument).where(SearchDocument.sequence > self._sequence)
                rows = session.exec(query.order_by(col(SearchDocument.sequence)).limit(APPLY_BATCH)).all()
                if not rows:
                    break
                for side in SIDES:
                    of_side = [r for r in rows if (r.subject_kind, r.tier) == side]
                    if of_side:
                        deleted |= self._sides[side].apply_vectors(of_side, model)
                        self._apply_words(session, side, {row.subject_id for row in of_side})
            self._sequence = rows[-1].sequence
            self._unsaved += len(rows)
        if deleted or self._unsaved >= SAVE_EVERY:
            self.save()

    def _apply_words(self, session: Session, side: Side, subject_ids: set[str]) -> None:
        passages = documents.passages_of(session, *side, sorted(subject_ids))
        self._sides[side].apply_words(subject_ids, passages)

    # -- snapshots --

    def _open(self, encoder: Encoder) -> None:
        """Load the snapshots, or start empty ones that `_apply` fills from the table."""
        with self._database.session(write=True) as session:
            database_id = documents.sequence_of(session).database_id
        sides: dict[Side, SideIndex] = {}
        sequences: list[int] = []
        with self._database.session() as session:
            for side in SIDES:
                path = self._path(side, database_id)
                sides[side], sequence = snapshots.load(session, side, path, encoder.name, encoder.dimension)
                sequences.append(sequence)
            self._sides, self._sequence = sides, min(sequences)
            for side in SIDES:
                self._apply_words(session, side, set(sides[side].subject_of.values()))

    def _path(self, side: Side, database_id: str) -> Path:
        return self._index_dir / f"{side[0]}-{side[1]}-{database_id}.faiss"

    def save(self) -> None:
        """Write snapshots of all indexes; a failure costs time at the next start and nothing else."""
        with self._lock:
            if not self._sides:
                return
            try:
                self._index_dir.mkdir(parents=True, exist_ok=True)
                with self._database.session() as session:
                    counter = session.get(SearchSequence, 1)
                if counter is None:
                    return
                for side, index in self._sides.items():
                    index.vectors.save(self._path(side, counter.database_id), self._sequence)
                self._unsaved = 0
            except OSError as error:
                log.warning("index snapshot could not be saved: %s", error)

    def _drop_snapshots(self) -> None:
        with self._database.session() as session:
            counter = session.get(SearchSequence, 1)
        if counter is not None:
            for side in SIDES:
                self._path(side, counter.database_id).unlink(missing_ok=True)

    def close(self) -> None:
        """Save what has changed since the last snapshot, but nothing that has been purged since."""
        with self._lock:
            if self._unsaved and self._encoder is not None:
                self._apply(self._encoder.name)
                self.save()

    def rebuild(
        self,
        *,
        encode_again: bool = False,
        vectors: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Compare every subject with its documents, and build the indexes anew from the table.

        Returns the number of subjects. With `encode_again` all vectors are computed again; `vectors` is a file of
        vectors that need not be computed at all. Raises EncoderUnavailable.
        """
        encoder = self.encoder()
        at_hand = precomputed.read(vectors, encoder.name) if vectors else {}
        with self._lock:
            with self._database.session(write=True) as session:
                subjects = {(kind, i) for kind, open_ids in documents.OPEN_IDS.items() for i in open_ids(session)}
                if encode_again:
                    documents.forget_model(session)
                for kind, subject_id in sorted(subjects | documents.indexed_subjects(session)):
                    outbox.append(session, outbox.Topic.INDEX, kind, subject_id)
            self._work_off_outbox(at_hand, progress)
            self._sides = {side: empty(encoder.name, encoder.dimension) for side in SIDES}
            self._sequence = 0
            self._apply(encoder.name)
            self.save()
            return len(subjects)

    def sizes(self) -> dict[Side, int]:
        """Passages in each index."""
        with self._lock:
            return {side: len(index.vectors) for side, index in self._sides.items()}

    @property
    def sequence(self) -> int:
        """The last change that this engine has applied."""
        return self._sequence

    # -- searching --

    def query(self, text: str) -> Query:
        """Encode a query; raises EncoderUnavailable."""
        return Query(text, self.encoder().encode_queries([text])[0])

    def candidates(self, kind: SubjectKind, tier: SearchTier, query: Query) -> list[Candidate]:
        """Subjects of one side for a query, best first: dense and lexical rankings, fused by reciprocal rank.

        The permission of the viewer is not known here: the caller checks every candidate before it is shown.
        """
        with self._lock:
            return self._sides[(kind, tier)].candidates(query)

    def idf(self, kind: SubjectKind, tier: SearchTier) -> Callable[[str], float]:
        """Inverse document frequency of a token on one side."""
        return self.lexical(kind, tier).idf

    def lexical(self, kind: SubjectKind, tier: SearchTier) -> LexicalIndex:
        """The word index of one side."""
        return self._sides[(kind, tier)].lexical


def wanted_passages(text: TieredText) -> list[documents.Wanted]:
    """The passages that a subject contributes to the index of each tier."""
    return [
        documents.Wanted(tier, passage.position, passage.text, passage.encoded)
        for tier in SearchTier
        for passage in passages(text.title, [part for part in text.parts(tier.tier) if part])
    ]
