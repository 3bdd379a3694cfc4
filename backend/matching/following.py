"""Bringing the indexes of one side up to the table."""

from dataclasses import dataclass, field

from sqlmodel import Session

from backend.matching import changes, documents
from backend.matching.sides import Side, SideIndex
from embeddings.lexical import LexicalIndex
from embeddings.types import IndexMismatch

WORDS_AT_ONCE = 5_000
"""Subjects whose words are taken over together: each time costs a commit."""


@dataclass
class Followed:
    """What following has done.

    Attributes:
        rows: that were applied.
        purged: whether anything that was in the index is there no more, or in other words.
        of_other_models: subjects whose live passages have vectors of another model.
    """

    rows: int = 0
    purged: bool = False
    of_other_models: set[str] = field(default_factory=set)


def catch_up(session: Session, side: Side, index: SideIndex, model: str, upto: int) -> Followed:
    """Apply the changes of a side up to `upto`. The caller lets nobody else change the side."""
    done = Followed()
    at = index.sequence
    pending: set[str] = set()
    while rows := changes.read(session, side, at, upto):
        done.purged |= index.apply_vectors(rows, model)
        done.of_other_models |= {row.subject_id for row in rows if not row.deleted and row.model != model}
        done.rows += len(rows)
        at = rows[-1].sequence
        pending |= {row.subject_id for row in rows}
        if len(pending) >= WORDS_AT_ONCE:
            _take_over_words(session, side, index, pending)
            index.sequence, pending = at, set()
    if pending:
        _take_over_words(session, side, index, pending)
    index.sequence = upto
    return done


def _take_over_words(session: Session, side: Side, index: SideIndex, subject_ids: set[str]) -> None:
    try:
        index.apply_texts(subject_ids, documents.texts_of(session, *side, subject_ids))
    except IndexMismatch:
        # The words of a snapshot could be searched, but not be taken over into memory.
        index.lexical = LexicalIndex()
        index.apply_texts((), documents.texts_of(session, *side, index.passages.subjects() | subject_ids))
