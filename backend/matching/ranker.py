"""From features to a probability and a grade: a logistic model, its weights and their provenance in weights.json."""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from backend.matching.features import Features

LEAST_SHARED_WORDS = 2
WEIGHTS_FILE = Path(__file__).parent / "weights.json"


class Grade(StrEnum):
    """How much a match may be trusted."""

    STRONG = "strong"
    POSSIBLE = "possible"
    WEAK = "weak"


@dataclass(frozen=True)
class Weights:
    """The model: log-odds = intercept + sum of weight × feature, and the probabilities at which grades begin."""

    intercept: float
    dense: float
    contrast: float
    words: float
    lead: float
    strong: float
    possible: float

    def probability(self, found: Features) -> float:
        """The probability that a reader judges the match to be of use, 0 to 1."""
        odds = (
            self.intercept
            + self.dense * found.dense
            + self.contrast * found.contrast
            + self.words * found.words
            + self.lead * found.lead
        )
        return 1 / (1 + math.exp(-odds))

    def grade(self, probability: float, shared_words: int) -> Grade:
        """强 / 可能 / 弱. A strong match has at least two different words of the query, a possible one at least one."""
        if probability >= self.strong and shared_words >= LEAST_SHARED_WORDS:
            return Grade.STRONG
        return Grade.POSSIBLE if probability >= self.possible and shared_words else Grade.WEAK


@lru_cache
def weights() -> Weights:
    """The weights in use."""
    data = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    return Weights(**data["weights"])
