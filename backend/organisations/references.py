"""What refers to an organisation on higher floors, which this floor does not know.

Merging two organisations and removing a department have to reach needs, capabilities and releases in the transaction of
their own, so the outbox comes too late. Each feature says in a `Reference` what it holds and how it is handed over;
`backend/references.py` puts them together, and a test compares them with the foreign keys of all tables.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session


@dataclass(frozen=True)
class Merge:
    """Two organisations that become one; `departments` leads from departments of the duplicate to those that stay."""

    duplicate_id: str
    kept_id: str
    departments: Mapping[str, str]


def _none(_session: Session, _department_id: str) -> int:
    return 0


@dataclass(frozen=True)
class Reference:
    """What one feature holds of an organisation; `columns` are the foreign keys that it answers for."""

    label: str
    columns: Sequence[str]
    count: Callable[[Session, str], int]
    move: Callable[[Session, Merge], None]
    count_of_department: Callable[[Session, str], int] = _none


References = Sequence[Reference]
