"""Fits the weights of the ranker on judged needs, and says how they do on needs that were held out.

Two steps. The first finds in which order the candidates of a need should stand: the slopes make the useful ones likely
before the others of the same need (the listwise loss of Z. Cao et al. 2007, ListNet, with gains 2^grade - 1). The
second turns that score, and what is known of the query as a whole, into a probability by logistic regression. The sum
of both is one linear model.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.matching.evaluation import abstention, calibrated, means, systems
from backend.matching.features import OF_THE_QUERY
from backend.matching.judging import CERTAIN, POOL, Judged, Material
from backend.matching.ranker import LEAST_SHARED_WORDS, NAMES, Weights, check_features, parse
from embeddings.evaluation.calibration import threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 10
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Inverse strengths of the regularisation of the order that are tried."""
CERTAINTY = 100.0
"""scikit-learn's C of the second step, which has a handful of numbers to find and thousands of pairs."""
TINY = 1e-9
LEAST_PAIRS = 20
"""The pairs of a need share its weight, but one pair never has more than this part of it: a need with a single
decision must not count as much as one that was judged in full."""


class TooLittle(ValueError):
    """The material cannot be learnt from: no pairs, or all of them useful, or none."""


@dataclass(frozen=True)
class Fitted:
    """Weights, the weights of each fold (fitted without the needs of that fold), and where they come from."""

    weights: Weights
    folds: tuple[Weights, ...]
    provenance: Mapping[str, Any]

    def unseen(self, judged: Judged) -> Weights:
        """The weights that have not seen this need; without folds, those in use."""
        return self.folds[fold_of(judged, len(self.folds))] if self.folds else self.weights


@dataclass(frozen=True)
class _Pairs:
    """All pairs in rows: features (n, f), gain (n,), text (n,), useful (n,), weight (n,), fold (n,), words in common
    (n,), how much the grade counts (n,). `text` numbers the ranked texts from 0; its rows are consecutive."""

    matrix: "NDArray[np.float64]"
    gain: "NDArray[np.float64]"
    text: "NDArray[np.int64]"
    useful: "NDArray[np.int64]"
    weight: "NDArray[np.float64]"
    fold: "NDArray[np.int64]"
    shared: "NDArray[np.int64]"
    mass: "NDArray[np.float64]"


def fold_of(judged: Judged, folds: int = FOLDS) -> int:
    """The fold of a need: all its texts fall in the same, whatever file they come from."""
    return int(judged.group, 16) % folds


def train(
    materials: Sequence[Material],
    *,
    strong: float = 0.8,
    possible: float = 0.4,
    date: str,
) -> Fitted:
    """A model of "a reader calls the match useful", linear in the features.

    Features are scaled for the fit and the slopes given back for the raw values. Every need has the same weight
    (times that of its set), shared by its texts and their pairs; the two classes are not balanced, since the
    probabilities shall be the true shares. The regularisation is chosen by log loss on held-out needs.

    Args:
        materials: ranked with any weights, with one encoder.
        strong, possible: the precision that the grades 强 and 可能 shall have on held-out needs; the thresholds are the
            lowest probabilities that reach them. Where none does the grade begins at 1, that is, never.
        date: when the fit was made, for the provenance.

    Raises:
        TooLittle: if there is nothing to learn from.
        ValueError: if the materials were ranked with different encoders.
    """
    import sklearn
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    encoders = {material.encoder for material in materials}
    if len(encoders) > 1:
        raise ValueError(f"ranked with different encoders: {', '.join(sorted(encoders))}")
    pairs = _pairs(materials)
    # The matrices are so small that several threads only wait for one another.
    with threadpool_limits(1):
        tried = {strength: _held_out(pairs, strength) for strength in STRENGTHS}
    losses = {strength: _loss(pairs, found) for strength, (found, _folds) in tried.items()}
    best = min(STRENGTHS, key=lambda strength: (losses[strength], strength))
    probabilities, fold_models = tried[best]
    certain = pairs.mass >= CERTAIN
    begin_strong, begin_possible = thresholds(
        probabilities[certain], pairs.useful[certain], pairs.shared[certain], strong, possible
    )
    final = replace(
        _fit(pairs, np.ones(len(pairs.useful), dtype=bool), best), strong=begin_strong, possible=begin_possible
    )
    folds = tuple(replace(model, strong=begin_strong, possible=begin_possible) for model in fold_models)
    fitted = Fitted(final, folds, {})
    provenance = {
        "date": date,
        "version": final.version,
        "encoder": next(iter(encoders)),
        "scikit_learn": sklearn.__version__,
        "features": list(NAMES),
        "regularisation": {"C": best, "held_out_log_loss": {str(s): round(loss, 6) for s, loss in losses.items()}},
        "wanted_precision": {"strong": strong, "possible": possible},
        "sets": [_figures(material, fitted) for material in materials],
        "held_out": {name: value for name, value in held_out(materials, fitted).items() if name != "bins"},
    }
    return replace(fitted, provenance=provenance)


