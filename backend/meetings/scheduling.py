"""Who talks with whom, when and at which table: plain data in, plain data out.

Two steps. First the talks are chosen: a b-matching between the two sides that gives everybody at least one talk where
that is possible, and of all such choices the one with the greatest sum of probabilities (an integer program, solved by
HiGHS through SciPy). Nobody gets more talks than there are slots, and all together no more than slots times tables.

Then they are laid out. By Kőnig's theorem a bipartite graph has an edge colouring with as many colours as its greatest
degree (D. Kőnig, Über Graphen und ihre Anwendung auf Determinantentheorie und Mengenlehre, 1916); a colour is a slot.
Two colours can be balanced along an alternating path, so that no slot has more talks than another by more than one
(D. de Werra, Equitable colorations of graphs, 1971): what was chosen always fits, and nothing is lost by two steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

SECONDS = 10.0


@dataclass(frozen=True)
class Wish:
    """A talk that could be: who of the one side, who of the other, and how promising it is, 0 to 1."""

    id: str
    left: str
    right: str
    weight: float


@dataclass(frozen=True)
class Place:
    """Where a talk is: slot and table count from 1."""

    slot: int
    table: int


def schedule(wishes: Sequence[Wish], slots: int, tables: int) -> dict[str, Place]:
    """A place for as many talks as fit, by id; without a clash of persons or tables."""
    chosen = choose(wishes, slots, slots * tables)
    return seat(chosen, colour(chosen, slots), tables)


def choose(wishes: Sequence[Wish], slots: int, most: int) -> list[Wish]:
    """The talks to be held: everybody has one where that can be, then the greatest sum of weights."""
    if not wishes or slots < 1 or most < 1:
        return []
    people = sorted({("left", w.left) for w in wishes} | {("right", w.right) for w in wishes})
    number = {person: n for n, person in enumerate(people)}
    count, heads = len(wishes), len(people)
    # One variable for each talk, and one for each person who has a talk at all.
    gain = float(sum(1.0 + w.weight for w in wishes)) + 1.0
    costs = -np.concatenate([np.array([max(w.weight, 1e-6) for w in wishes]), np.full(heads, gain)])
    rows, columns, values = [], [], []
    for talk, wish in enumerate(wishes):
        for person in (("left", wish.left), ("right", wish.right)):
            rows += [number[person], heads + number[person]]
            columns += [talk, talk]
            values += [1.0, 1.0]
        rows.append(2 * heads)
        columns.append(talk)
        values.append(1.0)
    for head in range(heads):
        rows.append(heads + head)
        columns.append(count + head)
        values.append(-1.0)
    matrix = coo_array((values, (rows, columns)), shape=(2 * heads + 1, count + heads)).tocsc()
    lower = np.concatenate([np.full(heads, -np.inf), np.zeros(heads), [-np.inf]])
    upper = np.concatenate([np.full(heads, float(slots)), np.full(heads, np.inf), [float(most)]])
    found = milp(
        costs,
        integrality=np.ones(count + heads),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, lower, upper),
        options={"time_limit": SECONDS},
    )
    if found.x is None:
        return []
    return [wish for wish, taken in zip(wishes, found.x[:count], strict=True) if taken > 0.5]


class _Colouring:
    """The talk of each person in each slot; a slot is a colour, counted from 0."""

    def __init__(self, talks: Sequence[Wish], slots: int) -> None:
        self.talks, self.slots = talks, slots
        self.slot_of: dict[int, int] = {}
        self.at: dict[tuple[str, str], dict[int, int]] = {}

    def ends(self, talk: int) -> tuple[tuple[str, str], tuple[str, str]]:
        wish = self.talks[talk]
        return ("left", wish.left), ("right", wish.right)

    def put(self, talk: int, slot: int) -> None:
        self.slot_of[talk] = slot
        for person in self.ends(talk):
            self.at.setdefault(person, {})[slot] = talk

    def take(self, talk: int) -> None:
        slot = self.slot_of.pop(talk)
        for person in self.ends(talk):
            if self.at[person].get(slot) == talk:
                del self.at[person][slot]

    def free(self, person: tuple[str, str]) -> int:
        busy = self.at.get(person, {})
        return next(slot for slot in range(self.slots) if slot not in busy)

    def path(self, person: tuple[str, str], first: int, second: int) -> list[int]:
        """The talks of the alternating path that leaves a person by a talk of `first`."""
        found: list[int] = []
        slot = first
        while (talk := self.at.get(person, {}).get(slot)) is not None:
            found.append(talk)
            one, other = self.ends(talk)
            person = other if person == one else one
            slot = second if slot == first else first
        return found

    def swap(self, path: Sequence[int], first: int, second: int) -> None:
        before = {talk: self.slot_of[talk] for talk in path}
        for talk in path:
            self.take(talk)
        for talk, slot in before.items():
            self.put(talk, second if slot == first else first)

    def sizes(self) -> list[int]:
        counts = [0] * self.slots
        for slot in self.slot_of.values():
            counts[slot] += 1
        return counts


def colour(talks: Sequence[Wish], slots: int) -> dict[str, int]:
    """A slot for each talk, counted from 0, evenly filled; raises ValueError where somebody has more than `slots`."""
    if not talks:
        return {}
    made = _Colouring(talks, slots)
    for talk in range(len(talks)):
        one, other = made.ends(talk)
        try:
            left, right = made.free(one), made.free(other)
        except StopIteration:
            raise ValueError("somebody has more talks than there are slots") from None
        if left != right:
            # What is free on the left becomes free on the right as well; the path cannot come back to the left end.
            made.swap(made.path(other, left, right), left, right)
        made.put(talk, left)
    while True:
        sizes = made.sizes()
        most, least = int(np.argmax(sizes)), int(np.argmin(sizes))
        if sizes[most] - sizes[least] <= 1:
            break
        _shift(made, most, least)
    return {talks[talk].id: slot for talk, slot in made.slot_of.items()}


def _shift(made: _Colouring, most: int, least: int) -> None:
    """Move one talk from the fuller slot to the emptier one: there is a path with one more of the former."""
    for person, busy in list(made.at.items()):
        if most in busy and least not in busy:
            path = made.path(person, most, least)
            if len(path) % 2 == 1:
                made.swap(path, most, least)
                return
    raise AssertionError("two slots of different size have an odd path")


def seat(talks: Sequence[Wish], slots: Mapping[str, int], tables: int) -> dict[str, Place]:
    """A table for each talk, so that the left side changes tables as little as possible."""
    found: dict[str, Place] = {}
    home: dict[str, int] = {}
    for slot in sorted(set(slots.values())):
        waiting = sorted((w for w in talks if slots[w.id] == slot), key=lambda w: (w.left not in home, w.left))
        taken: set[int] = set()
        for wish in waiting:
            table = home.get(wish.left, 0)
            if not table or table in taken:
                spare = [n for n in range(1, tables + 1) if n not in taken]
                table = next((n for n in spare if n not in home.values()), spare[0])
            taken.add(table)
            home.setdefault(wish.left, table)
            found[wish.id] = Place(slot + 1, table)
    return found
