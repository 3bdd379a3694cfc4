"""Organisations that were stored before they had a status, a contact and a key of their name."""

from pathlib import Path

from sqlalchemy import text

from backend.db import Database
from tests.unit.test_requirements_migration import migrate, run

BEFORE = "0005"


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    """What a query answers."""
    with database.session() as session:
        return [tuple(row) for row in session.connection().execute(text(query))]


def test_the_verified_stay_verified_and_nothing_that_hangs_on_them_is_lost(tmp_path: Path) -> None:
    """SQLite would empty departments and memberships, had the table of organisations been built anew."""
    database = Database(f"sqlite:///{tmp_path / 'yiqiao.sqlite3'}")
    migrate(database, BEFORE)
    run(
        database,
        "INSERT INTO organisation (id, name, kind, region, summary, created_at, verified_at)"
        " VALUES ('v', '示例（上海）医院', 'hospital', '310107', '', '2026-01-02 03:04:05', '2026-01-03 00:00:00')",
        "INSERT INTO organisation (id, name, kind, region, summary, created_at)"
        " VALUES ('w', '示例 Company', 'enterprise', '310107', '', '2026-01-02 03:04:05')",
        "INSERT INTO department (id, organisation_id, name) VALUES ('d', 'v', '心血管内科')",
        "INSERT INTO user_account (id, email, name, password_hash, is_admin, is_active, created_at)"
        " VALUES ('u', 'a@test.example', '甲', '', 0, 1, '2026-01-02 03:04:05')",
        "INSERT INTO membership (id, user_id, organisation_id, department_id, role, created_at)"
        " VALUES ('m', 'u', 'v', 'd', 'owner', '2026-01-02 03:04:05')",
    )
    hanging = "SELECT m.id, m.department_id, d.name FROM membership m JOIN department d ON d.id = m.department_id"
    before = rows(database, hanging)
    assert before == [("m", "d", "心血管内科")]
    migrate(database, "0006")
    query = "SELECT id, status, verified_name, name_key, submitted_at = created_at FROM organisation ORDER BY id"
    assert rows(database, query) == [
        ("v", "verified", "示例（上海）医院", "示例(上海)医院", 1),
        ("w", "waiting", None, "示例company", 1),
    ]
    assert rows(database, hanging) == before
    migrate(database, BEFORE, down=True)
    assert rows(database, hanging) == before
    assert rows(database, "SELECT id, name FROM organisation ORDER BY id") == [
        ("v", "示例（上海）医院"),
        ("w", "示例 Company"),
    ]
    database.dispose()
