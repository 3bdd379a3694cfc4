"""State machines as data: one table per feature, asked by services, templates, audit and the generated diagrams."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Conflict


class Actor(StrEnum):
    """Who may take an action."""

    AUTHOR = "author"
    BROKER = "broker"
    SYSTEM = "system"


@dataclass(frozen=True)
class Transition:
    """One row of a states table: who may act, where it leads, and the audit event that is written."""

    who: Actor
    target: str
    event: str


Table = Mapping[str, Mapping[str, Transition]]


def transition(table: Table, status: str, action: str) -> Transition:
    """Look an action up; raises Conflict where the status does not allow it."""
    found = table.get(status, {}).get(action)
    if found is None:
        raise Conflict
    return found


def actions(table: Table, status: str, who: Actor) -> list[str]:
    """The actions that this actor may take in this status, in the order of the table."""
    return [action for action, step in table.get(status, {}).items() if step.who == who]


def mermaid(table: Table, start: str) -> str:
    """The table as a Mermaid state diagram, for docs/states.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {start}"]
    lines += [
        f"    {status} --> {step.target}: {action} ({step.who})"
        for status, steps in table.items()
        for action, step in steps.items()
    ]
    return "\n".join(lines)
