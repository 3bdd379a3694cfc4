"""Migrations and models describe the same tables, and lead both ways."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import String, inspect
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

import backend
from backend.db import Database
from backend.models import TABLES

ROWS = (
    "INSERT INTO organisation (id, name, kind, region, summary, created_at)"
    " VALUES ('o', '示例·单位', 'hospital', '310107', '', '2026-01-01')",
    "INSERT INTO department (id, organisation_id, name) VALUES ('d', 'o', '示例科')",
)


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


def test_making_a_table_anew_deletes_no_rows_that_refer_to_it(empty: Database) -> None:
    """SQLite drops the old table, and with it would go what its rows take along when they are deleted."""
    empty.upgrade()
    with empty.engine.connect() as connection:
        for statement in ROWS:
            connection.exec_driver_sql(statement)
        connection.commit()
    with empty.migrating() as connection:
        operations = Operations(MigrationContext.configure(connection, opts={"render_as_batch": True}))
        with operations.batch_alter_table("organisation", recreate="always") as batch:
            batch.alter_column("summary", existing_type=String(4000), type_=String(5000))
    with empty.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM department").scalar_one() == 1
    with pytest.raises(IntegrityError), empty.migrating() as connection:
        connection.exec_driver_sql("DELETE FROM organisation")
    with empty.session() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM organisation").scalar_one() == 1
        assert session.connection().exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    empty.dispose()
