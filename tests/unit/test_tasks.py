"""Work beside the requests: at intervals, soon after a write, and a failure stops nothing."""

import threading

import pytest

from backend.tasks import Runner, Task, run_one


class Counter:
    """A task that counts its runs and tells when there have been enough."""

    def __init__(self, enough: int = 1) -> None:
        self.runs = 0
        self.enough = enough
        self.reached = threading.Event()

    def __call__(self) -> None:
        self.runs += 1
        if self.runs >= self.enough:
            self.reached.set()


def test_a_task_runs_at_the_start_and_at_intervals() -> None:
    often, seldom = Counter(3), Counter()
    runner = Runner([Task("often", 0.01, often), Task("seldom", 3600, seldom)])
    runner.start()
    assert often.reached.wait(10) and seldom.reached.wait(10)
    runner.close()
    assert seldom.runs == 1


def test_a_write_wakes_the_tasks_that_follow_writes() -> None:
    follows, does_not = Counter(2), Counter(2)
    runner = Runner([Task("follows", 3600, follows, after_writes=True), Task("does not", 3600, does_not)])
    runner.start()
    while not does_not.runs:
        threading.Event().wait(0.01)
    runner.wake()
    assert follows.reached.wait(10)
    runner.close()
    assert does_not.runs == 1


def test_a_failing_task_is_logged_without_its_message_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("a private text")

    counter = Counter(3)
    runner = Runner([Task("failing", 0.01, fail), Task("counting", 0.01, counter)])
    runner.start()
    assert counter.reached.wait(10)
    runner.close()
    assert "task failing failed: RuntimeError" in caplog.text
    assert "private" not in caplog.text


def test_one_run_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    counter = Counter()
    run_one(Task("counting", 1, counter))
    assert counter.runs == 1


def test_closing_waits_for_the_task_that_runs_and_needs_no_start() -> None:
    Runner([]).close()
    counter = Counter()
    runner = Runner([Task("counting", 3600, counter)])
    runner.start()
    runner.close()
    runner.close()
    assert counter.runs <= 1
