"""Shows systems side by side: a plain text table for people, a dict for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from embeddings.evaluation.metrics import MEASURES, Scores
from embeddings.evaluation.significance import bootstrap_interval, compare_paired


@dataclass(frozen=True, slots=True)
class System:
    """A named way of ranking and what `metrics.evaluate` found for it."""

    name: str
    scores: Scores


def as_dict(systems: Sequence[System], *, seed: int = 0) -> dict[str, Any]:
    """Means with 95 % intervals, and each system's difference from the first one.

    Returns:
        {"queries": n, "baseline": name, "systems": {name: {measure: {"mean", "low", "high"}}},
        "differences": {name: {measure: {"mean", "low", "high", "p_value"}}}}; values are plain floats.

    Raises:
        ValueError: if there is no system, two share a name, or they were measured on other queries.
    """
    if not systems:
        raise ValueError("a report needs at least one system")
    if len({system.name for system in systems}) < len(systems):
        raise ValueError("two systems have the same name")
    first = systems[0]
    measures = [name for name in MEASURES if first.scores.get(name)]
    if not measures:
        raise ValueError("no query has a relevant document, so there is nothing to report")
    means = {
        system.name: {
            measure: asdict(bootstrap_interval(list(system.scores[measure].values()), seed=seed))
            for measure in measures
        }
        for system in systems
    }
    differences: dict[str, dict[str, dict[str, float]]] = {}
    for system in systems[1:]:
        differences[system.name] = {}
        for measure in measures:
            compared = compare_paired(first.scores[measure], system.scores[measure], seed=seed)
            differences[system.name][measure] = {**asdict(compared.difference), "p_value": compared.p_value}
    return {
        "queries": len(first.scores[measures[0]]),
        "baseline": first.name,
        "systems": means,
        "differences": differences,
    }


def table(systems: Sequence[System], *, seed: int = 0) -> str:
    """The same as plain text, one line per system: mean [low, high]; * marks p < 0.05 against the first system.

    Raises:
        ValueError: as `as_dict`.
    """
    report = as_dict(systems, seed=seed)
    measures = list(next(iter(report["systems"].values())))
    lines = [["system", *measures]]
    for name, values in report["systems"].items():
        cells = [name]
        for measure in measures:
            value = values[measure]
            p_value = report["differences"].get(name, {}).get(measure, {}).get("p_value", 1.0)
            mark = "*" if p_value < 0.05 else " "
            cells.append(f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]{mark}")
        lines.append(cells)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    foot = f"{report['queries']} queries; mean [95 % bootstrap interval]"
    if len(systems) > 1:
        foot += f"; * p < 0.05 against {report['baseline']} (paired randomisation test)"
    return "\n".join([rows[0], "-" * len(rows[0]), *rows[1:], foot])
