"""How well the site ranks the judged needs of the seed data, and the weights that follow from the judgements.

Rankings are those that the author of a need would see: teasers of compatible capabilities as candidates. The judgements
were written by reading; seed_data/README.md tells what the grades mean.
"""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from sqlmodel import Session, col, select

from backend.capabilities.models import Capability
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind, TieredText
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
POOL = 60
"""Candidates of each query that enter the fit; among them the unjudged count as of no use."""
FOLDS = 10


class NotSeeded(DomainError):
    """The database lacks needs or capabilities that the judgements name."""

    status = 409
    zh = "数据库中没有评测所需的示例数据，请先运行 yiqiao seed。"
    en = (
        "The database lacks the demonstration data that the judgements name: run `yiqiao seed` in an empty data folder."
    )


@dataclass(frozen=True)
class Judged:
    """The ranked candidates of one query, by capability key, and its grades; `need` is the key of the need."""

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


def read_unanswerable(path: Path) -> list[str]:
    """Needs that nothing in the seed data answers, one a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


class Judge:
    """Ranks judged queries over a seeded database."""

    def __init__(self, session: Session, engine: SearchEngine) -> None:
        """Raises EncoderUnavailable."""
        engine.follow()
        self._session, self._engine = session, engine
        self.encoder_name = engine.encoder().name
        rows = session.exec(select(Capability.id, Capability.key)).all()
        self._keys = {subject_id: key for subject_id, key in rows if key}

    def needs(self, judgements: Mapping[str, Mapping[str, int]]) -> list[tuple[Need, TieredText]]:
        """The judged needs with their texts; raises NotSeeded where one is missing."""
        query = select(Need).where(col(Need.key).in_(judgements)).order_by(col(Need.key))
        found = [(need, needs.text_of(self._session, need.id)) for need in self._session.exec(query).all()]
        complete = [(need, text) for need, text in found if text is not None]
        if len(complete) < len(judgements):
            raise NotSeeded
        return complete

    def rank(self, need: str, text: str, kind: str | None, grades: Mapping[str, int]) -> Judged:
        """Rank the teasers of the capabilities for one text."""

        def admits(card: Card) -> bool:
            return kind is None or compatible(SubjectKind.NEED, kind, card.kind)

        viewer, tier = Viewer(is_admin=True), SearchTier.TEASER
        ranking = service.rank(self._session, self._engine, viewer, text, SubjectKind.CAPABILITY, tier, admits)
        ranked = tuple(r for r in ranking.ranked if r.card.id in self._keys)
        return Judged(need, ranked, tuple(self._keys[r.card.id] for r in ranked), grades)

    def full_texts(self, judgements: Mapping[str, Mapping[str, int]]) -> list[Judged]:
        """Every judged need by its whole text, as its author sees it matched."""
        return [
            self.rank(str(need.key), service.query_text(text, SearchTier.FULL), need.kind, judgements[str(need.key)])
            for need, text in self.needs(judgements)
        ]

    def all_lengths(self, judgements: Mapping[str, Mapping[str, int]], unanswerable: Sequence[str]) -> list[Judged]:
        """Every judged need by its whole text, its teaser, its summary and its title; and what nothing answers.

        The model shall hold for long and for short queries, so it is fitted on both.
        """
        found = self.full_texts(judgements)
        for need, text in self.needs(judgements):
            key = str(need.key)
            for query in (service.query_text(text, SearchTier.TEASER), "\n".join(text.teaser), text.title):
                found.append(self.rank(key, query, need.kind, judgements[key]))
        return found + [self.rank(f"unanswerable-{n}", text, None, {}) for n, text in enumerate(unanswerable)]


def _score(name: str, found: service.Ranked) -> float:
    match name:
        case "lexical":
            return found.candidate.lexical
        case "dense":
            return found.features.dense
        case "fused":
            return found.candidate.fused
        case _:
            return found.probability


def systems(judged: Sequence[Judged]) -> list[System]:
    """Lexical, dense and fused rankings beside the one that the site shows, measured on the same needs."""
    relevance = {j.need: j.grades for j in judged}
    measured = []
    for name in ("lexical", "dense", "fused", "ranked"):
        rankings = {}
        for j in judged:
            scored = [(_score(name, found), key) for found, key in zip(j.ranked, j.keys, strict=True)]
            rankings[j.need] = [key for score, key in sorted(scored, key=lambda pair: -pair[0]) if score]
        measured.append(System(name, evaluate(rankings, relevance, relevant_from=USEFUL)))
    return measured


def _examples(judged: Judged) -> list[tuple[Features, int, int]]:
    """Features, words in common, and whether the match is useful, of the pooled candidates of a query."""
    return [
        (found.features, found.shared_words, int(judged.grades.get(key, 0) >= USEFUL))
        for position, (found, key) in enumerate(zip(judged.ranked, judged.keys, strict=True))
        if position < POOL or key in judged.grades
    ]


def _fit(judged: Sequence[Judged], strong: float, possible: float) -> ranker.Weights:
    """Logistic regression over the raw features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    examples = [example for j in judged for example in _examples(j)]
    matrix = np.array([list(asdict(found).values()) for found, _shared, _useful in examples])
    scaler = StandardScaler().fit(matrix)
    model = LogisticRegression(C=10.0, max_iter=2000).fit(
        scaler.transform(matrix), [useful for _found, _shared, useful in examples]
    )
    slopes = model.coef_[0] / scaler.scale_
    named = {field.name: round(float(slope), 4) for field, slope in zip(fields(Features), slopes, strict=True)}
    intercept = round(float(model.intercept_[0] - slopes @ scaler.mean_), 4)
    return ranker.Weights(intercept=intercept, **named, strong=strong, possible=possible)


def fit(judged: Sequence[Judged], strong: float, possible: float) -> tuple[ranker.Weights, dict[str, Any]]:
    """Fit the weights; with them the share of useful matches in each grade, each need held out in one of FOLDS folds.

    `strong` and `possible` are the probabilities at which those grades begin.
    """
    order = sorted({j.need for j in judged})
    counts = {grade: [0, 0] for grade in ranker.Grade}
    best_of_nothing = 0.0
    strong_for_nothing = 0
    for fold in range(FOLDS):
        held = set(order[fold::FOLDS])
        fitted = _fit([j for j in judged if j.need not in held], strong, possible)
        for j in (j for j in judged if j.need in held):
            for found, shared, useful in _examples(j):
                probability = fitted.probability(found)
                grade = fitted.grade(probability, shared)
                counts[grade][0] += 1
                counts[grade][1] += useful
                if not j.grades:
                    best_of_nothing = max(best_of_nothing, probability)
                    strong_for_nothing += grade is ranker.Grade.STRONG
    figures = {
        "queries": len(judged),
        "held_out": {grade.value: {"shown": shown, "useful": useful} for grade, (shown, useful) in counts.items()},
        "unanswerable": {"highest_probability": round(best_of_nothing, 3), "strong": strong_for_nothing},
    }
    return _fit(judged, strong, possible), figures


def write_weights(weights: ranker.Weights, figures: Mapping[str, Any], sources: Sequence[Path], encoder: str) -> None:
    """Put fitted weights in place, with what they were fitted on."""
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sources}
    content = {"provenance": {"sha256": digests, "encoder": encoder, **figures}, "weights": asdict(weights)}
    ranker.WEIGHTS_FILE.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
