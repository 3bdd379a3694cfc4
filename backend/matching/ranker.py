"""From features to a probability and a grade: a logistic model, its weights and their provenance in weights.json.

An installation may put weights of its own in place of the packaged ones: `use` names the file, `weights` reads it.
"""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from backend.matching.features import Features

LEAST_SHARED_WORDS = 1
WEIGHTS_FILE = Path(__file__).parent / "weights.json"
NAMES = tuple(field.name for field in fields(Features))

log = logging.getLogger(__name__)


class Grade(StrEnum):
    """How much a match may be trusted."""

    STRONG = "strong"
    POSSIBLE = "possible"
    WEAK = "weak"


@dataclass(frozen=True)
class Weights:
    """The model: log-odds = intercept + sum of slope × feature, and the probabilities at which grades begin."""

    intercept: float
    slopes: Mapping[str, float]
    strong: float
    possible: float

    @property
    def version(self) -> str:
        """A short digest of the numbers: equal models have equal versions, whatever file they stand in."""
        slopes = {name: float(slope) for name, slope in self.slopes.items()}
        numbers = [float(self.intercept), slopes, float(self.strong), float(self.possible)]
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:12]

    def probability(self, found: Features) -> float:
        """The probability that a reader judges the match to be of use, 0 to 1."""
        odds = self.intercept + sum(slope * float(getattr(found, name)) for name, slope in self.slopes.items())
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, odds))))

    def grade(self, probability: float, shared_words: int) -> Grade:
        """强 / 可能 / 弱. A strong match has at least one word of the query, or of its synonyms, in common."""
        if probability >= self.strong and shared_words >= LEAST_SHARED_WORDS:
            return Grade.STRONG
        return Grade.POSSIBLE if probability >= self.possible else Grade.WEAK


def parse(content: str) -> Weights:
    """Weights from the text of a file; raises ValueError where it is damaged."""
    try:
        numbers = json.loads(content)["weights"]
        slopes = {str(name): float(slope) for name, slope in numbers["slopes"].items()}
        found = Weights(float(numbers["intercept"]), slopes, float(numbers["strong"]), float(numbers["possible"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"no weights of the ranker ({type(error).__name__}: {error})") from error
    if not all(map(math.isfinite, [found.intercept, *slopes.values()])):
        raise ValueError("a weight is not a finite number")
    if not 0 <= found.possible <= found.strong <= 1:
        raise ValueError("the grades do not begin in the order 0 <= possible <= strong <= 1")
    return found


def read(path: Path) -> Weights:
    """Weights from a file; raises OSError where it cannot be read, ValueError where it is damaged."""
    return parse(path.read_text(encoding="utf-8"))


def check_features(model: Weights) -> None:
    """Raise ValueError if a model was fitted for other features than these."""
    if set(model.slopes) != set(NAMES):
        raise ValueError(
            f"fitted for the features {', '.join(sorted(model.slopes))}; this version has {', '.join(sorted(NAMES))}"
        )


@lru_cache
def packaged() -> Weights:
    """The weights that came with the program. Features that came or went since the fit count for nothing."""
    found = read(WEIGHTS_FILE)
    try:
        check_features(found)
    except ValueError as error:
        log.warning("the packaged weights need a new fit: %s", error)
        return replace(found, slopes={name: slope for name, slope in found.slopes.items() if name in NAMES})
    return found


_own_file: list[Path] = []


def own_file(data_dir: Path) -> Path:
    """Where an installation keeps the weights that stand in place of the packaged ones."""
    return data_dir / "ranker" / "weights.json"


def use(path: Path | None) -> None:
    """Let a file of the installation, if it is there, stand in place of the packaged weights; None ends that."""
    _own_file[:] = [path] if path else []


def weights() -> Weights:
    """The weights in use. A file that was promoted or taken back counts from the next call, in every process."""
    for path in _own_file:
        try:
            state = path.stat()
        except FileNotFoundError:
            break
        except OSError as error:
            log.warning("the weights in %s cannot be read, the packaged ones are used: %s", path, error)
            break
        return _own(path, (state.st_mtime_ns, state.st_size, state.st_ino)) or packaged()
    return packaged()


@lru_cache(maxsize=4)
def _own(path: Path, _state: tuple[int, int, int]) -> Weights | None:
    """The weights of an installation, None where they are damaged; read and warned of once per state of the file."""
    try:
        found = read(path)
        check_features(found)
    except (OSError, ValueError) as error:
        log.warning("the weights in %s are damaged, the packaged ones are used: %s", path, error)
        return None
    return found
