"""Recorded decisions on introductions, as training data for the ranker."""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any


class Outcome(StrEnum):
    """How a suggestion ended."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


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


SAYS_USELESS: Mapping[Reason, bool] = MappingProxyType(
    {
        Reason.NOT_OUR_FIELD: True,
        Reason.STAGE_TOO_EARLY: True,
        # The others leave open whether the capability answers the need.
        Reason.ALREADY_SOLVED: False,
        Reason.CAPACITY: False,
        Reason.CONFLICT_OF_INTEREST: False,
        Reason.TERMS: False,
        Reason.REGION: False,
        Reason.OTHER: False,
    }
)


def read_decisions(path: Path) -> dict[str, dict[str, bool]]:
    """Need to capability to whether the match was useful, both by id or key, from JSON Lines.

    A line is {"need", "capability", "outcome": "accepted" | "declined"}, and for a declined one may have "reason".
    Accepted means useful. Declined for a reason of content, or without a reason, means not useful; declined for
    another reason says nothing and is left out. Of several decisions on a pair the last that says something counts.

    Raises:
        OSError: if the file cannot be read.
        ValueError: for a broken line; names file and line.
    """
    found: dict[str, dict[str, bool]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            need, capability, useful = _decision(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        if useful is not None:
            found.setdefault(need, {})[capability] = useful
    return found


def _decision(row: Any) -> tuple[str, str, bool | None]:
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    need, capability = row.get("need"), row.get("capability")
    if not (isinstance(need, str) and need and isinstance(capability, str) and capability):
        raise ValueError("the fields 'need' and 'capability' hold an id or a key each")
    outcome, reason = Outcome(str(row.get("outcome"))), row.get("reason")
    if outcome is Outcome.ACCEPTED:
        return need, capability, True
    return need, capability, False if reason is None or SAYS_USELESS[Reason(str(reason))] else None
