"""The site and its worker as real processes, for tests of what happens when they end or are many."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from backend.config import PROJECT_ROOT, Settings
from tests.steps import environment_of

SITE = """
import os, sys, time
from tests.fakes import FakeEncoder
import backend.matching.engine as engine

class Encoder(FakeEncoder):
    def encode_passages(self, texts):
        time.sleep(float(os.environ.get("SECONDS_A_TEXT", 0)) * len(texts))
        return super().encode_passages(texts)

engine.load_encoder = lambda *_a, **_o: Encoder()
"""
"""What stands before the real code: no test loads the real weights."""
COMMAND = SITE + "from backend.cli import app\nsys.argv[0] = 'yiqiao'\napp()\n"
WAIT = 240
"""Seconds; on a busy machine importing alone takes one of them after another."""
Process = subprocess.Popen[bytes]


def start(settings: Settings, log: Path, *arguments: str, **extra: str) -> Process:
    """Begin a command of `yiqiao`; what it says goes into the log."""
    environment = {**os.environ, **environment_of(settings), "PYTHONPATH": str(PROJECT_ROOT), **extra}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments], env=environment, cwd=log.parent, stdout=output, stderr=output
        )


def stop(process: Process) -> None:
    """End a process as its operator would."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        kill(process)


def kill(process: Process) -> None:
    """End a process as a power failure would (kill -9)."""
    process.kill()
    process.wait(10)


@contextmanager
def yiqiao(settings: Settings, log: Path, *arguments: str, **extra: str) -> Iterator[Process]:
    """A command for as long as the block lasts."""
    process = start(settings, log, *arguments, **extra)
    try:
        yield process
    finally:
        stop(process)


def until(condition: Callable[[], bool], log: Path) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, log.read_text("utf-8")[-3000:]
        time.sleep(0.1)


def answers(port: int, encoder: str = "ready") -> bool:
    """Whether a site is ready, and has its encoder."""
    try:
        found = httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
    except httpx2.TransportError:
        return False
    return found.status_code == 200 and found.json()["encoder"] == encoder
