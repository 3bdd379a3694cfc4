"""The plan of a docking event: no clashes, everybody once where that can be, the best sum, and quickly."""

from collections import Counter
from itertools import combinations
from random import Random
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.meetings.scheduling import Place, Wish, choose, colour, schedule


def full(needs: int, companies: int, share: float = 1.0, seed: int = 7) -> list[Wish]:
    chance = Random(seed)
    return [
        Wish(f"{n}-{c}", f"n{n}", f"c{c}", chance.random())
        for n in range(needs)
        for c in range(companies)
        if chance.random() <= share
    ]


def check(wishes: list[Wish], found: dict[str, Place], slots: int, tables: int) -> None:
    """Nobody is at two tables at once, and no table has two talks."""
    by_id = {w.id: w for w in wishes}
    assert all(1 <= p.slot <= slots and 1 <= p.table <= tables for p in found.values())
    lefts = [(by_id[i].left, place.slot) for i, place in found.items()]
    rights = [(by_id[i].right, place.slot) for i, place in found.items()]
    seats = [(place.table, place.slot) for place in found.values()]
    assert len(set(lefts)) == len(set(rights)) == len(set(seats)) == len(found)


def test_twelve_needs_and_twenty_companies_in_an_afternoon() -> None:
    wishes = full(12, 20)
    began = perf_counter()
    found = schedule(wishes, slots=8, tables=8)
    took = perf_counter() - began
    check(wishes, found, 8, 8)
    assert len(found) == 64
    by_id = {w.id: w for w in wishes}
    assert {by_id[i].left for i in found} == {f"n{n}" for n in range(12)}
    assert {by_id[i].right for i in found} == {f"c{n}" for n in range(20)}
    print(f"12 x 20 in {took:.2f} s")
    assert took < 10


def test_a_day_of_a_fair() -> None:
    wishes = full(40, 80, share=0.3)
    found = schedule(wishes, slots=16, tables=20)
    check(wishes, found, 16, 20)
    assert len(found) == 320


def best(wishes: list[Wish], slots: int, tables: int) -> tuple[int, float]:
    """By trying every choice: how many have a talk, and the sum of weights."""
    top = (0, 0.0)
    for size in range(len(wishes) + 1):
        for chosen in combinations(wishes, size):
            degrees = Counter([("l", w.left) for w in chosen] + [("r", w.right) for w in chosen])
            if size <= slots * tables and max(degrees.values(), default=0) <= slots:
                top = max(top, (len(degrees), round(sum(w.weight for w in chosen), 9)))
    return top


@pytest.mark.parametrize("seed", range(8))
def test_no_other_choice_is_better(seed: int) -> None:
    wishes = full(3, 3, seed=seed)
    for slots, tables in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1)):
        chosen = choose(wishes, slots, slots * tables)
        people = {("l", w.left) for w in chosen} | {("r", w.right) for w in chosen}
        assert (len(people), round(sum(w.weight for w in chosen), 6)) == pytest.approx(best(wishes, slots, tables))
        check(wishes, schedule(wishes, slots, tables), slots, tables)


@settings(max_examples=150, deadline=None)
@given(
    pairs=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 9)), max_size=60),
    slots=st.integers(1, 6),
    tables=st.integers(1, 5),
)
def test_whatever_was_chosen_finds_its_place(pairs: set[tuple[int, int]], slots: int, tables: int) -> None:
    wishes = [Wish(f"{n}-{c}", f"n{n}", f"c{c}", (n * 10 + c) % 7 / 7) for n, c in sorted(pairs)]
    chosen = choose(wishes, slots, slots * tables)
    found = schedule(wishes, slots, tables)
    assert set(found) == {w.id for w in chosen}
    check(wishes, found, slots, tables)


def test_slots_are_filled_evenly_and_too_many_talks_are_refused() -> None:
    wishes = full(4, 5)
    sizes = Counter(colour(wishes, 7).values())
    assert max(sizes.values()) - min(sizes.values()) <= 1
    with pytest.raises(ValueError, match="more talks"):
        colour(wishes, 4)
    assert schedule([], 5, 5) == {} == schedule(wishes, 0, 5)


def test_the_department_keeps_its_table_where_it_can() -> None:
    wishes = full(4, 4)
    found = schedule(wishes, slots=4, tables=4)
    by_id = {w.id: w for w in wishes}
    assert all(len({found[i].table for i in found if by_id[i].left == f"n{n}"}) == 1 for n in range(4))