def _pairs(materials: Sequence[Material]) -> _Pairs:
    rows: list[list[float]] = []
    gain: list[float] = []
    text: list[int] = []
    useful: list[int] = []
    weight: list[float] = []
    fold: list[int] = []
    shared: list[int] = []
    mass: list[float] = []
    numbers: dict[int, int] = {}
    needs = 0
    for material in materials:
        of_need: dict[str, list[tuple[Judged, Any, int]]] = {}
        for judged in material.judged:
            of_need.setdefault(judged.group, []).extend((judged, scored, grade) for scored, grade in judged.graded())
        needs += len(of_need) if material.weight else 0
        for found in of_need.values():
            for judged, scored, grade in found:
                rows.append(list(asdict(scored.features).values()))
                gain.append(2.0**grade - 1)
                text.append(numbers.setdefault(id(judged), len(numbers)))
                useful.append(int(grade >= material.relevant_from))
                mass.append(judged.weight(scored))
                weight.append(material.weight * mass[-1] / max(len(found), LEAST_PAIRS))
                fold.append(fold_of(judged))
                shared.append(scored.shared_words)
    if len(set(useful)) < 2:
        raise TooLittle("the judged needs hold no useful match, or nothing else: there is nothing to learn from")
    scale = np.array(weight)
    if not scale.sum() > 0:
        raise TooLittle("all sets have the weight 0")
    # The regularisation is as strong for many texts of a need as for one: what counts is the number of needs.
    scale *= needs * POOL / scale.sum()
    return _Pairs(
        np.array(rows),
        np.array(gain),
        np.array(text),
        np.array(useful),
        scale,
        np.array(fold),
        np.array(shared, dtype=np.int64),
        np.array(mass),
    )


def _fit(pairs: _Pairs, chosen: "NDArray[np.bool_]", strength: float) -> Weights:
    """Order first, then probability, on some of the pairs; raises TooLittle."""
    from sklearn.linear_model import LogisticRegression

    if len(set(pairs.useful[chosen])) < 2:
        raise TooLittle("too few needs: without those of one fold there is nothing to learn from")
    matrix, weight = pairs.matrix[chosen], pairs.weight[chosen]
    order = _order(matrix, pairs.gain[chosen], pairs.text[chosen], weight, pairs.mass[chosen], strength)
    shared = np.array([name in OF_THE_QUERY for name in NAMES])
    inputs = np.column_stack([matrix @ order, matrix[:, shared]])
    middle, scale = inputs.mean(axis=0), inputs.std(axis=0) + TINY
    model = LogisticRegression(C=CERTAINTY, max_iter=5000).fit(
        (inputs - middle) / scale, pairs.useful[chosen], sample_weight=weight
    )
    found = model.coef_[0] / scale
    slopes = order * found[0]
    slopes[shared] += found[1:]
    intercept = float(model.intercept_[0] - found @ middle)
    named = {name: round(float(slope), 6) for name, slope in zip(NAMES, slopes, strict=True)}
    return Weights(round(intercept, 6), named, 1.0, 1.0)


def _order(
    matrix: "NDArray[np.float64]",
    gain: "NDArray[np.float64]",
    text: "NDArray[np.int64]",
    weight: "NDArray[np.float64]",
    mass: "NDArray[np.float64]",
    strength: float,
) -> "NDArray[np.float64]":
    """Slopes (f,) that put the candidates of each text in order; 0 for what all candidates of a text share.

    The loss of a text is the cross entropy between the shares of its gain and the softmax of its scores; a text without
    any gain has none. A candidate with a small mass takes that part of its place. `strength` is the inverse strength of
    the regularisation, for features scaled within texts.
    """
    from scipy.optimize import minimize

    texts, number = np.unique(text, return_inverse=True)
    gain = gain * mass
    total = np.bincount(number, gain, len(texts))
    share = np.divide(gain, total[number], out=np.zeros_like(gain), where=total[number] > 0)
    of_text = np.bincount(number, weight, len(texts)) * (total > 0) / POOL
    counts = np.bincount(number, minlength=len(texts))
    means = np.stack([np.bincount(number, column, len(texts)) / counts for column in matrix.T], axis=1)
    inside = matrix - means[number]
    spread = inside.std(axis=0)
    scaled = inside / (spread + TINY) * (spread > TINY)
    wanted = (share * of_text[number]) @ scaled

    def loss(slopes: "NDArray[np.float64]") -> "tuple[float, NDArray[np.float64]]":
        scores = scaled @ slopes
        highest = np.full(len(texts), -np.inf)
        np.maximum.at(highest, number, scores)
        raised = mass * np.exp(scores - highest[number])
        sums = np.bincount(number, raised, len(texts))
        chance = raised / sums[number] * of_text[number]
        value = of_text @ (np.log(sums) + highest) - wanted @ slopes + slopes @ slopes / (2 * strength)
        return float(value), chance @ scaled - wanted + slopes / strength

    start = np.zeros(matrix.shape[1])
    found: NDArray[np.float64] = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return np.where(spread > TINY, found / (spread + TINY), 0.0)


