"""How well the site ranks the judged needs of the seed data, and the weights that follow from the judgements.

Rankings are those that the author of a need would see: the whole need as query, teasers of compatible capabilities as
candidates. The judgements were written by reading; seed_data/README.md tells what the grades mean.
"""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sqlmodel import Session, col, select

from backend.capabilities.models import Capability
from backend.disclosure.models import SubjectKind
from backend.errors import DomainError
from backend.matching import ranker, service
from backend.matching.features import Features
from backend.matching.index_sync import SearchEngine
from backend.matching.kinds import compatible
from backend.matching.models import SearchTier
from backend.needs import service as needs
from backend.needs.models import Need
from backend.organisations.policy import Viewer
from embeddings.evaluation.metrics import evaluate
from embeddings.evaluation.report import System

USEFUL = 2
"""The lowest grade that counts as a useful match."""
POOL = 50
"""Candidates of each need that enter the fit; among them the unjudged count as of no use."""
FOLDS = 10


class NotSeeded(DomainError):
    """The database lacks needs or capabilities that the judgements name."""

    status = 409
    zh = "数据库中没有评测所需的示例数据，请先运行 yiqiao seed。"
    en = (
        "The database lacks the demonstration data that the judgements name. Run `yiqiao seed` in an empty data folder."
    )


@dataclass(frozen=True)
class Judged:
    """The ranked candidates of one judged need, by capability key, and its grades."""

    need: str
    ranked: tuple[service.Ranked, ...]
    keys: tuple[str, ...]
    grades: Mapping[str, int]


def read_judgements(path: Path) -> dict[str, dict[str, int]]:
    """Need key to capability key to grade; raises ValueError for a grade outside 0 to 3, KeyError for a lost column."""
    found: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            grade = int(row["grade"])
            if not 0 <= grade <= 3:
                raise ValueError(f"{row['need']}, {row['capability']}: grade {grade} is not 0 to 3")
            found.setdefault(row["need"], {})[row["capability"]] = grade
    return found


def judged_needs(session: Session, engine: SearchEngine, judgements: Mapping[str, Mapping[str, int]]) -> list[Judged]:
    """Rank the capabilities for every judged need; raises NotSeeded, EncoderUnavailable."""
    engine.follow()
    capability_keys = {i: key for i, key in session.exec(select(Capability.id, Capability.key)).all() if key}
    by_key = {n.key: n for n in session.exec(select(Need).where(col(Need.key).in_(judgements))).all()}
    if set(judgements) - set(by_key):
        raise NotSeeded
    viewer = Viewer(is_admin=True)
    found = []
    for key, grades in judgements.items():
        need = by_key[key]
        text = needs.text_of(session, need.id)
        if text is None:
            raise NotSeeded
        query = service.query_text(text, SearchTier.FULL)

        def admits(card: service.Card, kind: str = need.kind) -> bool:
            return compatible(SubjectKind.NEED, kind, card.kind)

        ranking = service.rank(session, engine, viewer, query, SubjectKind.CAPABILITY, SearchTier.TEASER, admits)
        ranked = tuple(r for r in ranking.ranked if r.card.id in capability_keys)
        found.append(Judged(key, ranked, tuple(capability_keys[r.card.id] for r in ranked), grades))
    return found


def systems(judged: Sequence[Judged]) -> list[System]:
    """Lexical, dense and fused rankings beside the one that the site shows, measured on the same needs."""
    relevance = {j.need: j.grades for j in judged}
    orders = {
        "lexical": lambda r: r.candidate.lexical,
        "dense": lambda r: r.features.dense,
        "fused": lambda r: r.candidate.fused,
        "ranked": lambda r: r.probability,
    }
    measured = []
    for name, score in orders.items():
        rankings = {
            j.need: [
                key for r, key in sorted(zip(j.ranked, j.keys, strict=True), key=lambda p: -score(p[0])) if score(r)
            ]
            for j in judged
        }
        measured.append(System(name, evaluate(rankings, relevance, relevant_from=USEFUL)))
    return measured


def _examples(judged: Judged) -> list[tuple[Features, int]]:
    pooled = [
        (r.features, judged.grades.get(key, 0))
        for position, (r, key) in enumerate(zip(judged.ranked, judged.keys, strict=True))
        if position < POOL or key in judged.grades
    ]
    return [(features, int(grade >= USEFUL)) for features, grade in pooled]


def _fit(examples: Sequence[tuple[Features, int]]) -> tuple[float, list[float]]:
    """Intercept and weights of a logistic regression over the raw features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    matrix = np.array([list(asdict(features).values()) for features, _label in examples])
    scaler = StandardScaler().fit(matrix)
    model = LogisticRegression(C=10.0, max_iter=1000).fit(scaler.transform(matrix), [label for _f, label in examples])
    weights = model.coef_[0] / scaler.scale_
    return float(model.intercept_[0] - weights @ scaler.mean_), [float(w) for w in weights]


def fit(judged: Sequence[Judged], judgements: Path, model: str, strong: float, possible: float) -> dict[str, object]:
    """Fit the ranker's weights; returns the content of weights.json, with figures on needs held out in FOLDS folds."""
    held_out: list[tuple[ranker.Grade, int]] = []
    rankings: dict[str, list[str]] = {}
    for fold in range(FOLDS):
        training = [e for n, j in enumerate(judged) if n % FOLDS != fold for e in _examples(j)]
        intercept, weights = _fit(training)
        fitted = ranker.Weights(intercept, *weights, strong=strong, possible=possible)
        for j in (j for n, j in enumerate(judged) if n % FOLDS == fold):
            for features, label in _examples(j):
                held_out.append((fitted.grade(fitted.probability(features)), label))
            order = sorted(zip(j.ranked, j.keys, strict=True), key=lambda p: -fitted.probability(p[0].features))
            rankings[j.need] = [key for _r, key in order]
    scores = evaluate(rankings, {j.need: j.grades for j in judged}, relevant_from=USEFUL)
    intercept, weights = _fit([e for j in judged for e in _examples(j)])
    return {
        "provenance": {
            "judgements_sha256": hashlib.sha256(judgements.read_bytes()).hexdigest(),
            "needs": len(judged),
            "examples": len(held_out),
            "encoder": model,
            "held_out": {
                **{name: round(float(np.mean(list(values.values()))), 3) for name, values in scores.items()},
                "precision": {
                    grade.value: {
                        "shown": sum(g is grade for g, _l in held_out),
                        "useful": sum(label for g, label in held_out if g is grade),
                    }
                    for grade in ranker.Grade
                },
            },
        },
        "weights": {
            "intercept": round(intercept, 4),
            **{name: round(w, 4) for name, w in zip(Features.__annotations__, weights, strict=True)},
            "strong": strong,
            "possible": possible,
        },
    }


def write_weights(content: Mapping[str, object]) -> None:
    """Put fitted weights in place."""
    ranker.WEIGHTS_FILE.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
