"""Keeps one organisation from filling the top of a list."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(
    ranked: Sequence[T],
    organisation: Callable[[T], str | None],
    per_organisation: int = 2,
    window: int = 10,
    is_good: Callable[[T], bool] = lambda _entry: True,
) -> list[T]:
    """The same entries, of which no organisation holds more than `per_organisation` of the first `window`.

    Good entries beyond that share move below the window, unless nothing good of anybody else is left to fill it: then
    they take the free places. Otherwise the order is kept, and nothing is lost or added.

    `organisation` must give what the viewer may know: None, for an anonymous author, makes every entry its own.
    Grouping by a hidden author would show that two anonymous entries share one.

    Raises ValueError for a share or window below one.
    """
    if per_organisation < 1 or window < 1:
        raise ValueError("per_organisation and window must be at least one")
    held: Counter[str] = Counter()
    above: list[int] = []
    beyond: list[int] = []
    for place, entry in enumerate(ranked):
        if len(above) == window:
            break
        if not is_good(entry):
            continue
        owner = organisation(entry)
        if owner is not None and held[owner] >= per_organisation:
            beyond.append(place)
            continue
        above.append(place)
        if owner is not None:
            held[owner] += 1
    first = sorted(above + beyond[: window - len(above)])
    chosen = set(first)
    return [ranked[place] for place in first] + [e for place, e in enumerate(ranked) if place not in chosen]


def further(ranked: Sequence[T], shown: int, organisation: Callable[[T], str | None]) -> dict[int, list[T]]:
    """What else the organisations of the first `shown` entries have: place of the first entry of each → the others.

    The others are entries below the shown ones, in their order. Entries without a known organisation have none.
    """
    first: dict[str, int] = {}
    for place, entry in enumerate(ranked[:shown]):
        owner = organisation(entry)
        if owner is not None:
            first.setdefault(owner, place)
    found: dict[int, list[T]] = {}
    for entry in ranked[shown:]:
        owner = organisation(entry)
        if owner is not None and owner in first:
            found.setdefault(first[owner], []).append(entry)
    return found
