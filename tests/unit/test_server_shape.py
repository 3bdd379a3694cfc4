"""The shape of a city: PostgreSQL, several web processes, and a worker, each a real process."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from backend import mailer
from backend.accounts import sessions
from backend.config import PROJECT_ROOT, Settings
from backend.db import Database
from backend.disclosure.models import Audience
from backend.matching import indexing
from tests.factories import PUTUO, Factory
from tests.faults import token_of, waiting
from tests.ports import free_port
from tests.processes import COMMAND, WAIT, answers, until, yiqiao
from tests.steps import environment_of


def test_what_one_process_publishes_another_finds(
    settings: Settings, database: Database, make: Factory, tmp_path: Path
) -> None:
    company = make.party()
    capability = make.capability(company, "可调弯射频房间隔穿刺系统", publish=False, audience=Audience.PUBLIC)
    ports = [free_port(), free_port()]
    log = tmp_path / "log"
    with (
        yiqiao(settings, log, "serve", "--port", str(ports[0])),
        yiqiao(settings, log, "serve", "--port", str(ports[1])),
    ):
        for port in ports:
            until(lambda port=port: answers(port), log)  # type: ignore[misc]
        cookies = {sessions.COOKIE: token_of(database, company)}
        reviewing = {sessions.COOKIE: token_of(database, make.reviewer(PUTUO))}
        for sender, action in ((cookies, "submit"), (reviewing, "publish")):
            url = f"http://127.0.0.1:{ports[0]}/capabilities/{capability.id}/{action}"
            assert httpx2.post(url, cookies=sender, timeout=60).status_code == 303
        found = httpx2.get(f"http://127.0.0.1:{ports[1]}/search?q=房间隔穿刺&side=capability")
        assert capability.id in found.text
        assert (
            httpx2.post(
                f"http://127.0.0.1:{ports[1]}/capabilities/{capability.id}/withdraw", cookies=cookies
            ).status_code
            == 303
        )
        found = httpx2.get(f"http://127.0.0.1:{ports[0]}/search?q=房间隔穿刺&side=capability")
        assert capability.id not in found.text


def test_several_processes_of_one_command(
    settings: Settings, database: Database, make: Factory, tmp_path: Path
) -> None:
    """They share a port and put their figures together; on SQLite the command says what it wants instead."""
    log, port = tmp_path / "log", free_port()
    extra = {"YIQIAO_LOG_FORMAT": "json", "YIQIAO_MODEL": str(tmp_path / "none")}
    with yiqiao(settings, log, "serve", "--processes", "2", "--port", str(port), **extra) as process:
        if database.is_sqlite:
            assert process.wait(WAIT) == 1
            assert "Several web processes want PostgreSQL" in log.read_text("utf-8")
            return
        until(lambda: answers(port, "unavailable"), log)
        for _time in range(20):
            # A new connection each time, so that both processes get some.
            assert httpx2.get(f"http://127.0.0.1:{port}/search").status_code == 200
        figures = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
        assert _figure(figures, 'yiqiao_requests_total{method="GET",route="/search",status="200"}') == 20.0
        assert _figure(figures, "yiqiao_database_up") == 1.0
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]
    asked = [line for line in lines if line.get("route") == "/search"]
    assert len(asked) == 20
    assert all(re.fullmatch("[0-9a-f]{16}", line["request_id"]) for line in asked)
    assert sum(line["message"].startswith("Started server process") for line in lines) == 2


def _figure(text: str, name: str) -> float:
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def test_a_worker_that_is_killed_loses_nothing(
    settings: Settings, database: Database, make: Factory, tmp_path: Path
) -> None:
    """Mails and index rows are in the tables: the next worker finds them, whatever became of the queue."""
    company = make.party()
    count = 3 * indexing.SUBJECTS
    for number in range(count):
        make.capability(company, f"第{number}号产品", summary=f"第{number}号产品的用途和性能。")
    log = tmp_path / "log"
    with yiqiao(settings, log, "worker", SECONDS_A_TEXT="0.02") as process:
        until(lambda: waiting(database) < count, log)
        process.kill()
        process.wait(10)
    assert 0 < waiting(database) < count
    with yiqiao(settings, log, "worker"):
        until(lambda: waiting(database) == 0, log)
    assert "Traceback" not in log.read_text("utf-8")


def test_a_web_process_wakes_the_worker(settings: Settings, database: Database, make: Factory, tmp_path: Path) -> None:
    """Long before the minute is over after which the worker would look by itself."""
    company = make.party()
    capability = make.capability(company, publish=False)
    port, log = free_port(), tmp_path / "log"
    extra = {"YIQIAO_WORKER": "apart"}
    with yiqiao(settings, log, "worker", **extra), yiqiao(settings, log, "serve", "--port", str(port), **extra):
        until(lambda: answers(port) and "working on" in log.read_text("utf-8"), log)
        time.sleep(3)
        with database.session(write=True) as session:
            session.add(mailer.Mail(event="of-no-such-name", recipient="reader@test.example", context={"token": "x"}))
        cookies = {sessions.COOKIE: token_of(database, company)}
        url = f"http://127.0.0.1:{port}/capabilities/{capability.id}/submit"
        began = time.monotonic()
        assert httpx2.post(url, cookies=cookies).status_code == 303
        # Its templates do not exist: the worker has taken it on and given it up.
        until(lambda: "was given up" in log.read_text("utf-8"), log)
        assert time.monotonic() - began < 20


def test_many_that_begin_at_once_make_the_tables_once(
    tmp_path: Path, request: pytest.FixtureRequest, database_url: str | None
) -> None:
    """Four processes over an empty database: all end well, and the tables are there."""
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    if database_url is not None:
        server = request.getfixturevalue("postgres")
        url = server.create("begun_at_once")
    made = Settings(data_dir=tmp_path, database_url=url, _env_file=None)
    environment = {**os.environ, **environment_of(made), "PYTHONPATH": str(PROJECT_ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, "migrate"], env=environment, cwd=tmp_path, stderr=subprocess.PIPE
        )
        for _process in range(4)
    ]
    said = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], said
    database = Database(url)
    with database.session() as session:
        assert indexing.waiting(session, 1) == 0
    database.dispose()
