"""Calibrates the grades of the requirement × evidence table on judged pairs, and measures them on needs held out."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.evidence import Reading, Shown, evidence_table, pair_features
from embeddings.evidence_model import ANY_ENCODER, Model, PairFeatures
from embeddings.lexical import Idf, LexicalIndex
from embeddings.types import Encoder, Passage, Vector

FOLDS = 8
PRECISION = 0.8
"""Wanted share of rows shown as covered whose sentence was judged to cover the requirement."""
GRADES = {Shown.COVERED: 2, Shown.PARTLY: 1, Shown.NOT_SHOWN: 0}
_DIGITS = 4


@dataclass(frozen=True)
class JudgedRow:
    """One requirement of a need and all sentences of a subject, each with its grade.

    `grades` holds 2 covered, 1 partly, 0 not shown; a sentence that the file does not name counts as 0.
    """

    need: str
    requirement: str
    subject: str
    grades: tuple[int, ...]


@dataclass(frozen=True)
class Vectors:
    """Vectors of the requirements by text, shape (d,), and of the sentences of a subject, shape (n, d)."""

    requirements: Mapping[str, Vector]
    sentences: Mapping[str, Vector]


@dataclass(frozen=True)
class Judgements:
    """The judged rows, and the sentences of their subjects; `written` counts the pairs that the file names."""

    rows: Sequence[JudgedRow]
    passages: Mapping[str, Sequence[Passage]]
    written: int
    digest: str


def read_judgements(path: Path, passages: Mapping[str, Sequence[Passage]]) -> Judgements:
    """The rows of a file with the columns need, requirement, capability, sentence, grade.

    `passages` holds the sentences of each capability (position 1 onwards of `embeddings.passages`).

    Raises:
        ValueError: for a grade outside 0 to 2, or a sentence that its capability does not hold.
        KeyError: for a capability that is not in `passages`.
    """
    judged: dict[tuple[str, str, str], dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            grade = int(row["grade"])
            if not 0 <= grade <= 2:
                raise ValueError(f"{row['need']}, {row['capability']}: grade {grade} is not 0 to 2")
            judged.setdefault((row["need"], row["requirement"], row["capability"]), {})[row["sentence"]] = grade
    rows = []
    for (need, requirement, subject), grades in judged.items():
        texts = [passage.text for passage in passages[subject]]
        lost = grades.keys() - set(texts)
        if lost:
            raise ValueError(f"{need}, {subject}: no such sentence any more: {min(lost)}")
        rows.append(JudgedRow(need, requirement, subject, tuple(grades.get(text, 0) for text in texts)))
    held = {row.subject: passages[row.subject] for row in rows}
    written = sum(map(len, judged.values()))
    return Judgements(rows, held, written, hashlib.sha256(path.read_bytes()).hexdigest())


def encode(judgements: Judgements, encoder: Encoder, *, bare: bool = False) -> Vectors:
    """Vectors as the site has them: of the sentences with their title, or of the bare ones."""
    texts = sorted({row.requirement for row in judgements.rows})
    subjects = sorted(judgements.passages)
    flat = [p.text if bare else p.encoded for subject in subjects for p in judgements.passages[subject]]
    rows, ends = encoder.encode_passages(flat), np.cumsum([len(judgements.passages[s]) for s in subjects])
    return Vectors(
        dict(zip(texts, encoder.encode_queries(texts), strict=True)),
        dict(zip(subjects, np.split(rows, ends[:-1]), strict=True)),
    )


def calibrate(judgements: Judgements, vectors: Vectors | None, encoder: str, idf: Idf) -> tuple[Model, dict[str, Any]]:
    """Fit weights and thresholds on all rows; with them figures of FOLDS folds in which each need is held out once.

    Without vectors the model judges by words and figures alone.
    """
    examples = [_features(row, judgements, vectors, idf) for row in judgements.rows]
    needs = sorted({row.need for row in judgements.rows})
    outcomes: list[Outcome] = []
    for fold in range(FOLDS):
        held = set(needs[fold::FOLDS])
        known = [(r, f) for r, f in zip(judgements.rows, examples, strict=True) if r.need not in held]
        model = _fit([r for r, _f in known], [f for _r, f in known], judgements, vectors, encoder, idf)
        outcomes += outcomes_of([r for r in judgements.rows if r.need in held], judgements, vectors, model, idf)
    model = _fit(judgements.rows, examples, judgements, vectors, encoder, idf)
    return model, figures(outcomes)


@dataclass(frozen=True)
class Outcome:
    """A row of the table beside its judgement: the grade shown, that of its sentence, and the best there is."""

    shown: int
    sentence: int
    best: int


def outcomes_of(
    rows: Sequence[JudgedRow], judgements: Judgements, vectors: Vectors | None, model: Model, idf: Idf
) -> list[Outcome]:
    """The table that the site would show for judged rows, beside the judgements."""
    found = []
    for row in rows:
        texts = [passage.text for passage in judgements.passages[row.subject]]
        asked, said = _vectors(row, vectors, len(texts))
        (shown,) = evidence_table([row.requirement], asked[None, :], texts, said, idf, model)
        sentence = row.grades[texts.index(shown.sentence)] if shown.sentence else 0
        found.append(Outcome(GRADES[shown.grade], sentence, max(row.grades)))
    return found


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Shares of outcomes: how far the grades that are shown can be believed, and how much is found."""
    quoted = [o for o in outcomes if o.shown]
    covered = [o for o in outcomes if o.shown == GRADES[Shown.COVERED]]
    silent = [o for o in outcomes if not o.shown]
    answerable = [o for o in outcomes if o.best]
    table = Counter((o.shown, o.best) for o in outcomes)
    return {
        "rows": len(outcomes),
        "covered": {"shown": len(covered), "precision": _share(o.sentence == 2 for o in covered)},
        "covered_or_partly": {"shown": len(quoted), "precision": _share(o.sentence >= 1 for o in quoted)},
        "covered_but_nothing_there": sum(o.best == 0 for o in covered),
        "not_shown": {"shown": len(silent), "precision": _share(o.best == 0 for o in silent)},
        "right_sentence_where_quoted": _share(o.sentence == o.best for o in quoted if o.best),
        "found_of_what_is_there": _share(o.shown > 0 and o.sentence > 0 for o in answerable),
        "same_grade": _share(o.shown == o.best for o in outcomes),
        "shown_by_judged": {f"{shown} shown, {best} judged": n for (shown, best), n in sorted(table.items())},
    }


