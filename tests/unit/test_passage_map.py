"""Which passage belongs to which subject, against a plain dictionary; and the same sums as the database makes."""

import io
import random
import threading

import numpy as np
import pytest

from backend.db import Database
from backend.matching import changes
from backend.matching.index_sync import SearchEngine
from backend.matching.passage_map import PassageMap
from backend.matching.sides import SIDES
from tests.factories import Factory, Party
from tests.steps import act, edit, first_id


def put(made: PassageMap, rows: dict[int, tuple[str, int]]) -> None:
    """Store passages given by id, subject and stamp."""
    made.put(list(rows), [subject for subject, _stamp in rows.values()], [stamp for _subject, stamp in rows.values()])


@pytest.mark.parametrize("seed", range(4))
def test_it_does_what_a_dictionary_does(seed: int) -> None:
    chance = random.Random(seed)
    made, truth = PassageMap(), dict[int, tuple[str, int]]()
    newest = 0
    for _step in range(120):
        rows = {}
        for _row in range(chance.randrange(1, 30)):
            newest += chance.randrange(1, 3)
            # Mostly new passages; some again, and some out of their order.
            passage = chance.choice([newest, newest, newest, chance.randrange(1, newest + 1)])
            subject = truth[passage][0] if passage in truth else f"subject {passage % 17}"
            rows[passage] = (subject, chance.randrange(2**31))
        put(made, rows)
        truth |= rows
        gone = chance.sample(sorted(truth), min(len(truth), chance.randrange(12)))
        made.drop([*gone, newest + 1000])
        for passage in gone:
            del truth[passage]
    asked = np.array(range(-1, newest + 5), dtype=np.int64)
    assert made.subjects_of(asked) == [truth[i][0] if i in truth else None for i in asked.tolist()]
    assert len(made) == len(truth)
    assert made.subjects() == {subject for subject, _stamp in truth.values()}
    some = {"subject 3", "subject 5", "unknown"}
    assert made.passages_of(some).tolist() == sorted(i for i, (subject, _stamp) in truth.items() if subject in some)
    copy = PassageMap.unpack(made.pack())
    assert copy.subjects_of(asked) == made.subjects_of(asked)
    assert copy.checksum() == made.checksum()
    put(copy, {newest + 9: ("later", 1)})
    assert copy.subjects_of(np.array([newest + 9])) == ["later"]


def test_one_that_is_empty() -> None:
    for made in (PassageMap(), PassageMap.unpack(PassageMap().pack())):
        assert (len(made), made.subjects(), made.checksum()) == (0, set(), (0, 0, 0))
        assert made.subjects_of(np.array([1, -1])) == [None, None]
        assert made.passages_of(["a"]).tolist() == []
        made.drop([1])
        put(made, {4: ("a", 7)})
        assert made.subjects_of(np.array([4])) == ["a"]


def test_what_changed_places_has_another_checksum() -> None:
    one, other = PassageMap(), PassageMap()
    put(one, {1: ("a", 11), 2: ("b", 22)})
    put(other, {1: ("a", 22), 2: ("b", 11)})
    assert one.checksum() != other.checksum()
    assert one.checksum([1]) != one.checksum()


@pytest.mark.parametrize(
    ("ids", "codes"), [([2, 1], [0, 0]), ([1, 1], [0, 0]), ([1, 2], [0, 1]), ([1, 2], [0, -1]), ([1, 2], [0])]
)
def test_columns_that_do_not_fit_are_refused(ids: list[int], codes: list[int]) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        ids=np.array(ids, dtype=np.int64),
        codes=np.array(codes, dtype=np.int32),
        stamps=np.zeros(len(ids), dtype=np.int64),
        subjects=np.frombuffer(b"a", dtype=np.uint8),
    )
    with pytest.raises(ValueError, match="passage"):
        PassageMap.unpack(buffer.getvalue())


def test_lookups_beside_changes() -> None:
    """A passage is either not there or has its own subject, never that of another."""
    made, wrong, stop = PassageMap(), list[object](), threading.Event()

    def look() -> None:
        asked = np.arange(6000)
        while not stop.is_set():
            found = made.subjects_of(asked)
            wrong.extend(name for i, name in enumerate(found) if name is not None and name != f"s{i % 7}")

    reader = threading.Thread(target=look)
    reader.start()
    for start in range(0, 6000, 50):
        put(made, {i: (f"s{i % 7}", i) for i in range(start, start + 50)})
        made.drop(list(range(start, start + 50, 3)))
    stop.set()
    reader.join()
    assert wrong == []
    assert len(made) == 6000 - len(range(0, 6000, 50)) * len(range(0, 50, 3))


def test_the_database_makes_the_same_sums(
    engine: SearchEngine, database: Database, company: Party, make: Factory
) -> None:
    def compare() -> None:
        engine.follow()
        with database.session() as session:
            upto = changes.newest(session)
            for side in SIDES:
                assert changes.checksum(session, side, upto) == engine.sides[side].passages.checksum()

    compare()
    edit(database, company, first_id(database), summary="改写后的用途说明，与原来完全不同。")
    make.need(make.hospital())
    compare()
    act(database, company, first_id(database), "withdraw")
    compare()
