"""The assignment is the best one there is: against all subsets of small cases."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.desk.assigning import Edge, assign, expected

NEEDS, ORGANISATIONS = "abcd", "WXYZ"
PAIRS = [(need, organisation) for need in NEEDS for organisation in ORGANISATIONS]


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[Edge], dict[str, int], dict[str, int] | None]:
    """Up to nine pairs of four needs and four organisations, with caps from none to three."""
    pairs = draw(st.lists(st.sampled_from(PAIRS), max_size=9, unique=True))
    # Hundredths: two sums that differ do so by more than the solver's tolerance.
    edges = [Edge(need, other, draw(st.integers(0, 100)) / 100) for need, other in pairs]
    needs = {need: draw(st.integers(-1, 3)) for need in NEEDS}
    caps = draw(st.none() | st.fixed_dictionaries({other: st.integers(-1, 3) for other in ORGANISATIONS}))
    return edges, needs, caps


def is_allowed(chosen: tuple[Edge, ...], needs: dict[str, int], caps: dict[str, int] | None) -> bool:
    return all(sum(e.need == n for e in chosen) <= max(0, cap) for n, cap in needs.items()) and (
        caps is None or all(sum(e.organisation == o for e in chosen) <= max(0, cap) for o, cap in caps.items())
    )


@settings(max_examples=120, deadline=None)
@given(problems())
def test_nothing_allowed_is_better(problem: tuple[list[Edge], dict[str, int], dict[str, int] | None]) -> None:
    edges, needs, caps = problem
    chosen = assign(edges, needs, caps)
    assert is_allowed(tuple(edges[place] for place in chosen), needs, caps)
    best = max(
        sum(e.probability for e in some)
        for size in range(len(edges) + 1)
        for some in combinations(edges, size)
        if is_allowed(some, needs, caps)
    )
    assert expected(edges, chosen) == pytest.approx(best, abs=1e-6)


def test_the_biggest_does_not_get_everything() -> None:
    edges = [Edge(need, "big", 0.9) for need in NEEDS] + [Edge(need, "small", 0.6) for need in NEEDS]
    once = dict.fromkeys(NEEDS, 1)
    free = assign(edges, once, None)
    assert {edges[place].organisation for place in free} == {"big"}
    chosen = assign(edges, once, {"big": 2, "small": 2})
    assert sorted(edges[place].organisation for place in chosen) == ["big", "big", "small", "small"]
    assert expected(edges, free) - expected(edges, chosen) == pytest.approx(0.6)


def test_a_greedy_choice_would_be_worse() -> None:
    """The best pair of all is left, so that both needs are served."""
    edges = [Edge("a", "W", 0.9), Edge("a", "X", 0.8), Edge("b", "W", 0.7)]
    chosen = assign(edges, {"a": 1, "b": 1}, {"W": 1, "X": 1})
    assert chosen == (1, 2)


def test_a_need_with_several_places_takes_several_organisations_each_once() -> None:
    edges = [Edge("a", "W", 0.9), Edge("a", "X", 0.5), Edge("a", "Y", 0.4)]
    assert assign(edges, {"a": 2}, {"W": 3, "X": 3, "Y": 3}) == (0, 1)


def test_nothing_is_assigned_to_those_without_a_place() -> None:
    assert assign([], {}, {}) == ()
    assert assign([Edge("a", "W", 0.9)], {}, None) == ()
    assert assign([Edge("a", "W", 0.9)], {"a": 1}, {"W": 0}) == ()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        assign([Edge("a", "W", 0.9), Edge("a", "W", 0.8)], {"a": 1}, None)
    with pytest.raises(ValueError, match="between 0 and 1"):
        assign([Edge("a", "W", 1.2)], {"a": 1}, None)


def test_a_thousand_needs_take_no_time() -> None:
    edges = [
        Edge(f"n{n}", f"o{(n * 7 + k * k) % 97}", ((n * 31 + k * 17) % 100) / 100)
        for n in range(1000)
        for k in range(9)
    ]
    unique = list({(e.need, e.organisation): e for e in edges}.values())
    needs, caps = {e.need: 1 for e in unique}, {e.organisation: 3 for e in unique}
    chosen = assign(unique, needs, caps)
    assert len(chosen) == 97 * 3
