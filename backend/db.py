"""The database: engine, transactions, column types. One request or task is one transaction."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from alembic import command
from alembic.config import Config
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import DateTime, Dialect, Engine, String, create_engine, event, make_url
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
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
"""Patience with other writers."""
CONNECTIONS = 40
"""Of one process at most: two for each thread that answers requests, and some for work beside them."""
KEPT_CONNECTIONS = 10
CONNECT_SECONDS = 5
STATEMENT_MS = 60_000
"""No statement of a page or task takes so long; one that does shall not hold its locks for ever."""
UPGRADE_LOCK = 0x79697169616F
"""Number of the advisory lock under which tables are brought up to date."""
REPEATABLE = frozenset({"40001", "40P01", "23505"})
"""SQLSTATE of a transaction that met another one: serialization_failure, deadlock_detected, unique_violation.

Source: PostgreSQL 18, 13.5 "Serialization Failure Handling", which names the third for keys that were read before.
"""
SQLITE_LATER = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN)
"""Errors that may be over when asked again."""
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


def is_conflict(error: BaseException) -> bool:
    """Whether a transaction was refused because of another one, and may succeed when it is run again from its start."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in REPEATABLE


def is_unavailable(error: BaseException) -> bool:
    """Whether the database did not answer, or not in time: it may later. A full disk of SQLite is no such case."""
    if isinstance(error, OperationalError) and isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in SQLITE_LATER
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout)


def migrations() -> Config:
    """Alembic's configuration: where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a migration, in the transaction of a connection."""
    config = migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


class Database:
    """An engine and the kinds of transaction that the application uses."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        options = _sqlite_options() if self.is_sqlite else _postgresql_options(parsed)
        # Else the message of a failed statement repeats its values, which may be texts that not everybody may read.
        self.engine: Engine = create_engine(
            parsed,
            hide_parameters=True,
            pool_size=KEPT_CONNECTIONS,
            max_overflow=CONNECTIONS - KEPT_CONNECTIONS,
            **options,
        )
        (_prepare_sqlite if self.is_sqlite else _prepare_postgresql)(self.engine)
        self._is_closed = False
        event.listen(self.engine, "checkin", self._close_late)

    @contextmanager
    def session(self, *, write: bool = False, alone: bool = True, lock: str | None = None) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        With `write`, SQLite takes its write lock at once. A transaction that first reads and then writes could
        otherwise be refused in the middle, because another writer came between.

        On PostgreSQL a transaction sees one state of the database, and one with `write` runs as if it were alone: where
        that cannot be, it is refused with an error that `is_conflict` knows, and whoever began it runs it again.

        Args:
            alone: False for work that locks each row it counts on; on PostgreSQL it sees what others commit meanwhile.
            lock: a table; of all transactions that name it one runs at a time, and sees what those before have done.
        """
        with self.engine.connect() as connection:
            level = "REPEATABLE READ" if lock or not write else "SERIALIZABLE" if alone else "READ COMMITTED"
            options = {} if self.is_sqlite else {"isolation_level": level, "yiqiao_lock": lock}
            connection = connection.execution_options(yiqiao_write=write, **options)
            with Session(connection, expire_on_commit=False) as session:
                yield session
                try:
                    session.commit()
                except BaseException:
                    if self.is_sqlite:
                        # SQLAlchemy takes a transaction whose commit failed as ended; SQLite keeps it open, locked.
                        connection.invalidate()
                    raise

    def upgrade(self) -> None:
        """Bring the tables to the newest migration."""
        with self.migrating() as connection:
            migrate(connection)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A transaction that may change tables, committed when the block ends; one at a time, the others wait.

        SQLite changes many a table by making it anew, and dropping the old one would delete, by their references, the
        rows of others. So it follows no references meanwhile, and all of them are looked at before the commit.
        Raises IntegrityError where one leads nowhere then.
        """
        with self.engine.connect() as connection:
            connection = connection.execution_options(yiqiao_write=True, yiqiao_migrating=True)
            if not self.is_sqlite:
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
            try:
                yield connection
                if self.is_sqlite and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise IntegrityError(None, None, ValueError(f"a row of {lost[0]} refers to a missing {lost[2]}"))
                connection.commit()
            finally:
                if self.is_sqlite:
                    # What follows no references is used for nothing else.
                    connection.invalidate()

    def dispose(self) -> None:
        """Close the connections of the pool, and those in use as soon as they come back."""
        self._is_closed = True
        self.engine.dispose()

    def _close_late(self, connection: Any, _record: Any) -> None:
        """A thread that ended late has given back a connection of a pool that is no more."""
        if self._is_closed and connection is not None:
            connection.close()


def _sqlite_options() -> dict[str, Any]:
    return {"connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000}}


def _postgresql_options(url: URL) -> dict[str, Any]:
    """Patience is set on the connection, so that no server needs to be configured for this application."""
    settings = f"-c lock_timeout={BUSY_TIMEOUT_MS} -c statement_timeout={STATEMENT_MS} -c timezone=UTC"
    given = url.query.get("options")
    return {
        "connect_args": {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "yiqiao",
            "options": f"{settings} {given}" if isinstance(given, str) else settings,
        },
        # A connection that the server has closed meanwhile is replaced before it is used.
        "pool_pre_ping": True,
    }


class _WithoutNul(StrDumperUnknown):
    """PostgreSQL keeps no NUL in a text: it becomes the mark for a character that cannot be shown.

    Forms leave it out before; what is left are addresses, which find nothing with it.
    """

    def dump(self, obj: str) -> Any:
        """The text as bytes."""
        return super().dump(obj.replace("\0", "\ufffd"))


def _prepare_postgresql(engine: Engine) -> None:
    """What the driver does with texts, and the lock of a transaction that wants one."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.adapters.register_dumper(str, _WithoutNul)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if table := connection.get_execution_options().get("yiqiao_lock"):
            # Before any query: the state that the transaction sees is that of the moment when it has the lock.
            connection.exec_driver_sql(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


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
        options = connection.get_execution_options()
        write = options.get("yiqiao_write", False)
        if options.get("yiqiao_migrating", False):
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            # Several processes may start at once, and migrations take longer than other writes.
            connection.exec_driver_sql(f"PRAGMA busy_timeout={STATEMENT_MS}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
