"""Tables as lines of JSON, the same for every database: a backup of one can be restored into another.

The tables are read as the database describes them, not as the program would have them: so a backup can be taken before
an upgrade, and one of an older version can be restored.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol

from sqlalchemy import JSON, Column, DateTime, MetaData, Table, bindparam, delete, func, insert, select, text, update
from sqlalchemy.engine import Connection


class Target(Protocol):
    """A file that is written to."""

    def write(self, data: bytes, /) -> object: ...


class Source(Protocol):
    """A file that is read line by line."""

    def readline(self) -> bytes: ...
    def __iter__(self) -> Iterator[bytes]: ...


VERSION_TABLE = "alembic_version"
LEFT_OUT = frozenset({VERSION_TABLE, "account_token", "throttle_hit", "user_session"})
"""The version stands in the manifest. Sessions that have been ended and links that have been used since must not come
back to life, and who was counted for trying too often has waited."""
AT_ONCE = 500


def of_database(connection: Connection) -> list[Table]:
    """The tables, those that others refer to first."""
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]


def write(connection: Connection, table: Table, target: Target) -> int:
    """Write a table, a line for its columns and one for each row; returns the number of rows."""
    columns = list(table.columns)
    target.write(_line([column.name for column in columns]))
    query = select(*columns).order_by(*table.primary_key.columns)
    count = 0
    rows = connection.execution_options(stream_results=True, yield_per=AT_ONCE).execute(query)
    for row in rows:
        target.write(_line([_packed(value, column) for value, column in zip(row, columns, strict=True)]))
        count += 1
    return count


def _line(values: Sequence[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _packed(value: Any, column: Column[Any]) -> Any:
    """What JSON cannot say by itself goes with its kind; so does what is JSON in the database."""
    if isinstance(column.type, JSON):
        return {"json": value}
    if isinstance(value, datetime):
        # SQLite keeps no zone; everything is stored in UTC.
        return {"time": (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, bytes | memoryview):
        return {"bytes": base64.b64encode(value).decode()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{column} holds a {type(value).__name__}, which a backup cannot keep")


def _unpacked(value: Any, column: Column[Any]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "json":
            return content
        case "time":
            moment = datetime.fromisoformat(content)
            zoned = isinstance(column.type, DateTime) and column.type.timezone
            return moment if zoned else moment.replace(tzinfo=None)
        case "date":
            return date.fromisoformat(content)
        case "bytes":
            return base64.b64decode(content)
    raise ValueError(f"unknown kind of value: {kind}")


def read(connection: Connection, tables: Sequence[Table], sources: Iterable[tuple[str, Source]]) -> dict[str, int]:
    """Fill empty tables from what `write` has written; returns the number of rows of each.

    References that cannot be followed yet (within a table, or in a circle) are filled in at the end.
    Raises ValueError for a table or column that is not there.
    """
    known = {table.name: table for table in tables}
    order = {table.name: number for number, table in enumerate(tables)}
    later: list[tuple[Table, str, list[dict[str, Any]]]] = []
    counts = {}
    for name, source in sources:
        if name not in known:
            raise ValueError(f"there is no table {name}")
        table = known[name]
        postponed = {
            c.name for c in table.columns for key in c.foreign_keys if not _is_before(key.column, table, order)
        }
        kept: list[dict[str, Any]] = []
        counts[name] = 0
        for rows in _batches(_rows(table, source)):
            counts[name] += len(rows)
            keys = [column.name for column in table.primary_key.columns]
            kept += [{k: row[k] for k in {*keys, *postponed}} for row in rows if any(row[c] for c in postponed)]
            connection.execute(insert(table), [row | dict.fromkeys(postponed) for row in rows])
        later += [(table, column, kept) for column in sorted(postponed)]
    for table, column, rows in later:
        _fill(connection, table, column, [row for row in rows if row[column] is not None])
    _set_sequences(connection, tables)
    return counts


def _is_before(target: Column[Any], table: Table, order: dict[str, int]) -> bool:
    return target.table.name in order and order[target.table.name] < order[table.name]


def _rows(table: Table, source: Source) -> Iterator[dict[str, Any]]:
    names = json.loads(source.readline())
    if unknown := set(names) - set(table.columns.keys()):
        raise ValueError(f"the table {table.name} has no column {', '.join(sorted(unknown))}")
    columns = [table.columns[name] for name in names]
    for line in source:
        values = json.loads(line)
        yield {c.name: _unpacked(value, c) for c, value in zip(columns, values, strict=True)}


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _fill(connection: Connection, table: Table, column: str, rows: list[dict[str, Any]]) -> None:
    keys = list(table.primary_key.columns)
    statement = update(table).values({column: bindparam("new_value")})
    for number, key in enumerate(keys):
        statement = statement.where(key == bindparam(f"key_{number}"))
    values = [{"new_value": row[column]} | {f"key_{n}": row[key.name] for n, key in enumerate(keys)} for row in rows]
    if values:
        connection.execute(statement, values)


def _set_sequences(connection: Connection, tables: Sequence[Table]) -> None:
    """Let PostgreSQL number further rows behind those that were given their numbers; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        for column in table.primary_key.columns:
            if column.type.python_type is not int:
                continue
            sequence = connection.execute(
                text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
            ).scalar()
            highest = connection.execute(select(func.max(column))).scalar()
            if sequence and highest:
                connection.execute(
                    text("SELECT setval(CAST(:name AS regclass), :value)"), {"name": sequence, "value": highest}
                )


def is_empty(connection: Connection) -> bool:
    """Whether no table holds a row."""
    return not any(
        connection.execute(select(1).select_from(table).limit(1)).first() for table in of_database(connection)
    )


def drop_all(connection: Connection) -> None:
    """Remove all tables."""
    metadata = MetaData()
    metadata.reflect(connection)
    metadata.drop_all(connection)


def end_what_waited(connection: Connection, now: datetime) -> None:
    """Revoke the tokens of programs and drop the mails that were to go out when the backup was made.

    What was revoked or sent since is not known here: a token that came back would open what its owner has closed.
    """
    known = {table.name: table for table in of_database(connection)}
    token, mail = known["api_token"], known["mail"]
    moment = _unpacked({"time": now.isoformat()}, token.c.revoked_at)
    connection.execute(update(token).where(token.c.revoked_at.is_(None)).values(revoked_at=moment))
    connection.execute(delete(mail).where(mail.c.sent_at.is_(None), mail.c.due_at.is_not(None)))
