"""Recorded decisions on pairs of a need and a capability: one form of file for the ranker and for tuning the encoder.

A line of JSON is {"need", "capability", "outcome"}, both by id or key, and may have "reason" (of a decline), "weight"
(how much the decision says, 0 to 1), "ranker" and "position" (of the suggestion behind it), "need_text" and
"capability_text". Where the texts are not given, need and capability are taken for the texts themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from embeddings.jsonl import json_lines
from embeddings.types import EmbeddingsError

ID = re.compile(r"[0-9a-f]{16}")


class DecisionsError(EmbeddingsError, ValueError):
    """A file of decisions cannot be used; the message names file and line."""


class Outcome(StrEnum):
    """How a suggestion ended. `passed_over` was shown and not opened."""

    ACCEPTED = "accepted"
    AGREED = "agreed"
    LANDED = "landed"
    DECLINED = "declined"
    PASSED_OVER = "passed_over"


POSITIVE = frozenset({Outcome.ACCEPTED, Outcome.AGREED, Outcome.LANDED})


class Reason(StrEnum):
    """Why a suggestion was declined: the fixed list of the introductions."""

    NOT_OUR_FIELD = "not_our_field"
    ALREADY_SOLVED = "already_solved"
    STAGE_TOO_EARLY = "stage_too_early"
    CAPACITY = "capacity"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    TERMS = "terms"
    REGION = "region"
    OTHER = "other"


@dataclass(frozen=True)
class Decision:
    """One line. `weight` is None where the outcome and its reason decide how much it says."""

    need: str
    capability: str
    outcome: Outcome
    reason: Reason | None = None
    weight: float | None = None
    need_text: str = ""
    capability_text: str = ""


def read(path: Path) -> list[Decision]:
    """The decisions of a JSON Lines file, in their order.

    Raises:
        DecisionsError: if the file cannot be read, or for a broken line; names file and line.
    """
    return [_decision(place, row) for place, row in json_lines(path, DecisionsError)]


def _decision(place: str, row: dict[str, Any]) -> Decision:
    need, capability = row.get("need"), row.get("capability")
    if not (isinstance(need, str) and need and isinstance(capability, str) and capability):
        raise DecisionsError(f"{place}: need or capability is missing or no text")
    texts = row.get("need_text", ""), row.get("capability_text", "")
    weight = row.get("weight")
    if not all(isinstance(text, str) for text in texts):
        raise DecisionsError(f"{place}: need_text and capability_text are texts")
    if weight is not None and not (isinstance(weight, int | float) and 0 <= weight <= 1):
        raise DecisionsError(f"{place}: the weight is a number from 0 to 1")
    try:
        outcome = Outcome(str(row.get("outcome", Outcome.ACCEPTED)))
        reason = Reason(str(row["reason"])) if row.get("reason") else None
    except ValueError as error:
        raise DecisionsError(f"{place}: {error}") from error
    return Decision(need, capability, outcome, reason, weight, texts[0], texts[1])


def texts(decisions: Iterable[Decision]) -> list[tuple[str, str]]:
    """Texts of the needs and capabilities that fitted, for tuning an encoder.

    Raises:
        DecisionsError: where an id stands without a text: it would be learnt as if it were one.
    """
    found = []
    for decision in decisions:
        if decision.outcome not in POSITIVE:
            continue
        pair = decision.need_text or decision.need, decision.capability_text or decision.capability
        if any(ID.fullmatch(text) for text in pair):
            raise DecisionsError(f"decision on {decision.need}: an id without its text; export with --texts")
        found.append(pair)
    return found
