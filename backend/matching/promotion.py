"""Puts new weights of the ranker in place if they are better than the present ones, and takes them back."""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backend.matching import ranker
from backend.matching.evaluation import ModelOf, calibrated, means, systems
from backend.matching.judging import Judged, Material
from backend.matching.training import Fitted, as_text, read_fitted
from embeddings.evaluation.metrics import MEASURES
from embeddings.evaluation.report import System
from embeddings.evaluation.significance import compare_paired
from embeddings.files import replaced

ROUNDING = 1e-4
"""Differences of nDCG up to this size are none."""
BETTER_CALIBRATED = 0.99
"""Log loss on held-out pairs must fall to this part of the present one to count as better."""


def previous_file(path: Path) -> Path:
    """Where the weights that stood before lie."""
    return path.with_name("weights.previous.json")


def present(path: Path) -> Fitted:
    """The model in use: that of the installation if it is there and whole, else the packaged one.

    A packaged one that was fitted for other features is what `ranker.packaged` makes of it, and has no folds.
    """
    for file in (path, ranker.WEIGHTS_FILE):
        with contextlib.suppress(OSError, ValueError):
            return read_fitted(file)
    return Fitted(ranker.packaged(), (), {})


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may take the place of the present weights, with the reasons."""

    better: bool
    reasons: tuple[str, ...]


def verdict(sets: Mapping[str, Mapping[str, Any]], decisions: Mapping[str, Any] | None) -> Verdict:
    """The rule of promotion.

    1. On no set is the mean nDCG@10 of the candidate lower, and on recorded decisions its log loss is not higher.
    2. On at least one set nDCG@10 is higher, or the candidate is better calibrated: the mean over the sets of log loss
       on held-out pairs falls by at least one part in a hundred.

    Both sides judge every need by the weights of the fold that has not seen it. Without a set nothing is promoted.
    """
    worse, higher, losses = [], [], [0.0, 0.0]
    for name, found in sets.items():
        change = found["differences"]["ndcg@10"]["mean"] if found["differences"] else 0.0
        if change < -ROUNDING:
            worse.append(f"nDCG@10 on {name} falls by {-change:.4f}")
        elif change > ROUNDING:
            higher.append(f"nDCG@10 on {name} rises by {change:.4f}")
        losses[0] += found["present"]["calibration"]["log_loss"] / len(sets)
        losses[1] += found["candidate"]["calibration"]["log_loss"] / len(sets)
    if decisions:
        before, after = (decisions[side]["log_loss"] for side in ("present", "candidate"))
        if after > before:
            worse.append(f"log loss on decisions rises from {before:.4f} to {after:.4f}")
    if not sets:
        return Verdict(False, ("there is no judged set to compare on",))
    if worse:
        return Verdict(False, tuple(worse))
    if losses[1] <= BETTER_CALIBRATED * losses[0]:
        higher.append(f"log loss on held-out pairs falls from {losses[0]:.4f} to {losses[1]:.4f}")
    return Verdict(bool(higher), tuple(higher) or ("no set is ranked better, and the calibration is no better",))


def held_out_for(material: Material, path: Path) -> ModelOf | None:
    """The weights of the folds, if the model in use was fitted on one of the files of this set."""
    with contextlib.suppress(ValueError):
        fitted = present(path)
        known = {digest for used in fitted.provenance.get("sets", ()) for digest in used["sha256"].values()}
        if fitted.folds and known & set(material.sources.values()):
            return fitted.unseen
    return None


def compare(before: Fitted, after: Fitted, materials: Sequence[Material], decided: Material | None) -> dict[str, Any]:
    """Present and candidate side by side on held-out needs: measures, paired test, calibration, and the verdict.

    Raises ValueError if the candidate was fitted for another encoder than the sets were ranked with.
    """
    made_for = after.provenance.get("encoder")
    for material in materials:
        if made_for is not None and made_for != material.encoder:
            raise ValueError(f"the candidate was fitted with the encoder {made_for}, not with {material.encoder}")
    sets = {}
    for number, material in enumerate(materials, 1):
        name = material.name if material.name not in sets else f"{material.name} ({number})"
        sets[name] = _on_set(before, after, material)
    decisions = None
    if decided and any(j.docs for j in decided.judged):
        graded = [(j, decided.relevant_from) for j in decided.judged]
        decisions = {
            "needs": len(decided.judged),
            "present": calibrated(graded, before.unseen),
            "candidate": calibrated(graded, after.unseen),
        }
    found = verdict(sets, decisions)
    return {
        "present": before.weights.version,
        "candidate": after.weights.version,
        "sets": sets,
        "decisions": decisions,
        "better": found.better,
        "reasons": list(found.reasons),
    }


def _on_set(before: Fitted, after: Fitted, material: Material) -> dict[str, Any]:
    graded = [(j, material.relevant_from) for j in material.judged]
    found: dict[str, Any] = {}
    measured: dict[str, System] = {}
    for side, fitted in (("present", before), ("candidate", after)):
        judged = [j.rescored(fitted.unseen(j)) for j in material.judged]
        measured[side] = _by_need(judged, systems(judged, material.relevant_from)[-1])
        found[side] = {**means([measured[side]])["ranked"], "calibration": calibrated(graded, fitted.unseen)}
    old, new = measured["present"].scores, measured["candidate"].scores
    found["needs"] = len(old[MEASURES[0]])
    found["differences"] = {}
    for measure in MEASURES if found["needs"] else ():
        compared = compare_paired(old[measure], new[measure])
        interval = compared.difference
        found["differences"][measure.lower()] = {
            "mean": interval.mean,
            "low": interval.low,
            "high": interval.high,
            "p_value": compared.p_value,
        }
    return found


def _by_need(judged: Sequence[Judged], system: System) -> System:
    """The mean over the texts of a need: several texts of one need are no independent observations."""
    group = {j.need: j.group for j in judged}
    scores: dict[str, dict[str, float]] = {}
    for measure, values in system.scores.items():
        of_group: dict[str, list[float]] = {}
        for need, value in values.items():
            of_group.setdefault(group[need], []).append(value)
        scores[measure] = {name: sum(found) / len(found) for name, found in of_group.items()}
    return replace(system, scores=scores)


def promote(
    candidate: Fitted, comparison: Mapping[str, Any], path: Path, *, date: str, reason: str | None, keep: bool = True
) -> None:
    """Put a candidate in place at `path`, whether it is better or not: the caller has asked the verdict.

    The file that stood there is kept beside it, unless `keep` is false; if the packaged weights were in use, none is.
    The provenance says what it was compared with, and keeps the reason of a forced promotion. Raises OSError.
    """
    kept = {name: comparison[name] for name in ("present", "better", "reasons")}
    promoted = {"date": date, "over": kept["present"], "better": kept["better"], "reasons": kept["reasons"]}
    if reason:
        promoted["forced"] = reason
    content = as_text(replace(candidate, provenance={**candidate.provenance, "promoted": promoted}))
    path.parent.mkdir(parents=True, exist_ok=True)
    if keep:
        previous = previous_file(path)
        if path.exists():
            _write(previous, path.read_text(encoding="utf-8"))
        else:
            previous.unlink(missing_ok=True)
    _write(path, content)


def back(path: Path) -> str:
    """Return to the weights that stood before the last promotion; done twice, it undoes itself.

    Returns what is in use now. Raises FileNotFoundError if nothing was promoted here, ValueError if the former file is
    damaged.
    """
    previous = previous_file(path)
    if previous.exists():
        former = previous.read_text(encoding="utf-8")
        version = ranker.parse(former).version
        if path.exists():
            _write(previous, path.read_text(encoding="utf-8"))
            _write(path, former)
        else:
            os.replace(previous, path)
        return f"the weights {version}"
    if not path.exists():
        raise FileNotFoundError("nothing was promoted in this installation: the packaged weights are in use")
    os.replace(path, previous)
    return f"the packaged weights {ranker.packaged().version}"


def _write(path: Path, content: str) -> None:
    """All or nothing: a reader finds the old file or the new one."""
    with replaced(path) as file:
        os.chmod(file.fileno(), 0o644)
        file.write(content.encode())


def as_lines(comparison: Mapping[str, Any]) -> Iterable[str]:
    """A comparison as plain text."""
    yield f"present {comparison['present']}, candidate {comparison['candidate']}, held out by need"
    rows = [*comparison["sets"].items(), *([("decisions", comparison["decisions"])] if comparison["decisions"] else [])]
    for name, found in rows:
        yield f"{name}: {found['needs']} needs"
        for measure, difference in found.get("differences", {}).items():
            yield (
                f"  {measure:<10} {found['present'][measure]:.4f}  {found['candidate'][measure]:.4f}  "
                f"{difference['mean']:+.4f} [{difference['low']:+.4f}, {difference['high']:+.4f}]  "
                f"p {difference['p_value']:.4f}"
            )
        sides = [found[side].get("calibration", found[side]) for side in ("present", "candidate")]
        for figure in ("log_loss", "expected_calibration_error"):
            yield f"  {figure.replace('_', ' '):<27} {sides[0][figure]:.4f}  {sides[1][figure]:.4f}"
        for grade in sides[0]["grades"]:
            shares = [f"{side['grades'][grade]['hits']}/{side['grades'][grade]['total']}" for side in sides]
            yield f"  useful of {grade:<10} {shares[0]:>10}  {shares[1]:>10}"
    yield f"{'better' if comparison['better'] else 'not better'}: {'; '.join(comparison['reasons'])}"
