"""Snapshots of the indexes of one side on disk.

A snapshot only saves the time to load. It is a folder with the vectors, the subject of each passage, and the words, all
of the same change; it gets its name when it is complete, so that there are no halves, whoever else saves meanwhile. One
that is damaged, of another model or not that of the database is not used: the index is then filled from the table.
"""

import logging
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from sqlmodel import Session

from backend.matching import changes
from backend.matching.passage_map import PassageMap
from backend.matching.sides import Side, SideIndex
from embeddings.index import FaissIndex, pack, unpack
from embeddings.lexical import LexicalIndex
from embeddings.types import IndexMismatch

log = logging.getLogger(__name__)

VECTORS, PASSAGES, WORDS = "vectors.faiss", "passages.map", "words"
_UNFINISHED = ".saving-"
_ABANDONED_AFTER = 3600.0
"""Seconds after which an unfinished snapshot was left behind by a process that was killed."""

ATTEMPTS = 5
"""A snapshot that another process replaces while it is read is no damaged one: so often the newer one is taken up."""


def folder_of(index_dir: Path, side: Side, database_id: str) -> Path:
    """Where the snapshots of a side of one database are."""
    return index_dir / f"{side[0]}-{side[1]}-{database_id}"


def load(session: Session, side: Side, folder: Path, model: str, dimension: int, *, local: bool = True) -> SideIndex:
    """The indexes of a side as the newest snapshot has them; empty ones at change 0 where that is no use.

    Args:
        local: whether the vectors are kept here; else a snapshot holds passages and words alone.
    """
    _remove_old_layout(folder)
    for _attempt in range(ATTEMPTS):
        found = _complete(folder)
        if not found:
            break
        try:
            return _read(session, side, found[-1], model, dimension, local)
        except (IndexMismatch, OSError, ValueError, KeyError) as error:
            if not found[-1].exists():
                # Another process has put a newer one in its place meanwhile.
                continue
            reason = str(error) if isinstance(error, IndexMismatch) else type(error).__name__
            log.warning("index snapshot %s is not used and will be rebuilt from the database: %s", folder.name, reason)
            # Gone for good: a restored database would otherwise grow into the numbers of a snapshot ahead of it.
            discard(folder)
            break
    return SideIndex(FaissIndex(dimension, model) if local else None)


def _read(session: Session, side: Side, path: Path, model: str, dimension: int, local: bool) -> SideIndex:
    with unpack(path / PASSAGES, model=model, dimension=dimension) as (header, file):
        sequence, passages = header.sequence, PassageMap.unpack(file.read())
    if sequence > changes.newest(session):
        raise IndexMismatch("sequence", "the snapshot is ahead of the database")
    # What has changed since will be applied again, whatever it was; all the rest must be what the table has.
    changed = changes.since(session, side, sequence)
    if passages.checksum(row.id for row in changed) != changes.checksum(session, side, sequence):
        raise IndexMismatch("content", "the passages in the snapshot are not those of the database")
    vectors = None
    if local:
        vectors, of_vectors = FaissIndex.load(path / VECTORS, model=model, dimension=dimension)
        if of_vectors != sequence or len(vectors) != len(passages):
            raise IndexMismatch("content", "vectors and passages in the snapshot are not of the same change")
    words, of_words = LexicalIndex.load(path / WORDS)
    # Words may be newer than the rest, see `save`: of subjects whose words will be taken from the table again.
    if of_words != sequence or not words.ids() ^ passages.subjects() <= {row.subject_id for row in changed}:
        raise IndexMismatch("content", "words and passages in the snapshot are not of the same change")
    return SideIndex(vectors, lexical=words, passages=passages, sequence=sequence)


def save(
    index: SideIndex,
    folder: Path,
    model: str,
    dimension: int,
    unchanged: AbstractContextManager[object],
    is_wanted: Callable[[], bool] = lambda: True,
) -> bool:
    """Write a snapshot of a side, then remove the ones before it.

    Args:
        unchanged: nothing may change the side while this is held. Words are written afterwards, which takes longest:
            they may be newer than the rest.
        is_wanted: asked at the end; if something has been purged meanwhile the snapshot must not come to be.

    Returns:
        Whether it was wanted.

    Raises:
        OSError: if it cannot be written; the one before it is then untouched.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_abandoned(folder)
    made = folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
    made.mkdir(mode=0o700)
    try:
        with unchanged:
            sequence = index.sequence
            content, count = index.passages.pack(), len(index.passages)
            if index.vectors is not None:
                index.vectors.save(made / VECTORS, sequence)
        pack(
            made / PASSAGES,
            lambda write: write(content),
            model=model,
            dimension=dimension,
            count=count,
            sequence=sequence,
        )
        index.lexical.save(made / WORDS, sequence)
        with unchanged:
            wanted = is_wanted()
            if wanted:
                made.rename(folder / f"{sequence:016d}-{secrets.token_hex(4)}")
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    if not wanted:
        shutil.rmtree(made, ignore_errors=True)
        return False
    for path in _complete(folder)[:-1]:
        _remove(path)
    return True


def discard(folder: Path) -> None:
    """Remove the snapshots of a side, for instance because a text in them was withdrawn; no error if there are none."""
    for path in _complete(folder):
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a snapshot, renamed first: a folder that is half removed must not be taken for one."""
    with suppress(OSError):
        path = path.rename(path.parent / f"{_UNFINISHED}{secrets.token_hex(8)}")
    shutil.rmtree(path, ignore_errors=True)


def _complete(folder: Path) -> list[Path]:
    """The complete snapshots, oldest first."""
    return sorted(path for path in folder.glob("[0-9]*-*") if path.is_dir())


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                shutil.rmtree(path, ignore_errors=True)


def _remove_old_layout(folder: Path) -> None:
    """Up to version 0.1.0 a snapshot was one file; nobody would purge it any more."""
    with suppress(OSError):
        folder.with_suffix(".faiss").unlink(missing_ok=True)
