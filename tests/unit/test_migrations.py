"""Migrations and models describe the same tables, and lead both ways."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlmodel import SQLModel

import backend
from backend.db import Database
from backend.models import TABLES


@pytest.fixture
def empty(tmp_path: Path) -> Database:
    """A database without any table, in a folder that does not exist yet."""
    return Database(f"sqlite:///{tmp_path / 'new' / 'yiqiao.sqlite3'}")


def tables(database: Database) -> set[str]:
    """The tables that are there, without Alembic's own."""
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_migrations_make_the_tables_of_the_models(empty: Database) -> None:
    empty.upgrade()
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    assert tables(empty) == {table.__tablename__ for table in TABLES}
    empty.dispose()


def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    empty.upgrade()
    before = tables(empty)
    empty.upgrade()
    assert tables(empty) == before
    empty.dispose()


def test_downgrading_leaves_nothing_behind(empty: Database) -> None:
    empty.upgrade()
    config = Config()
    config.set_main_option("script_location", str(Path(backend.__file__).parent / "migrations"))
    with empty.engine.connect() as connection:
        connection = connection.execution_options(yiqiao_write=True)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
    assert tables(empty) == set()
    empty.upgrade()
    assert tables(empty) == {table.__tablename__ for table in TABLES}
    empty.dispose()


def test_every_table_is_listed_for_migrations() -> None:
    assert {table.__tablename__ for table in TABLES} == set(SQLModel.metadata.tables)
