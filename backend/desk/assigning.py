"""The best assignment of needs to organisations under caps. Plain data in and out.

A b-matching: each need takes part in so many pairs at most, each organisation in so many, and each pair is made once.
Its constraints are totally unimodular (A. Schrijver, Combinatorial Optimization, 2003, theorem 21.2), so the optimum of
the linear programme is whole already; HiGHS solves it by `scipy.optimize.milp`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

HALF = 0.5


@dataclass(frozen=True)
class Edge:
    """A need and an organisation that may be introduced, and the probability that it succeeds, 0 to 1."""

    need: str
    organisation: str
    probability: float


def assign(edges: Sequence[Edge], needs: Mapping[str, int], organisations: Mapping[str, int] | None) -> tuple[int, ...]:
    """The edges that make the most expected successes, as their places in ascending order.

    Args:
        edges: each pair of need and organisation at most once.
        needs: how many introductions each need may still take; one that is missing takes none.
        organisations: likewise for organisations; None lets each take any number.

    Raises:
        ValueError: for a pair that is there twice, or a probability out of its range.
        RuntimeError: if the solver gives up.
    """
    if len({(edge.need, edge.organisation) for edge in edges}) < len(edges):
        raise ValueError("a pair is there twice")
    if any(not 0 <= edge.probability <= 1 for edge in edges):
        raise ValueError("a probability lies between 0 and 1")
    if not edges:
        return ()
    rows: list[int] = []
    columns: list[int] = []
    limits: list[int] = []
    sides = [([edge.need for edge in edges], needs)]
    if organisations is not None:
        sides.append(([edge.organisation for edge in edges], organisations))
    for names, caps in sides:
        places = {name: len(limits) + place for place, name in enumerate(dict.fromkeys(names))}
        limits += [max(0, caps.get(name, 0)) for name in places]
        rows += [places[name] for name in names]
        columns += range(len(edges))
    table = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(limits), len(edges)))
    solved = milp(
        c=-np.array([edge.probability for edge in edges]),
        constraints=LinearConstraint(table, ub=np.array(limits, dtype=float)),
        integrality=np.ones(len(edges)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    if solved.x is None:
        raise RuntimeError(f"no assignment was found: {solved.message}")
    return tuple(int(place) for place in np.flatnonzero(solved.x > HALF))


def expected(edges: Sequence[Edge], chosen: Sequence[int]) -> float:
    """How many of the chosen introductions are expected to succeed."""
    return float(sum(edges[place].probability for place in chosen))
