"""Many rows at once: plain values with the defaults of their model, inserted together.

Making an object for each of fifty thousand rows takes longer than all the rest of an import.
"""

from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, SQLModel


@lru_cache
def _defaults(model: type[SQLModel]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """The values that each row of a model begins with, and what makes those that each row has of its own."""
    same: dict[str, Any] = {}
    made: dict[str, Callable[[], Any]] = {}
    table = model.__table__  # type: ignore[attr-defined]
    for column in table.columns:
        field = model.model_fields[column.name]
        if field.default_factory is not None:
            made[column.name] = field.default_factory  # type: ignore[assignment]
        elif not field.is_required() and not (column.primary_key and field.default is None):
            same[column.name] = field.default
    return same, made


class Bulk:
    """Rows that wait to be inserted, table by table in the order in which the first of each came."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[type[SQLModel], list[dict[str, Any]]] = {}

    def add(self, model: type[SQLModel], **values: Any) -> Any:
        """Note a row; returns it as something with the attributes of the model."""
        same, made = _defaults(model)
        row = same | {name: make() for name, make in made.items() if name not in values} | values
        self._rows.setdefault(model, []).append(row)
        return SimpleNamespace(**row)

    def flush(self) -> None:
        """Insert what waits."""
        self._session.flush()
        for model, rows in self._rows.items():
            self._session.execute(insert(model), rows)
        self._rows.clear()
