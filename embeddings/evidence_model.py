"""The small model that grades a requirement beside a sentence, and where its numbers come from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MODEL_FILE = Path(__file__).parent / "evidence_calibration.json"
ANY_ENCODER = "words"
"""Name of the model that asks for no vectors: the one for encoders that nobody has calibrated."""


@dataclass(frozen=True, slots=True)
class PairFeatures:
    """What is judged of a requirement and a sentence.

    Attributes:
        cosine: of their vectors.
        coverage: share of the requirement's words that the sentence holds, weighted by rarity; 0 to 1.
        met: the sentence states figures that meet all those that the requirement asks for.
        missed: it states one of the same kind that does not.
        lacking: it states none of a kind that is asked for.
    """

    cosine: float
    coverage: float
    met: bool
    missed: bool
    lacking: bool

    def values(self) -> tuple[float, ...]:
        """The features as numbers, in the order of the weights."""
        return (self.cosine, self.coverage, float(self.met), float(self.missed), float(self.lacking))


@dataclass(frozen=True, slots=True)
class Model:
    """Log-odds = intercept + sum of weight × feature; and the scores at which PARTLY and COVERED begin."""

    encoder: str
    intercept: float
    cosine: float
    coverage: float
    met: float
    missed: float
    lacking: float
    partly: float
    covered: float

    def score(self, pair: PairFeatures) -> float:
        """How far the sentence shows that the requirement is met, 0 to 1."""
        weights = (self.cosine, self.coverage, self.met, self.missed, self.lacking)
        odds = self.intercept + sum(w * v for w, v in zip(weights, pair.values(), strict=True))
        return 1 / (1 + math.exp(-odds))


def load_model(encoder: str, path: Path = MODEL_FILE) -> Model:
    """The model calibrated for the encoder of that name; for any other the one that judges by words and figures alone.

    Raises:
        OSError, ValueError, KeyError: if the file is not there or not whole; it comes with the library.
    """
    models: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["models"]
    found = next((m for m in models.values() if m["encoder"] == encoder), models[ANY_ENCODER])
    return Model(**found)


def write_models(models: Mapping[str, Model], provenance: Mapping[str, Any], path: Path = MODEL_FILE) -> None:
    """Put calibrated models in place, with what they were calibrated on and their held-out figures."""
    content = {"provenance": dict(provenance), "models": {name: asdict(model) for name, model in models.items()}}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
