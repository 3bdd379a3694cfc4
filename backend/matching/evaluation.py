"""How well the site ranks judged needs: what `yiqiao evaluate` measures and reports.

docs/evaluation.md describes every field of the report.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from backend.matching.judging import Judged, Material
from backend.matching.labels import GRADES
from backend.matching.ranker import Grade, Weights
from backend.matching.scoring import Scored
from embeddings.evaluation import calibration
from embeddings.evaluation.metrics import evaluate
from embeddings.evaluation.report import System
from embeddings.evaluation.significance import bootstrap_interval, compare_paired

SYSTEMS = ("lexical", "dense", "fused", "ranked")
"""BM25 alone, cosine alone, both fused by reciprocal rank, and what the site shows."""
SHOWN = 10

ModelOf = Callable[[Judged], Weights]
"""The weights by which a need is judged: those in use, or those of the fold that has not seen it."""


def _score(name: str, found: Scored) -> float:
    match name:
        case "lexical":
            return found.candidate.lexical
        case "dense":
            return found.candidate.dense
        case "fused":
            return found.candidate.fused
        case _:
            return found.probability


def rankings(judged: Judged) -> dict[str, list[str]]:
    """The documents of one need by each system, best first; a method's ranking holds what it has found alone."""
    ranked = {}
    for name in SYSTEMS:
        scored = [(_score(name, found), doc) for found, doc in zip(judged.scored, judged.docs, strict=True)]
        found_by = scored if name == "ranked" else [pair for pair in scored if pair[0]]
        ranked[name] = [doc for _score_, doc in sorted(found_by, key=lambda pair: -pair[0])]
    return ranked


def systems(judged: Sequence[Judged], relevant_from: int) -> list[System]:
    """Lexical, dense and fused rankings beside the one that the site shows, measured on the same needs.

    A need whose documents all lie below `relevant_from` is left out; ids of needs must be different.
    """
    relevance = {j.need: j.grades for j in judged}
    found = {j.need: rankings(j) for j in judged}
    return [
        System(name, evaluate({need: r[name] for need, r in found.items()}, relevance, relevant_from=relevant_from))
        for name in SYSTEMS
    ]


def means(measured: Sequence[System]) -> dict[str, dict[str, float | None]]:
    """System to measure (in small letters) to its mean over needs; None where no need could be measured."""
    return {
        system.name: {
            measure.lower(): sum(values.values()) / len(values) if values else None
            for measure, values in system.scores.items()
        }
        for system in measured
    }


def calibrated(judged: Iterable[tuple[Judged, int]], model_of: ModelOf) -> dict[str, Any]:
    """Reliability curve, errors, and the precision of each grade, over the pairs of needs.

    Args:
        judged: needs, each with the grade from which a document is useful for it.
        model_of: the weights that judge a need.

    Raises:
        ValueError: where there is no pair.
    """
    probabilities, outcomes, grades = [], [], []
    for j, relevant_from in judged:
        model = model_of(j)
        for found, useful in j.pairs(relevant_from):
            probabilities.append(model.probability(found.features))
            outcomes.append(useful)
            grades.append(model.grade(probabilities[-1], found.shared_words))
    curve = calibration.reliability(probabilities, outcomes)
    of_grade = {}
    for grade in Grade:
        useful_ones = [useful for useful, given in zip(outcomes, grades, strict=True) if given is grade]
        of_grade[grade.value] = asdict(calibration.wilson(sum(useful_ones), len(useful_ones)))
    return {
        "pairs": len(outcomes),
        "useful": sum(outcomes),
        "log_loss": calibration.log_loss(probabilities, outcomes),
        "expected_calibration_error": calibration.expected_calibration_error(curve),
        "bins": [asdict(b) for b in curve],
        "grades": of_grade,
    }


def abstention(judged: Sequence[Judged], relevant_from: int) -> dict[str, Any]:
    """How often the site is silent, that is, shows nothing as 强 or 可能: rightly, and where there was an answer."""
    hopeless = [j for j in judged if not _answerable(j, relevant_from)]
    hopeful = [j for j in judged if _answerable(j, relevant_from)]
    return {
        "without_answer": asdict(calibration.wilson(sum(map(_silent, hopeless)), len(hopeless))),
        "with_answer": asdict(calibration.wilson(sum(map(_silent, hopeful)), len(hopeful))),
    }


def _answerable(judged: Judged, relevant_from: int) -> bool:
    return any(grade >= relevant_from for grade in judged.grades.values())


def _silent(judged: Judged) -> bool:
    return all(found.grade is Grade.WEAK for found in judged.scored)


