"""The state of the index as the database knows it."""

import logging
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlmodel import Session

from backend.disclosure.models import SubjectKind
from backend.matching import changes, indexing
from backend.matching.documents import TABLE
from backend.matching.models import SearchTier
from backend.matching.remote import VectorService, check_address
from backend.quiet import where
from embeddings.index import IndexUnavailable
from embeddings.types import EmbeddingsError

log = logging.getLogger(__name__)

BYTES_OF_A_NUMBER = 4


@dataclass(frozen=True)
class IndexRow:
    """What is indexed of one kind in one tier with one model."""

    kind: str
    tier: str
    model: str
    subjects: int
    passages: int


@dataclass(frozen=True)
class ServiceRow:
    """What the service of the vectors says of one side; None where it does not answer."""

    kind: str
    tier: str
    vectors: int | None
    sequence: int | None


@dataclass(frozen=True)
class IndexStatus:
    """The counter of changes, the subjects that wait, and what is indexed."""

    sequence: int
    waiting: int
    rows: list[IndexRow]


def of_database(session: Session) -> IndexStatus:
    """Read the state of the index. Every passage is looked at: a second or more for a million."""
    c = TABLE.c
    # Each subject has exactly one opening passage; to count different subjects would mean to sort them.
    subjects = func.sum(case((c.position == 0, 1), else_=0))
    query = (
        select(c.subject_kind, c.tier, c.model, subjects, func.count())
        .where(c.deleted.is_(False))
        .group_by(c.subject_kind, c.tier, c.model)
        .order_by(c.subject_kind, c.tier, c.model)
    )
    return IndexStatus(
        sequence=changes.newest(session),
        waiting=indexing.waiting_subjects(session),
        rows=[IndexRow(*row) for row in session.execute(query).all()],
    )


def of_service(session: Session, url: str | None) -> list[ServiceRow]:
    """Ask the service that keeps the vectors, if there is one and anything is indexed; slow where it is gone.

    Raises:
        ValueError: for an address that is none.
        IndexMismatch: if the service holds vectors of another length under this name.
    """
    check_address(url)
    c = TABLE.c
    query = select(c.model, c.vector).where(c.deleted.is_(False)).order_by(c.sequence.desc()).limit(1)
    newest = session.execute(query).first()
    counter = session.execute(select(changes.COUNTER.c.database_id)).first()
    if newest is None or counter is None or not newest.vector:
        return []
    service = VectorService("", 0)
    service.connect(url, newest.model, len(newest.vector) // BYTES_OF_A_NUMBER, counter.database_id)
    try:
        return [_row(service, *side) for side in service.sides]
    finally:
        service.close()


def of_service_if_possible(session: Session, url: str | None) -> list[ServiceRow] | None:
    """What `of_service` says; None where the address is none, or the service holds something else."""
    try:
        return of_service(session, url)
    except (EmbeddingsError, ValueError) as error:
        log.warning("the service of the vectors could not be asked: %s", where(error))
        return None


def _row(service: VectorService, kind: SubjectKind, tier: SearchTier) -> ServiceRow:
    # All sides are with one service: once it has not answered, the others need not wait for it too.
    if service.is_available:
        remote = service.sides[(kind, tier)]
        with suppress(IndexUnavailable):
            return ServiceRow(kind, tier, len(remote), remote.sequence())
    return ServiceRow(kind, tier, None, None)
