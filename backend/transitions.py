"""State machines as data: one table per feature, asked by services, templates, audit and the generated diagrams."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Conflict


class Actor(StrEnum):
    """Who may take an action."""

    AUTHOR = "author"
    BROKER = "broker"
    SYSTEM = "system"
    NEED_SIDE = "need_side"
    CAPABILITY_SIDE = "capability_side"
    PARTNER = "partner"
    RESPONDER = "responder"
    REVIEWER = "reviewer"


@dataclass(frozen=True)
class Transition:
    """One row of a states table: who may act, where it leads, the audit event, and the event that users are told of.

    `needs_note` says that whoever acts has to say why.
    """

    who: tuple[Actor, ...]
    target: str
    event: str
    notice: str | None = None
    needs_note: bool = False


Table = Mapping[str, Mapping[str, Transition]]


def transition(table: Table, status: str, action: str) -> Transition:
    """Look an action up; raises Conflict where the status does not allow it."""
    found = table.get(status, {}).get(action)
    if found is None:
        raise Conflict
    return found


def actions(table: Table, status: str, who: Actor | Collection[Actor]) -> list[str]:
    """The actions that these actors may take in this status, in the order of the table."""
    actors = {who} if isinstance(who, Actor) else set(who)
    return [action for action, step in table.get(status, {}).items() if actors.intersection(step.who)]


def mermaid(table: Table, start: str) -> str:
    """The table as a Mermaid state diagram, for docs/states.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {start}"]
    lines += [
        f"    {status} --> {step.target}: {action} ({', '.join(step.who)})"
        for status, steps in table.items()
        for action, step in steps.items()
    ]
    return "\n".join(lines)
