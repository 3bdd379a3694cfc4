"""From the outbox to the table: passages of changed subjects are encoded and written, many subjects at a time.

Every batch is a transaction of its own that also closes its rows of the outbox: work that is interrupted goes on where
it was. The newest changes come first, so that who publishes one thing does not wait for an import of thousands.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, insert, select, update
from sqlmodel import Session, SQLModel

from backend import outbox
from backend.db import Database, utc_now
from backend.disclosure.models import SubjectKind, TieredText
from backend.matching import documents
from backend.matching.documents import Subject, Wanted
from backend.matching.models import SearchTier
from embeddings.passages import passages
from embeddings.types import Encoder

SUBJECTS = 64
"""Subjects whose missing passages are encoded in one call."""
SETTLED = timedelta(minutes=2)
"""Rows of the outbox become visible within that time after they were numbered, on a database with several writers."""
LOOKED_AT = 512
"""Rows of the outbox in which the next subjects are looked for."""

Progress = Callable[[int, int], None]
"""Told how many subjects are done, and of how many."""
OUTBOX = SQLModel.metadata.tables["outbox"]
WAITING = (OUTBOX.c.done_at.is_(None), documents.without_index(OUTBOX.c.topic) == outbox.Topic.INDEX.value)


@dataclass(frozen=True)
class Batch:
    """Subjects that wait, newest change first, and the last row of the outbox that was seen of each."""

    last_row: Mapping[Subject, int]


@dataclass(frozen=True)
class Outcome:
    """What a batch has come to: rows of the table that changed, and subjects whose turn comes again."""

    changed: int
    left: frozenset[Subject] = frozenset()


def wanted_passages(text: TieredText) -> list[Wanted]:
    """The passages that a subject contributes to the index of each tier."""
    return [
        Wanted(tier, passage.position, passage.text, passage.encoded)
        for tier in SearchTier
        for passage in passages(text.title, [part for part in text.parts(tier.tier) if part])
    ]


def waiting(session: Session, limit: int) -> int:
    """How many rows of the outbox wait, counted up to a limit."""
    some = select(OUTBOX.c.id).where(*WAITING).limit(limit).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def waiting_subjects(session: Session) -> int:
    """How many subjects wait."""
    some = select(OUTBOX.c.subject_kind, OUTBOX.c.subject_id).where(*WAITING).distinct().subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def next_batch(session: Session, subjects: int = SUBJECTS, apart_from: Collection[Subject] = ()) -> Batch:
    """The subjects that changed last among those that wait."""
    query = select(OUTBOX.c.id, OUTBOX.c.subject_kind, OUTBOX.c.subject_id).where(*WAITING)
    found: dict[Subject, int] = {}
    before: int | None = None
    while len(found) < subjects:
        part = query if before is None else query.where(OUTBOX.c.id < before)
        rows = session.execute(part.order_by(OUTBOX.c.id.desc()).limit(LOOKED_AT)).all()
        for row in rows:
            subject = SubjectKind(row.subject_kind), row.subject_id
            if subject not in apart_from and (subject in found or len(found) < subjects):
                found.setdefault(subject, row.id)
        if len(rows) < LOOKED_AT:
            break
        before = rows[-1].id
    return Batch(found)


def write_batch(
    database: Database, batch: Batch, encoder: Encoder | None, at_hand: Mapping[str, bytes] | None = None
) -> Outcome:
    """Write the passages of the subjects as they are now.

    Without an encoder only what has its vector already is written, and everything else is deleted. A subject whose text
    changes while it is encoded is left for the newer row of the outbox that tells of it.

    Args:
        at_hand: vectors of this model by digest, that need not be computed.
    """
    with database.session() as session:
        texts = {subject: documents.OPEN_TEXT[subject[0]](session, subject[1]) for subject in batch.last_row}
        wanted = {subject: wanted_passages(text) if text else [] for subject, text in texts.items()}
        encoded = {w.digest: w.encoded for of_subject in wanted.values() for w in of_subject}
        model = encoder.name if encoder else _model_of(session)
        vectors = documents.known_vectors(session, encoded, model) if model else {}
    if encoder is not None:
        vectors |= {digest: vector for digest, vector in (at_hand or {}).items() if digest in encoded}
        missing = {digest: text for digest, text in encoded.items() if digest not in vectors}
        fresh = encoder.encode_passages(list(missing.values()))
        vectors |= {digest: row.astype("<f4").tobytes() for digest, row in zip(missing, fresh, strict=True)}
    with database.session(write=True, lock=documents.LOCK) as session:
        same = {s: w for s, w in wanted.items() if documents.OPEN_TEXT[s[0]](session, s[1]) == texts[s]}
        changed = documents.write(session, same, vectors, model)
        done = [s for s, of_subject in same.items() if all(w.digest in vectors for w in of_subject)]
        _mark_done(session, {s: batch.last_row[s] for s in done})
    return Outcome(changed, frozenset(batch.last_row) - set(done))


def purge(database: Database, after: int = 0) -> tuple[int, int]:
    """Delete what waiting subjects had in the index and have no more, without encoding anything.

    What is new to the index stays in the outbox: there is nothing of it to be purged.

    Args:
        after: row of the outbox up to which this has been done.

    Returns:
        How many rows changed, and the row of the outbox up to which this is done now.
    """
    with database.session() as session:
        query = select(OUTBOX.c.subject_kind, OUTBOX.c.subject_id, func.max(OUTBOX.c.id)).where(*WAITING)
        found = session.execute(
            query.where(OUTBOX.c.id > after).group_by(OUTBOX.c.subject_kind, OUTBOX.c.subject_id)
        ).all()
        upto = max((row for _kind, _subject_id, row in found), default=after)
        if not database.is_sqlite:
            # A lower number may become visible after a higher one.
            old = select(func.max(OUTBOX.c.id)).where(OUTBOX.c.created_at < utc_now() - SETTLED, OUTBOX.c.id <= upto)
            upto = max(session.execute(old).scalar_one() or 0, after)
        indexed = documents.with_rows(session, {subject_id for _kind, subject_id, _row in found})
    last = {(SubjectKind(kind), subject_id): row for kind, subject_id, row in found if subject_id in indexed}
    subjects = sorted(last)
    changed = 0
    for start in range(0, len(subjects), SUBJECTS):
        part = subjects[start : start + SUBJECTS]
        changed += write_batch(database, Batch({subject: last[subject] for subject in part}), None).changed
    return changed, upto


def _model_of(session: Session) -> str:
    """The model of the newest live passage, for the vectors that can be kept while no encoder is loaded."""
    table = documents.TABLE
    query = select(table.c.model).where(table.c.deleted.is_(False)).order_by(table.c.sequence.desc()).limit(1)
    return session.execute(query).scalar_one_or_none() or ""


def _mark_done(session: Session, last_row: Mapping[Subject, int]) -> None:
    """Close the rows of subjects, but for those that came after the batch was put together."""
    now = utc_now()
    by_row: dict[int, list[str]] = {}
    for (_kind, subject_id), row in last_row.items():
        by_row.setdefault(row, []).append(subject_id)
    for row, subject_ids in by_row.items():
        session.execute(
            update(OUTBOX).where(OUTBOX.c.subject_id.in_(subject_ids), OUTBOX.c.id <= row, *WAITING).values(done_at=now)
        )


def queue(session: Session, subjects: Collection[Subject]) -> None:
    """Put subjects into the outbox."""
    now = utc_now()
    rows = [
        {"topic": outbox.Topic.INDEX.value, "subject_kind": kind.value, "subject_id": subject_id, "created_at": now}
        for kind, subject_id in sorted(subjects)
    ]
    if rows:
        session.connection().execute(insert(OUTBOX), rows)
