"""The worker: the tasks of a site in a process of its own, over a queue that the web processes wake it by (huey).

The queue holds names of tasks and nothing else. What there is to do stands in the tables, so a queue that is lost, or a
worker that is killed, costs a minute at most: then the task runs again by itself, and finds what was left.
"""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from huey import Huey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer
from sqlalchemy import make_url

from backend.config import Settings
from backend.tasks import Runner, Task, run_one

log = logging.getLogger(__name__)

SCHEMA = "yiqiao_queue"
"""Where the queue has its tables on PostgreSQL, apart from those of the site."""
FILE = "queue.sqlite3"
THREADS = 2
MOST_WAITING = 50
"""Names in the queue; more would be the same ones again."""
POLL_SECONDS = 1.0
HOUR = 3600


class _Json(Serializer):  # type: ignore[misc]
    """Names as JSON: huey would pickle them, and whoever can write into the queue could then run any code."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(data))


def open_queue(settings: Settings) -> Huey:
    """The queue of the site: beside its tables on PostgreSQL, a file in the data folder otherwise."""
    options: dict[str, Any] = {"results": False, "store_none": False, "utc": True, "serializer": _Json()}
    url = make_url(settings.resolved_database_url)
    if url.get_backend_name() == "sqlite":
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return SqliteHuey("yiqiao", filename=str(settings.data_dir / FILE), **options)
    # Imported here: peewee is needed on PostgreSQL alone.
    from huey.contrib.sql_huey import SqlStorage
    from peewee import PostgresqlDatabase

    given: dict[str, Any] = {"user": url.username, "password": url.password, "host": url.host, "port": url.port}
    given |= {**url.query, "application_name": "yiqiao-queue", "connect_timeout": 5, "prefer_psycopg3": True}
    given["options"] = f"-c search_path={SCHEMA} -c lock_timeout=10000"
    database: Any = PostgresqlDatabase(url.database, **{name: v for name, v in given.items() if v is not None})
    with database.connection_context():
        database.execute_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    return Huey("yiqiao", storage_class=SqlStorage, database=database, **options)


def register(queue: Huey, tasks: Sequence[Task]) -> dict[str, Callable[[], object]]:
    """Make tasks known to a queue; returns by name what puts the name of a task into it."""
    return {task.name: _register(queue, task) for task in tasks}


def _register(queue: Huey, task: Task) -> Callable[[], object]:
    minutes = max(1, round(task.seconds / 60))

    def is_due(moment: datetime) -> bool:
        # huey asks once a minute.
        return int(moment.timestamp()) // 60 % minutes == 0

    def work() -> None:
        run_one(task)

    wrapped: Callable[[], object] = queue.periodic_task(is_due, name=task.name)(work)
    return wrapped


def waker(settings: Settings, tasks: Sequence[Task]) -> Runner:
    """A thread of a web process that tells the worker of writes; several at once are told once."""
    after_writes = [task for task in tasks if task.after_writes]
    queue: Huey | None = None
    enqueue: dict[str, Callable[[], object]] = {}

    def wake() -> None:
        nonlocal queue, enqueue
        if queue is None:
            queue = open_queue(settings)
            enqueue = register(queue, after_writes)
        if queue.pending_count() < MOST_WAITING:
            for put in enqueue.values():
                put()

    return Runner([Task("wake the worker", HOUR, wake, after_writes=True)])


def run(settings: Settings, tasks: Sequence[Task]) -> None:
    """Work until SIGTERM, which lets the running tasks end; every task runs once at first."""
    queue = open_queue(settings)
    queue.flush()
    for put in register(queue, tasks).values():
        put()
    consumer = queue.create_consumer(
        workers=THREADS,
        initial_delay=0.1,
        max_delay=POLL_SECONDS,
        scheduler_interval=1,
        graceful_signal="TERM",
    )
    log.info("working on %s", ", ".join(task.name for task in tasks))
    consumer.run()
