"""The real site for stories and screenshots: seeded, with the real model, in a process of its own."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.steps import UNLIMITED

YIQIAO = Path(sys.executable).parent / "yiqiao"
PASSWORD = "yiqiao-demo"
DATABASE = "yiqiao.sqlite3"
START_SECONDS = 300
STOP_SECONDS = 30
LOOK_EVERY = 0.2
NOT_READY = "检索引擎暂不可用"


@dataclass(frozen=True)
class Site:
    """A running site: its address, its data folder, and the file that its log goes to."""

    url: str
    data_dir: Path
    log: Path


def environment(data_dir: Path) -> dict[str, str]:
    """The environment of a command over a data folder; settings of the caller's own site stay outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YIQIAO_")}
    return kept | {"YIQIAO_DATA_DIR": str(data_dir), "YIQIAO_DEMO": "1", "PYTHONUNBUFFERED": "1", **UNLIMITED}


def run(data_dir: Path, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run `yiqiao` over a data folder; what it prints is in the answer."""
    return subprocess.run(
        [YIQIAO, *arguments],
        cwd=data_dir,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def seed(data_dir: Path, model_cache: Path) -> None:
    """Load the demonstration data into a new data folder, with the model that all tests share."""
    data_dir.mkdir(parents=True)
    model_cache.mkdir(parents=True, exist_ok=True)
    (data_dir / "models").symlink_to(model_cache, target_is_directory=True)
    done = run(data_dir, "seed", seconds=1800)
    assert done.returncode == 0, done.stdout + done.stderr


def copied(seeded: Path, data_dir: Path) -> Path:
    """A data folder of its own, also while another site runs over the first one."""
    shutil.copytree(seeded, data_dir, symlinks=True, ignore=shutil.ignore_patterns(f"{DATABASE}*"))
    with closing(sqlite3.connect(seeded / DATABASE)) as source, closing(sqlite3.connect(data_dir / DATABASE)) as target:
        source.backup(target)
    return data_dir


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(url: str) -> bool:
    """Whether the site answers and its search engine has started."""
    try:
        answer = httpx2.get(f"{url}/search?q=穿刺", timeout=30)
    except httpx2.TransportError:
        return False
    return answer.status_code == 200 and NOT_READY not in answer.text


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Site]:
    """The site over a data folder, with more settings by name, ready to make suggestions; ended by its process id."""
    log = data_dir.parent / f"{data_dir.name}.log"
    port = _free_port()
    site = Site(f"http://127.0.0.1:{port}", data_dir, log)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [YIQIAO, "serve", "--port", str(port)],
            cwd=data_dir,
            env=environment(data_dir) | {f"YIQIAO_{name.upper()}": value for name, value in settings.items()},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(process, site)
            yield site
        finally:
            _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], site: Site) -> None:
    for _ in range(int(START_SECONDS / LOOK_EVERY)):
        if _is_ready(site.url):
            return
        try:
            process.wait(LOOK_EVERY)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"the site did not start:\n{site.log.read_text(encoding='utf-8')}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
