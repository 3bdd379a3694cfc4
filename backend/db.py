"""The database: engine, transactions, column types. One request or task is one transaction."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from alembic import command
from alembic.config import Config
from sqlalchemy import DateTime, Dialect, Engine, String, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BUSY_TIMEOUT_MS = 10_000
ID_PATTERN = r"[0-9a-f]{16}"


def new_id() -> str:
    """A random 64-bit identifier as 16 hex digits: it tells neither order nor number, so a URL gives nothing away."""
    return secrets.token_hex(8)


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in time, always aware and in UTC, on databases that keep the zone and on those that drop it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A naive datetime cannot be stored: say which zone it is in.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _EnumType(TypeDecorator[StrEnum]):
    """A StrEnum kept as its value in a plain text column, so that a new member needs no migration."""

    impl = String(30)
    cache_ok = True
    enum: ClassVar[type[StrEnum]]

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.enum(value)


def enum_type(enum: type[StrEnum]) -> type[TypeDecorator[StrEnum]]:
    """The column type of a StrEnum."""
    return type(f"{enum.__name__}Type", (_EnumType,), {"enum": enum, "cache_ok": True})


class Database:
    """An engine and the two kinds of transaction that the application uses."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000}} if self.is_sqlite else {}
        # Else the message of a failed statement repeats its values, which may be texts that not everybody may read.
        self.engine: Engine = create_engine(parsed, hide_parameters=True, **options)
        if self.is_sqlite:
            _prepare_sqlite(self.engine)

    @contextmanager
    def session(self, *, write: bool = False) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        With `write`, SQLite takes its write lock at once. A transaction that first reads and then writes could
        otherwise be refused in the middle, because another writer came between.
        """
        with self.engine.connect() as connection:
            connection = connection.execution_options(yiqiao_write=write)
            with Session(connection, expire_on_commit=False) as session:
                yield session
                try:
                    session.commit()
                except BaseException:
                    # SQLAlchemy takes a transaction whose commit failed as ended; SQLite keeps it open, with its lock.
                    connection.invalidate()
                    raise

    def upgrade(self) -> None:
        """Bring the tables to the newest migration."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.engine.connect() as connection:
            connection = connection.execution_options(yiqiao_write=True)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()

    def dispose(self) -> None:
        """Close the connections of the pool."""
        self.engine.dispose()


def _prepare_sqlite(engine: Engine) -> None:
    """WAL, foreign keys, overwritten deletions, and explicit BEGIN, on every connection."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # The driver shall not begin transactions by itself; see _begin.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("yiqiao_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
