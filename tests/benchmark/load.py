"""Users at work on both databases: `python -m tests.benchmark.load [--users 50] [--seconds 120]`.

SQLite is served by one web process that does all the work, PostgreSQL by two and a worker, as compose.yaml has it. Both
hold the demonstration data; the encoder is the real one; load, sites and server share one machine over 127.0.0.1.
Prints the table of docs/benchmarks.md. What users do stands in load_users.py.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from sqlmodel import Session, col, select

from backend import seeding
from backend.accounts import sessions
from backend.accounts.models import User
from backend.capabilities import service as capabilities
from backend.config import PROJECT_ROOT, SEED_DIR, Settings
from backend.db import Database
from backend.matching.engine import make_engine
from backend.needs import service as needs
from backend.needs.models import Need
from backend.organisations.models import Membership, Organisation
from tests.ports import free_port
from tests.postgres import running
from tests.steps import UNLIMITED, environment_of

USERS, SECONDS = 50, 120
READY_SECONDS = 300


def main(users: int = USERS, seconds: int = SECONDS) -> None:
    """Measure both and print a table."""
    print(f"{users} users, {seconds} s, {os.cpu_count()} cores")
    print("| request | database | count | failures | per second | p50 ms | p95 ms | p99 ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with running(durable=True) as server:
        for kind in ("SQLite", "PostgreSQL"):
            with tempfile.TemporaryDirectory(prefix="yiqiao-load-") as name:
                folder = Path(name)
                url = server.create("load") if kind == "PostgreSQL" else None
                settings = Settings(data_dir=folder / "data", database_url=url, _env_file=None)
                given = _prepare(settings, users)
                with _site(settings, folder / "log", apart=url is not None) as port:
                    _load(folder, port, given, users, seconds)
                _print(folder / "load_stats.csv", kind)
                _complain(folder / "log")


def _prepare(settings: Settings, users: int) -> dict[str, object]:
    """Demonstration data, indexed, and as many sessions as there are users."""
    settings.data_dir.mkdir()
    cache = (PROJECT_ROOT / Settings().data_dir / "models").resolve()
    cache.mkdir(parents=True, exist_ok=True)
    settings.models_dir.symlink_to(cache)
    database = Database(settings.resolved_database_url)
    database.upgrade()
    with database.session(write=True) as session:
        seeding.seed(session, SEED_DIR)
    engine = make_engine(settings, database)
    engine.rebuild(vectors=SEED_DIR / "vectors.npz")
    engine.close()
    with database.session(write=True) as session:
        members = _members(session)
        tokens = [
            sessions.start(session, members[number % len(members)], days=1, user_agent="load")
            for number in range(users)
        ]
        given: dict[str, object] = {
            "cookie": sessions.COOKIE,
            "tokens": tokens,
            "needs": _members_needs(session),
            "capabilities": list(capabilities.open_ids(session)),
        }
    database.dispose()
    return given


def _members(session: Session) -> list[User]:
    """Who writes for a hospital."""
    query = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .join(Organisation, col(Organisation.id) == col(Membership.organisation_id))
        .where(Organisation.kind == "hospital")
        .order_by(col(User.email))
    )
    return list(session.exec(query).all())


def _members_needs(session: Session) -> list[str]:
    """Needs that every member may read."""
    ids = needs.open_ids(session)
    return [need.id for need in session.exec(select(Need).where(col(Need.id).in_(ids))).all()]


@contextmanager
def _site(settings: Settings, log: Path, *, apart: bool) -> Iterator[int]:
    """The site as it is run, with its encoder loaded."""
    port = free_port()
    environment = {**os.environ, **environment_of(settings), "PYTHONPATH": str(PROJECT_ROOT)}
    # The demonstration data hold accounts with a public password.
    environment |= {"YIQIAO_DEMO": "1", **UNLIMITED, **({"YIQIAO_WORKER": "apart"} if apart else {})}
    command = [sys.executable, "-c", "from backend.cli import app; app()"]
    commands = [[*command, "serve", "--port", str(port), *(["--processes", "2"] if apart else [])]]
    commands += [[*command, "worker"]] if apart else []
    with log.open("wb") as output:
        processes = [
            subprocess.Popen(line, env=environment, cwd=log.parent, stdout=output, stderr=output) for line in commands
        ]
        try:
            _wait(port, log, times=6 if apart else 1)
            yield port
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(60)


def _wait(port: int, log: Path, times: int) -> None:
    """Until the encoder is loaded, in whichever process answers, several times in a row."""
    end, ready = time.monotonic() + READY_SECONDS, 0
    while ready < times:
        if time.monotonic() > end:
            sys.exit(log.read_text(errors="replace")[-3000:])
        try:
            found = httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=10).json()
            ready = ready + 1 if found["encoder"] == "ready" else 0
        except httpx2.TransportError:
            ready = 0
        time.sleep(0.3)


def _load(folder: Path, port: int, given: dict[str, object], users: int, seconds: int) -> None:
    environment = {**os.environ, "YIQIAO_LOAD": json.dumps(given), "PYTHONPATH": str(PROJECT_ROOT)}
    command = [sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("load_users.py")), "--headless"]
    command += ["--users", str(users), "--spawn-rate", "10", "--run-time", f"{seconds}s", "--stop-timeout", "30"]
    command += ["--host", f"http://127.0.0.1:{port}", "--csv", str(folder / "load"), "--only-summary"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stdout[-2000:] + done.stderr[-3000:])
    if done.returncode == 1:
        # Some requests failed: the summary says which.
        print(done.stdout[done.stdout.find("Error report") :], file=sys.stderr)


def _print(path: Path, kind: str) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = f"**{row['Name']}**" if row["Name"] == "Aggregated" else f"`{row['Name']}`"
            print(
                f"| {name} | {kind} | {row['Request Count']} | {row['Failure Count']} "
                f"| {float(row['Requests/s']):.1f} | {row['50%']} | {row['95%']} | {row['99%']} |",
                flush=True,
            )


def _complain(log: Path) -> None:
    """What the site itself has to say about its errors."""
    lines = log.read_text(errors="replace").splitlines()
    for line in [line for line in lines if " ERROR " in line][:10]:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    chosen = parser.parse_args()
    main(chosen.users, chosen.seconds)
