"""Faults on purpose, and what is left of what was confirmed: used by tests in short, by the benchmark at length.

Confirmed is what a user was told: an answer 303 to a publish. Half-done would be a published text without its audit
event or its row for the index, or either of these without the published text.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import func, select
from sqlmodel import col

from backend.accounts import sessions
from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability
from backend.capabilities.states import CapabilityStatus
from backend.config import Settings
from backend.db import Database, utc_now
from backend.disclosure.models import Audience
from backend.matching import indexing
from backend.matching.documents import TABLE
from backend.outbox import OutboxRow
from tests.factories import PUTUO, Factory, Party
from tests.ports import free_port
from tests.postgres import Server
from tests.processes import answers, kill, start, stop, until

CLIENTS = 4
PATIENCE = 120
"""Seconds after which a client gives up."""


@dataclass
class Outcome:
    """What clients were told, and what was found afterwards."""

    statuses: dict[str, int] = field(default_factory=dict)
    confirmed: int = 0
    lost: int = 0
    half_done: int = 0
    not_found: int = 0
    kills: int = 0
    seconds: float = 0.0


class Publishers:
    """Clients of a broker that publish what was submitted, and try again until they are told that it was done."""

    def __init__(self, database: Database, port: int, count: int) -> None:
        self._database, self._port = database, port
        make = Factory(database)
        self.party = make.party()
        self.ids = [
            make.capability(self.party, f"可调弯穿刺针{number:03}", publish=False, audience=Audience.PUBLIC).id
            for number in range(count)
        ]
        self.reviewer = make.reviewer(PUTUO)
        with database.session(write=True) as session:
            for subject_id in self.ids:
                capabilities.act(session, self.party.viewer, subject_id, "submit")
        self.confirmed: set[str] = set()
        self.statuses: dict[str, int] = {}
        self._lock = threading.Lock()

    def _told(self, status: str) -> None:
        with self._lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def run(self) -> None:
        """Publish all."""
        cookies = {sessions.COOKIE: token_of(self._database, self.reviewer)}
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda number: self._publish(self.ids[number::CLIENTS], cookies), range(CLIENTS)))

    def _publish(self, ids: Sequence[str], cookies: dict[str, str]) -> None:
        with httpx2.Client(base_url=f"http://127.0.0.1:{self._port}", cookies=cookies, timeout=30) as client:
            for subject_id in ids:
                end = time.monotonic() + PATIENCE
                while not self._publish_one(client, subject_id) and time.monotonic() < end:
                    time.sleep(0.05)

    def _publish_one(self, client: httpx2.Client, subject_id: str) -> bool:
        try:
            status = client.post(f"/capabilities/{subject_id}/publish").status_code
        except httpx2.TransportError:
            self._told("no answer")
            return False
        self._told(str(status))
        if status == 303:
            self.confirmed.add(subject_id)
        # 409: a try before this one was carried out, but its answer never arrived.
        return status in (303, 409)


def token_of(database: Database, party: Party) -> str:
    """A session of a member."""
    with database.session(write=True) as session:
        return sessions.start(session, party.user, days=1, user_agent="test")


def waiting(database: Database) -> int:
    """Rows of the outbox that wait for the index."""
    with database.session() as session:
        return indexing.waiting(session, 100_000)


def _looked_at(database: Database, clients: Publishers, outcome: Outcome) -> Outcome:
    """Compare what was confirmed with what is there; the site has worked off its outbox."""
    with database.session() as session:
        published = set(
            session.execute(
                select(col(Capability.id)).where(
                    col(Capability.id).in_(clients.ids), col(Capability.status) == CapabilityStatus.PUBLISHED
                )
            ).scalars()
        )
        events = dict(
            session.execute(
                select(col(AuditEvent.subject_id), func.count())
                .where(col(AuditEvent.event) == Event.CAPABILITY_PUBLISH, col(AuditEvent.subject_id).in_(clients.ids))
                .group_by(col(AuditEvent.subject_id))
            ).all()
        )
        rows = set(
            session.execute(
                select(col(OutboxRow.subject_id)).where(col(OutboxRow.subject_id).in_(clients.ids))
            ).scalars()
        )
        indexed = set(
            session.execute(
                select(TABLE.c.subject_id).where(TABLE.c.subject_id.in_(clients.ids), TABLE.c.deleted.is_(False))
            ).scalars()
        )
    outcome.statuses = clients.statuses
    outcome.confirmed = len(clients.confirmed)
    outcome.lost = len(clients.confirmed - published)
    outcome.half_done = len({i for i in clients.ids if not (i in published) == (events.get(i) == 1) == (i in rows)})
    outcome.not_found = len(published ^ indexed)
    return outcome


def kill_the_web_process(settings: Settings, log: Path, count: int, kills: int) -> Outcome:
    """kill -9 of the one web process, several times while clients publish; it is started again each time."""
    database = Database(settings.resolved_database_url)
    port = free_port()
    clients = Publishers(database, port, count)
    outcome = Outcome()
    process = start(settings, log, "serve", "--port", str(port))
    until(lambda: answers(port), log)
    began = time.monotonic()
    thread = threading.Thread(target=clients.run)
    thread.start()
    for number in range(kills):
        share = (number + 1) * count // (kills + 1)
        while len(clients.confirmed) < share and thread.is_alive():
            time.sleep(0.005)
        kill(process)
        outcome.kills += 1
        process = start(settings, log, "serve", "--port", str(port))
        until(lambda: answers(port), log)
    thread.join()
    outcome.seconds = time.monotonic() - began
    httpx2.get(f"http://127.0.0.1:{port}/search?q=穿刺针&side=capability", timeout=60)
    until(lambda: waiting(database) == 0, log)
    stop(process)
    _looked_at(database, clients, outcome)
    database.dispose()
    return outcome


def stop_the_database(settings: Settings, server: Server, log: Path, count: int, seconds: float) -> Outcome:
    """PostgreSQL is stopped in the middle, and started again after some seconds; the site goes on by itself."""
    database = Database(settings.resolved_database_url)
    port = free_port()
    clients = Publishers(database, port, count)
    outcome = Outcome()
    process = start(settings, log, "serve", "--port", str(port))
    until(lambda: answers(port), log)
    began = time.monotonic()
    thread = threading.Thread(target=clients.run)
    thread.start()
    while len(clients.confirmed) < count // 3 and thread.is_alive():
        time.sleep(0.005)
    server.stop()
    time.sleep(seconds)
    assert httpx2.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    assert httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 503
    server.start()
    thread.join()
    outcome.seconds = time.monotonic() - began
    httpx2.get(f"http://127.0.0.1:{port}/search?q=穿刺针&side=capability", timeout=60)
    until(lambda: waiting(database) == 0, log)
    stop(process)
    _looked_at(database, clients, outcome)
    database.dispose()
    return outcome


def kill_the_worker(settings: Settings, log: Path, count: int, kills: int) -> Outcome:
    """kill -9 of the worker, several times while it indexes an import."""
    database = Database(settings.resolved_database_url)
    make = Factory(database)
    party = make.party()
    ids = [make.capability(party, f"第{n}号产品", summary=f"第{n}号产品的用途和性能。").id for n in range(count)]
    outcome = Outcome(confirmed=count)
    began = time.monotonic()
    for _kill in range(kills):
        before = waiting(database)
        process = start(settings, log, "worker", SECONDS_A_TEXT="0.01")
        until(lambda before=before: waiting(database) < before, log)  # type: ignore[misc]
        kill(process)
        outcome.kills += 1
    process = start(settings, log, "worker")
    until(lambda: waiting(database) == 0, log)
    stop(process)
    outcome.seconds = time.monotonic() - began
    with database.session() as session:
        indexed = set(session.execute(select(TABLE.c.subject_id).where(TABLE.c.deleted.is_(False))).scalars())
        done = session.execute(select(func.count()).where(col(OutboxRow.done_at) <= utc_now())).scalar_one()
    outcome.not_found = len(set(ids) - indexed)
    outcome.lost = count - done
    database.dispose()
    return outcome


def corrupt_the_index(settings: Settings, log: Path, count: int) -> Outcome:
    """Bytes in the middle of every file of the snapshots are turned over while the site is stopped."""
    database = Database(settings.resolved_database_url)
    port = free_port()
    clients = Publishers(database, port, count)
    process = start(settings, log, "serve", "--port", str(port))
    until(lambda: answers(port), log)
    clients.run()
    before = _links(port)
    stop(process)
    outcome = Outcome()
    for path in settings.index_dir.rglob("*"):
        if path.is_file() and (content := bytearray(path.read_bytes())):
            half = len(content) // 2
            content[half : half + 16] = bytes(byte ^ 0xFF for byte in content[half : half + 16])
            path.write_bytes(content)
            outcome.kills += 1
    began = time.monotonic()
    process = start(settings, log, "serve", "--port", str(port))
    until(lambda: answers(port), log)
    outcome.seconds = time.monotonic() - began
    after = _links(port)
    stop(process)
    _looked_at(database, clients, outcome)
    outcome.not_found += len(before ^ after)
    database.dispose()
    return outcome


def _links(port: int) -> set[str]:
    text = httpx2.get(f"http://127.0.0.1:{port}/search?q=可调弯穿刺针&side=capability", timeout=60).text
    return {part.partition('"')[0] for part in text.split('href="/capabilities/')[1:]}