def _share(values: Any) -> float:
    held = [bool(value) for value in values]
    return round(sum(held) / len(held), 3) if held else 0.0


def _vectors(row: JudgedRow, vectors: Vectors | None, count: int) -> tuple[Vector, Vector]:
    if vectors is None:
        return np.zeros(1, dtype=np.float32), np.zeros((count, 1), dtype=np.float32)
    return vectors.requirements[row.requirement], vectors.sentences[row.subject]


def _features(row: JudgedRow, judgements: Judgements, vectors: Vectors | None, idf: Idf) -> list[PairFeatures]:
    readings = [Reading(passage.text) for passage in judgements.passages[row.subject]]
    asked, said = _vectors(row, vectors, len(readings))
    return pair_features(row.requirement, readings, said @ asked, idf)


def _fit(
    rows: Sequence[JudgedRow],
    examples: Sequence[Sequence[PairFeatures]],
    judgements: Judgements,
    vectors: Vectors | None,
    encoder: str,
    idf: Idf,
) -> Model:
    """Logistic regression on both steps of the grades at once, then the two thresholds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    matrix = np.array([pair.values() for pairs in examples for pair in pairs])
    grades = np.array([grade for row in rows for grade in row.grades])
    scaler = StandardScaler().fit(matrix)
    scaled = scaler.transform(matrix)
    # Each pair counts twice: does it show anything, does it cover. So one score serves both thresholds.
    both, answers = np.concatenate([scaled, scaled]), np.concatenate([grades >= 1, grades >= 2])
    fitted = LogisticRegression(C=1.0, max_iter=2000).fit(both, answers)
    scale: NDArray[np.float64] = np.where(scaler.scale_ > 0, scaler.scale_, 1.0)
    slopes = fitted.coef_[0] / scale
    weights = [round(float(slope), _DIGITS) for slope in slopes]
    intercept = round(float(fitted.intercept_[0] - slopes @ scaler.mean_), _DIGITS)
    cosine, coverage, met, missed, lacking = weights
    model = Model(encoder, intercept, cosine, coverage, met, missed, lacking, partly=0.0, covered=0.0)
    return _with_thresholds(model, rows, examples)


def _with_thresholds(model: Model, rows: Sequence[JudgedRow], examples: Sequence[Sequence[PairFeatures]]) -> Model:
    """COVERED from the lowest score that keeps PRECISION; PARTLY where most rows fall on the right side."""
    best: list[tuple[float, int, bool]] = []
    for row, pairs in zip(rows, examples, strict=True):
        score, grade, pair = max(zip(map(model.score, pairs), row.grades, pairs, strict=True), key=lambda e: e[0])
        best.append((score, grade, not (pair.missed or pair.lacking)))
    best.sort(key=lambda entry: -entry[0])
    covered, right = 1.0, 0
    whole = [(score, grade) for score, grade, may_cover in best if may_cover]
    for number, (score, grade) in enumerate(whole, 1):
        right += grade == 2
        tied = number < len(whole) and round(whole[number][0] - score, _DIGITS) == 0
        if not tied and right / number >= PRECISION:
            covered = score
    total = sum(grade > 0 for _score, grade, _may in best)
    partly, most, above = covered, 0, 0
    for number, (score, grade, _may) in enumerate(best, 1):
        above += grade > 0
        tied = number < len(best) and round(best[number][0] - score, _DIGITS) == 0
        # Right above the threshold, and silent about what is not there below it.
        agreeing = above + (len(best) - number) - (total - above)
        if not tied and agreeing >= most:
            partly, most = score, agreeing
    floor = 10.0**-_DIGITS
    return replace(
        model,
        partly=max(round(min(partly, covered) - floor / 2, _DIGITS), floor),
        covered=round(covered - floor / 2, _DIGITS),
    )


def calibrate_evidence(
    encoder: Encoder, judgements_file: Path, passages: Mapping[str, Sequence[Passage]]
) -> tuple[dict[str, Model], dict[str, Any]]:
    """Models for this encoder and for any other, and their provenance: hand both to `write_models`.

    `passages` holds the passages of all capabilities by key, position 0 included: words are weighted by how rare they
    are among them all. Raises what `read_judgements` raises.
    """
    words = LexicalIndex()
    words.upsert({key: "\n".join(p.text for p in found) for key, found in passages.items()})
    sentences = {key: [p for p in found if p.position > 0] for key, found in passages.items()}
    judgements = read_judgements(judgements_file, sentences)
    titled, held_out = calibrate(judgements, encode(judgements, encoder), encoder.name, words.idf)
    by_words, held_out_words = calibrate(judgements, None, ANY_ENCODER, words.idf)
    provenance = {
        "judgements": judgements_file.name,
        "sha256": judgements.digest,
        "judged_pairs": judgements.written,
        "taken_as_not_shown": sum(len(row.grades) for row in judgements.rows) - judgements.written,
        "folds": f"{FOLDS} over {len({row.need for row in judgements.rows})} needs",
        "encoder": encoder.name,
        "held_out": {"encoder": held_out, ANY_ENCODER: held_out_words},
    }
    return {"encoder": titled, ANY_ENCODER: by_words}, provenance
