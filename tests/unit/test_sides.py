"""Candidates of one side: grouping, near duplicates, ties, cosines of what only the words have found."""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from backend.matching.sides import CANDIDATES, PASSAGES, Query, SideIndex, empty
from embeddings.index import IndexUnavailable
from embeddings.types import Ids, Vector

DIMENSION = 32


@dataclass(frozen=True)
class Row:
    """A passage."""

    id: int
    subject_id: str
    vector: bytes
    text: str = ""
    position: int = 0
    digest: str = ""
    model: str = "m"
    deleted: bool = False


def unit(*values: float) -> Vector:
    """A unit vector that begins with these values."""
    made = np.zeros(DIMENSION, dtype=np.float32)
    made[: len(values)] = values
    made /= np.linalg.norm(made)
    return made


def fill(index: SideIndex, vectors: dict[str, list[Vector]], texts: dict[str, str]) -> None:
    """Store subjects with their passages and their words."""
    rows = [(subject, vector) for subject, found in vectors.items() for vector in found]
    first = len(index.passages) + 1
    index.apply_vectors([Row(first + n, s, v.astype("<f4").tobytes()) for n, (s, v) in enumerate(rows)], "m")
    index.apply_texts(list(texts), texts)


def query(text: str, *values: float) -> Query:
    """A query with its vector."""
    vector = unit(*values)
    return Query(text, vector, vector[None, :])


def test_near_duplicates_within_a_subject_do_not_crowd_out_others() -> None:
    """Each subject has so many near passages that the nearest 200 are of few subjects."""
    index, chance = empty("m", DIMENSION), np.random.default_rng(1)
    subjects = {
        f"s{n:04}": [unit(1.0, *(0.001 * n + 0.02 * chance.standard_normal(5))) for _passage in range(8)]
        for n in range(400)
    }
    fill(index, subjects, {})
    found = index.candidates(query("", 1.0))
    assert len(found) == CANDIDATES


def test_ten_thousand_identical_capabilities() -> None:
    """Their order is that of their ids, what the words find is found beside them, and it takes no longer than else."""
    index = empty("m", DIMENSION)
    fill(index, {f"copy{n:05}": [unit(1.0, 0.1)] for n in range(10_000)}, {})
    fill(index, {"other": [unit(0.0, 1.0)]}, {"other": "左心耳封堵器"})
    start = time.perf_counter()
    found = index.candidates(query("左心耳封堵", 1.0))
    seconds = time.perf_counter() - start
    copies = [c.subject_id for c in found if c.subject_id.startswith("copy")]
    assert copies == sorted(copies)
    assert len(copies) == CANDIDATES
    other = next(c for c in found if c.subject_id == "other")
    assert found.index(other) <= 1
    assert other.dense == pytest.approx(0.0, abs=1e-5)
    assert seconds < 2.0
    assert index.candidates(query("左心耳封堵", 1.0)) == found


def test_what_only_the_words_have_found_has_its_cosine_too() -> None:
    index = empty("m", DIMENSION)
    near = {f"near{n:04}": [unit(1.0, 0.001 * n)] for n in range(PASSAGES + 500)}
    far = unit(0.3, 0.9)
    fill(index, near | {"far": [far, unit(0.0, 0.0, 1.0)]}, {"far": "静脉配液"})
    found = next(c for c in index.candidates(query("静脉配液", 1.0)) if c.subject_id == "far")
    best, second = float(far[0]), 0.0
    assert found.lexical > 0
    assert found.dense == pytest.approx(0.7 * best + 0.3 * (best + second) / 2, abs=1e-4)


def test_a_passage_of_another_model_goes() -> None:
    index = empty("m", DIMENSION)
    fill(index, {"a": [unit(1.0)]}, {"a": "穿刺针"})
    assert index.apply_vectors([Row(1, "a", unit(1.0).tobytes(), model="n")], "m")
    assert len(index.passages) == 0
    assert not index.apply_vectors([Row(1, "a", unit(1.0).tobytes(), model="n")], "m")


class Gone:
    """A service that does not answer."""

    def search(self, vectors: Vector, k: int, *, only: Ids | None = None) -> tuple[Ids, Vector]:
        """Never."""
        raise IndexUnavailable("gone")

    def __len__(self) -> int:
        raise IndexUnavailable("gone")


def test_by_words_alone_while_the_vectors_are_gone() -> None:
    index = SideIndex(None, Gone())
    index.apply_texts(["a", "b"], {"a": "左心耳封堵器", "b": "骨科手术导航"})
    assert [(c.subject_id, c.dense) for c in index.candidates(query("左心耳封堵", 1.0))] == [("a", 0.0)]
