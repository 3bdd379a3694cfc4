"""The words that mean the same, as this installation has them."""

from pathlib import Path

from embeddings import vocabulary
from embeddings.lexical_query import OPENING
from embeddings.normal import fold
from embeddings.vocabulary import SHIPPED, Expansion, VocabularyError
from embeddings.vocabulary_check import Report, check_own

__all__ = ["SHIPPED", "Expansion", "Report", "VocabularyError", "check_own", "expansions", "use"]


def use(path: Path | None) -> None:
    """Have all searches of this process by words go by a file added to the shipped one; None for that alone.

    Raises VocabularyError, whose message names the file and the line.
    """
    if path is None:
        vocabulary.use(None)
        return
    try:
        vocabulary.use(vocabulary.load_vocabulary(extra=path))
    except OSError as error:
        raise VocabularyError(path, 0, f"cannot be read ({error.strerror})") from error


def expansions(text: str) -> list[Expansion]:
    """The groups that a search for a text finds, with the words that each adds."""
    return vocabulary.vocabulary_in_use().find(fold(text)[:OPENING])
