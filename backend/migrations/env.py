"""Alembic's entry: migrations run over the connection that the application hands in."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.types import TypeDecorator
from sqlmodel import AutoString, SQLModel

from backend.db import UtcDateTime
from backend.models import TABLES

assert TABLES, "importing the models registers every table"
connection = context.config.attributes["connection"]


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write the application's own column types as the plain types that the database sees."""
    if kind != "type" or not isinstance(item, TypeDecorator):
        return False
    if isinstance(item, AutoString):
        length = getattr(item.impl_instance, "length", None)
        return f"sa.String(length={length})" if length else "sa.String()"
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else "sa.String(length=30)"


context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
