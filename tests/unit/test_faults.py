"""In short what `python -m tests.benchmark.faults` does at length: nothing confirmed is lost, nothing is half-done."""

from pathlib import Path

import pytest

from backend.config import Settings
from backend.db import Database
from tests import faults
from tests.faults import Outcome
from tests.postgres import running


def assert_whole(outcome: Outcome) -> None:
    """What must hold after every fault."""
    assert (outcome.lost, outcome.half_done, outcome.not_found) == (0, 0, 0)


def test_a_web_process_is_killed_while_clients_publish(settings: Settings, tmp_path: Path) -> None:
    outcome = faults.kill_the_web_process(settings, tmp_path / "log", 30, 2)
    assert_whole(outcome)
    assert outcome.kills == 2
    assert outcome.confirmed + outcome.statuses.get("409", 0) == 30


def test_a_worker_is_killed(settings: Settings, tmp_path: Path) -> None:
    assert_whole(faults.kill_the_worker(settings, tmp_path / "log", 150, 1))


def test_a_damaged_index_is_built_anew(settings: Settings, tmp_path: Path) -> None:
    outcome = faults.corrupt_the_index(settings, tmp_path / "log", 10)
    assert_whole(outcome)
    assert outcome.kills >= 4
    assert "is not used" in (tmp_path / "log").read_text("utf-8")


def test_the_database_is_gone_for_a_while(database_url: str | None, settings: Settings, tmp_path: Path) -> None:
    """A server of its own: the others go on with theirs."""
    if database_url is None:
        pytest.skip("SQLite is no server")
    with running() as server:
        made = Settings(data_dir=tmp_path / "own", database_url=server.create("own"), _env_file=None)
        database = Database(made.resolved_database_url)
        database.upgrade()
        database.dispose()
        outcome = faults.stop_the_database(made, server, tmp_path / "log", 60, 2)
    assert_whole(outcome)
    assert outcome.statuses.get("503", 0) > 0
    assert set(outcome.statuses) <= {"303", "409", "503"}
    assert outcome.confirmed + outcome.statuses.get("409", 0) == 60
