"""Requirements that were stored before they had a source, a tier and 200 characters."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

import backend
from backend.db import Database

LONG = "第一句要求，" * 30 + "第二句要求。" * 30


def migrate(database: Database, revision: str, *, down: bool = False) -> None:
    """Lead the tables to a revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(backend.__file__).parent / "migrations"))
    with database.engine.connect() as connection:
        connection = connection.execution_options(yiqiao_write=True)
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
        connection.commit()


def run(database: Database, *statements: str, **values: str) -> None:
    """Run statements in one transaction."""
    with database.session(write=True) as session:
        for statement in statements:
            session.connection().execute(text(statement), values)


def rows(database: Database) -> list[tuple[object, ...]]:
    """All requirements in order."""
    with database.session() as session:
        return [tuple(row) for row in session.connection().execute(text("SELECT * FROM requirement ORDER BY position"))]


def test_nothing_typed_is_lost_on_the_way_up_and_down(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'yiqiao.sqlite3'}")
    migrate(database, "0001")
    run(
        database,
        "INSERT INTO organisation (id, name, kind, region, summary, created_at)"
        " VALUES ('o', '单位', 'hospital', '310107', '', '2026-01-01')",
        "INSERT INTO need (id, organisation_id, title, region, summary, audience, anonymous, contact, version,"
        " created_at, updated_at, kind,"
        " status, procedure, current_practice, problem, frequency, acceptance_criteria, constraints,"
        " offers, offers_note) VALUES ('n', 'o', '标题', '310107', '', 'members', 0, '', 1, '2026-01-01', '2026-01-01',"
        " 'clinical', 'draft', '', '', '', '', '', '', '[]', '')",
        "INSERT INTO requirement (id, need_id, position, text)"
        " VALUES ('a', 'n', 0, '短的'), ('b', 'n', 1, :long), ('c', 'n', 2, '后面的')",
        long=LONG,
    )
    migrate(database, "0002")
    found = rows(database)
    assert [row[2] for row in found] == list(range(len(found)))
    assert (found[0][3], found[-1][3]) == ("短的", "后面的")
    assert "".join(str(row[3]) for row in found[1:-1]) == LONG
    assert all(len(str(row[3])) <= 200 and str(row[3])[-1] in "，。" for row in found[1:-1])
    assert {row[4:] for row in found} == {("author", "brief")}
    migrate(database, "0001", down=True)
    assert [row[:4] for row in found] == rows(database)
    database.dispose()
