"""Work that nobody waits for: done at intervals, and soon after a write, by a thread of the web process or by a worker.

Every task may run in several processes at once and may be interrupted at any point: what it did is in the database, and
the next run goes on from there.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.again import repeated
from backend.quiet import where

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """Work with a name, done every so many seconds; with `after_writes` also soon after each write."""

    name: str
    seconds: float
    run: Callable[[], object]
    after_writes: bool = False


def run_one(task: Task) -> None:
    """Run a task, again where it met another one; a failure is logged and leaves the work for the next time."""
    try:
        repeated(task.run)
    except Exception as error:
        log.error("task %s failed: %s", task.name, where(error))


class Runner:
    """A thread that runs tasks while the site runs."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; every task runs once at first."""
        self._thread = threading.Thread(target=self._work, name="tasks", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something has been written."""
        self._woken.set()

    def close(self) -> None:
        """End after the task that is running."""
        self._ended.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        due = {task.name: time.monotonic() for task in self._tasks}
        while not self._ended.is_set():
            woken = self._woken.is_set()
            self._woken.clear()
            for task in self._tasks:
                if self._ended.is_set():
                    return
                if due[task.name] <= time.monotonic() or (woken and task.after_writes):
                    run_one(task)
                    due[task.name] = time.monotonic() + task.seconds
            self._woken.wait(max(0.0, min(due.values()) - time.monotonic()))