def report(material: Material, model: Weights, *, held_out: ModelOf | None = None) -> dict[str, Any]:
    """Everything about one judged set, as JSON holds it and as the HTML report shows it.

    Args:
        material: ranked with any weights; each need once.
        model: the weights in use, by which the needs are ranked and graded here.
        held_out: for a set on which these weights were fitted: the weights that have not seen a need. The calibration
            is then measured with them.
    """
    judged, relevant_from = [j.rescored(model) for j in material.judged], material.relevant_from
    measured = systems(judged, relevant_from)
    used = next(iter(measured[-1].scores.values()))
    found = {
        "dataset": {
            "name": material.name,
            "needs": len(judged),
            "measured": len(used),
            "documents": len(material.titles),
            "sha256": dict(material.sources),
        },
        "relevant_from": relevant_from,
        "encoder": material.encoder,
        "weights": model.version,
        "systems": means(measured),
        "intervals": _intervals(measured) if used else {},
        "differences": differences(measured) if used else {},
        "calibration": None,
        "abstention": abstention(judged, relevant_from),
        "queries": [_of_need(j, measured, relevant_from, material.titles) for j in judged],
    }
    if any(j.pairs(relevant_from) for j in judged):
        of_pairs = calibrated([(j, relevant_from) for j in judged], held_out or (lambda _judged: model))
        found["calibration"] = {"held_out": held_out is not None, **of_pairs}
    return found


def _intervals(measured: Sequence[System]) -> dict[str, dict[str, dict[str, float]]]:
    bounds: dict[str, dict[str, dict[str, float]]] = {}
    for system in measured:
        bounds[system.name] = {}
        for measure, values in system.scores.items():
            interval = bootstrap_interval(list(values.values()))
            bounds[system.name][measure.lower()] = {"low": interval.low, "high": interval.high}
    return bounds


def differences(measured: Sequence[System]) -> dict[str, dict[str, dict[str, float]]]:
    """The last system against each other one: mean difference, its 95 % interval, and the paired p-value."""
    *others, last = measured
    return {
        other.name: {
            measure.lower(): {**asdict(compared.difference), "p_value": compared.p_value}
            for measure, values in other.scores.items()
            for compared in [compare_paired(values, last.scores[measure])]
        }
        for other in others
    }


def _of_need(
    judged: Judged, measured: Sequence[System], relevant_from: int, titles: Mapping[str, str]
) -> dict[str, Any]:
    place = {doc: rank for rank, doc in enumerate(judged.docs, 1)}
    best = min((found.grade for found in judged.scored), key=list(Grade).index, default=None)
    shown = zip(judged.docs[:SHOWN], judged.scored, strict=False)
    wanted = sorted(
        (doc for doc, grade in judged.grades.items() if grade >= relevant_from), key=judged.grades.__getitem__
    )
    return {
        "id": judged.need,
        "need": judged.text,
        "systems": {
            system.name: {measure.lower(): values[judged.need] for measure, values in system.scores.items()}
            for system in measured
            if judged.need in next(iter(system.scores.values()))
        },
        "grade": best.value if best else None,
        "label": GRADES[best] if best else None,
        "silent": _silent(judged),
        "wanted": [
            {"doc": doc, "title": titles.get(doc, ""), "judgement": judged.grades[doc], "rank": place.get(doc)}
            for doc in reversed(wanted)
        ],
        "ranked": [
            {
                "rank": rank,
                "doc": doc,
                "title": titles.get(doc, ""),
                "judgement": judged.grades.get(doc),
                "probability": found.probability,
                "grade": found.grade.value,
                "label": GRADES[found.grade],
            }
            for rank, (doc, found) in enumerate(shown, 1)
        ],
    }


def summary(found: Mapping[str, Any]) -> str:
    """A report as a few lines of plain text: means with intervals, and what is shown where nothing answers."""
    measures = list(found["systems"]["ranked"])
    lines = []
    if found["intervals"]:
        lines.append("".join(["system".ljust(9), *(measure.ljust(24) for measure in measures)]).rstrip())
        for name, values in found["systems"].items():
            cells = [name.ljust(9)]
            for measure in measures:
                bounds = found["intervals"][name][measure]
                worse = found["differences"].get(name, {}).get(measure, {"p_value": 1.0})["p_value"] < 0.05
                cell = f"{values[measure]:.3f} [{bounds['low']:.3f}, {bounds['high']:.3f}]{'*' if worse else ''}"
                cells.append(cell.ljust(24))
            lines.append("".join(cells).rstrip())
        lines.append("mean [95 % bootstrap interval]; * p < 0.05 against ranked (paired randomisation test)")
    data, silent = found["dataset"], found["abstention"]["without_answer"]
    lines.append(
        f"{data['measured']} of {data['needs']} needs have a document of grade {found['relevant_from']} or more; "
        f"for {silent['hits']} of the {silent['total']} others nothing is shown as strong or possible."
    )
    if found["calibration"]:
        shares = ", ".join(
            f"{grade} {share['hits']}/{share['total']}" for grade, share in found["calibration"]["grades"].items()
        )
        error = found["calibration"]["expected_calibration_error"]
        lines.append(f"Useful of each grade: {shares}; expected calibration error {error:.4f}.")
    return "\n".join(lines)
