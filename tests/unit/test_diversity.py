"""One organisation does not fill the list."""

import random
from collections import Counter

import pytest

from backend.matching.diversity import further, spread

Entry = tuple[str, str | None, bool]
"""Name, organisation, whether it is good."""


def entries(text: str) -> list[Entry]:
    """ "A B* -": entries of A and B and of an anonymous one; the star marks a weak one."""
    return [
        (f"{number}{word}", None if word[0] == "-" else word[0], not word.endswith("*"))
        for number, word in enumerate(text.split())
    ]


def names(found: list[Entry]) -> str:
    return " ".join(name.lstrip("0123456789") for name, _, _ in found)


def owner(entry: Entry) -> str | None:
    return entry[1]


def good(entry: Entry) -> bool:
    return entry[2]


@pytest.mark.parametrize(
    ("ranked", "window", "expected"),
    [
        ("A A A A B C", 4, "A A B C A A"),
        ("A A A B", 4, "A A A B"),  # Nothing else is there: the order stays.
        ("A A A B C D", 3, "A A B A C D"),
        ("A B C D", 10, "A B C D"),
        ("A A A - - -", 4, "A A - - A -"),
        ("- - - - -", 3, "- - - - -"),  # Who stands behind them is not known.
        ("A A A B*", 4, "A A A B*"),  # A good third goes before a weak one of another.
        ("A A A* B* C", 3, "A A C A* B*"),
        ("A* A* A* B*", 2, "A* A* A* B*"),  # Weak ones are folded away and not spread.
        ("", 10, ""),
    ],
)
def test_no_organisation_holds_more_than_two_of_the_window(ranked: str, window: int, expected: str) -> None:
    assert names(spread(entries(ranked), owner, window=window, is_good=good)) == expected


def test_the_rule_holds_for_any_list() -> None:
    dice = random.Random(7)
    for _ in range(500):
        ranked = entries(
            " ".join(dice.choice(["A", "B", "C", "D", "-", "A*", "E*"]) for _ in range(dice.randrange(30)))
        )
        share, window = dice.randint(1, 3), dice.randint(1, 12)
        found = spread(ranked, owner, share, window, good)
        assert sorted(found) == sorted(ranked)
        assert found == spread(ranked, owner, share, window, good)
        top, rest = found[:window], found[window:]
        held = Counter(entry[1] for entry in top if entry[1] and entry[2])
        if any(count > share for count in held.values()):
            full = {name for name, count in held.items() if count >= share}
            assert not [entry for entry in rest if entry[2] and entry[1] not in full]
        for part in {name for _, name, _ in ranked if name}:
            mine = [entry for entry in found if entry[1] == part and entry[2]]
            assert mine == [entry for entry in ranked if entry[1] == part and entry[2]]


def test_what_else_an_organisation_has_stands_with_its_first_entry() -> None:
    found = spread(entries("A A B A - C A -"), owner, window=4)
    assert names(found) == "A A B - A C A -"
    assert {place: names(others) for place, others in further(found, 4, owner).items()} == {0: "A A"}
    assert further(found, 0, owner) == {}


@pytest.mark.parametrize(("share", "window"), [(0, 10), (2, 0)])
def test_a_share_or_window_of_nothing_is_an_error(share: int, window: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        spread(entries("A B"), owner, share, window)