def _held_out(pairs: _Pairs, strength: float) -> "tuple[NDArray[np.float64], list[Weights]]":
    """The probability of every pair by a model that has not seen its need, and the models of the folds."""
    probabilities = np.zeros(len(pairs.useful))
    models = []
    for number in range(FOLDS):
        held = pairs.fold == number
        model = _fit(pairs, ~held, strength)
        odds = model.intercept + pairs.matrix[held] @ np.array([model.slopes[name] for name in NAMES])
        probabilities[held] = 1 / (1 + np.exp(-np.clip(odds, -60, 60)))
        models.append(model)
    return probabilities, models


def _loss(pairs: _Pairs, probabilities: "NDArray[np.float64]") -> float:
    clipped = np.clip(probabilities, 1e-9, 1 - 1e-9)
    losses = -(pairs.useful * np.log(clipped) + (1 - pairs.useful) * np.log1p(-clipped))
    return float(np.average(losses, weights=pairs.weight))


def thresholds(
    probabilities: "NDArray[np.float64]",
    useful: "NDArray[np.int64]",
    shared: "NDArray[np.int64]",
    strong: float,
    possible: float,
) -> tuple[float, float]:
    """Where 强 and 可能 begin, so that the pairs that get each grade have the wanted precision; 1 where none does."""
    may_be_strong = shared >= LEAST_SHARED_WORDS
    found = threshold(probabilities[may_be_strong], useful[may_be_strong], strong)
    begin_strong = 1.0 if found is None else _down(found)
    rest = ~(may_be_strong & (probabilities >= begin_strong))
    found = threshold(probabilities[rest], useful[rest], possible)
    return begin_strong, begin_strong if found is None else min(begin_strong, _down(found))


def _down(value: float) -> float:
    return math.floor(value * 1e6) / 1e6


def held_out(materials: Sequence[Material], fitted: Fitted) -> dict[str, Any]:
    """Calibration over the pairs of all sets by weights that have not seen their needs."""
    return calibrated([(j, m.relevant_from) for m in materials for j in m.judged], fitted.unseen)


def _figures(material: Material, fitted: Fitted) -> dict[str, Any]:
    """One set as the provenance keeps it: what it was, and what held-out weights make of it."""
    judged = [j.rescored(fitted.unseen(j)) for j in material.judged]
    complete = [j for j in judged if j.complete]
    return {
        "name": material.name,
        "sha256": dict(material.sources),
        "weight": material.weight,
        "relevant_from": material.relevant_from,
        "texts": len(judged),
        "needs": len({j.group for j in judged}),
        "held_out": means(systems(complete, material.relevant_from))["ranked"] if complete else None,
        "silent": abstention(complete, material.relevant_from) if complete else None,
    }


def as_text(fitted: Fitted) -> str:
    """The file of a model."""
    content = {
        "provenance": dict(fitted.provenance),
        "weights": asdict(fitted.weights),
        "folds": [{"intercept": model.intercept, "slopes": dict(model.slopes)} for model in fitted.folds],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def read_fitted(path: Path) -> Fitted:
    """A model from its file; raises OSError, or ValueError where it is damaged or was fitted for other features."""
    content = path.read_text(encoding="utf-8")
    weights = parse(content)
    data = json.loads(content)
    try:
        folds = tuple(
            parse(json.dumps({"weights": {**row, "strong": weights.strong, "possible": weights.possible}}))
            for row in data.get("folds", [])
        )
        provenance = dict(data.get("provenance", {}))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    for model in (weights, *folds):
        check_features(model)
    return Fitted(weights, folds, provenance)
