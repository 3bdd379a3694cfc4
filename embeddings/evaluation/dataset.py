"""Judged sets: documents, needs, and how well each document answers each need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embeddings.jsonl import json_lines
from embeddings.types import EmbeddingsError

HIGHEST_GRADE = 3


class DatasetError(EmbeddingsError):
    """A file of a judged set cannot be used; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Doc:
    """One document (a capability, in this project)."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Documents, queries and judgements.

    Attributes:
        corpus: document id to document.
        queries: query id to the text of the need.
        relevance: query id to document id to grade: 0 no use, 1 related, 2 fits, 3 exactly what is needed.
            Documents without a grade count as 0.
    """

    corpus: dict[str, Doc]
    queries: dict[str, str]
    relevance: dict[str, dict[str, int]]

    def relevant_from(self, wanted: int) -> int:
        """The grade from which documents count as relevant: `wanted`, or 1 in a set that knows no grade above 1."""
        highest = max((grade for grades in self.relevance.values() for grade in grades.values()), default=0)
        return 1 if highest == 1 else wanted


def read_jsonl(corpus_path: Path, queries_path: Path) -> JudgedSet:
    """Read a judged set from two JSON Lines files (UTF-8; empty lines are skipped).

    Corpus lines are {"id", "title", "text"}, query lines {"id", "need", "rel": {"doc id": grade}}; other fields are
    ignored.

    Raises:
        DatasetError: for a missing file, broken JSON, text that is not Unicode, a missing or mistyped field, a repeated
            id, a grade that is no whole number from 0 to 3, or a judgement of a document that the corpus lacks; names
            file and line. Also for a file without any document or any need.
    """
    corpus: dict[str, Doc] = {}
    for place, row in json_lines(corpus_path, DatasetError):
        doc = Doc(_text(row, "id", place), _text(row, "title", place), _text(row, "text", place))
        if not doc.id or doc.id in corpus:
            raise DatasetError(f"{place}: the id {doc.id!r} is empty or repeated")
        corpus[doc.id] = doc
    if not corpus:
        raise DatasetError(f"{corpus_path} holds no document")
    queries: dict[str, str] = {}
    relevance: dict[str, dict[str, int]] = {}
    for place, row in json_lines(queries_path, DatasetError):
        name = _text(row, "id", place)
        if not name or name in queries:
            raise DatasetError(f"{place}: the id {name!r} is empty or repeated")
        queries[name] = _text(row, "need", place)
        relevance[name] = _grades(row, corpus, place)
    if not queries:
        raise DatasetError(f"{queries_path} holds no need")
    return JudgedSet(corpus, queries, relevance)


def _text(row: dict[str, Any], field: str, place: str) -> str:
    value = row.get(field)
    if not isinstance(value, str):
        raise DatasetError(f"{place}: the field {field!r} is missing or no text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # JSON may escape half of a character (\ud800); nothing could write it down again.
        raise DatasetError(f"{place}: the field {field!r} is not Unicode text ({error})") from error
    return value


def _grades(row: dict[str, Any], corpus: dict[str, Doc], place: str) -> dict[str, int]:
    grades = row.get("rel")
    if not isinstance(grades, dict):
        raise DatasetError(f"{place}: the field 'rel' is missing or no object")
    for name, grade in grades.items():
        if name not in corpus:
            raise DatasetError(f"{place}: judges the unknown document {name!r}")
        # Some programs write every number with a decimal point: 2.0 is a grade, 1.5 is none.
        whole = not isinstance(grade, bool) and isinstance(grade, int | float) and grade in range(HIGHEST_GRADE + 1)
        if not whole:
            raise DatasetError(
                f"{place}: the grade of {name!r} is {grade!r}, not a whole number from 0 to {HIGHEST_GRADE}"
            )
    return {name: int(grade) for name, grade in grades.items()}
