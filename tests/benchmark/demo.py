"""How long `make demo` takes from nothing: a fresh clone in an empty directory, without environment and weights."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from backend.config import PROJECT_ROOT
from tests.steps import UNLIMITED

LIMIT_SECONDS = 1800
PORT = 8977


def main() -> None:
    """Clone, run `make demo`, wait for the first page and for a search by meaning; print the times."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("YIQIAO_", "VIRTUAL_ENV"))}
    environment |= {"YIQIAO_PORT": str(PORT), "HF_HOME": "hf-home-of-the-benchmark"} | UNLIMITED
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT_ROOT), str(clone)], check=True)
        log = (Path(folder) / "log").open("wb")
        start = time.monotonic()
        process = subprocess.Popen(
            ["make", "demo"],
            cwd=clone,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(process, f"http://127.0.0.1:{PORT}/", "医桥", start)
            print(f"make demo from nothing: first page after {time.monotonic() - start:.0f} s")
            # The answer is by relevance once the encoder is loaded, by date before.
            _wait(process, f"http://127.0.0.1:{PORT}/search?q=CT", "按相关程度", start)
            print(f"make demo from nothing: search by meaning after {time.monotonic() - start:.0f} s")
        except RuntimeError as error:
            sys.exit(f"{error}\n{(Path(folder) / 'log').read_text(errors='replace')[-2000:]}")
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=60)
            log.close()


def _wait(process: subprocess.Popen[bytes], url: str, text: str, start: float) -> None:
    """Ask until the page holds the text; raises RuntimeError when the process ends or the limit is reached."""
    while time.monotonic() - start < LIMIT_SECONDS:
        if process.poll() is not None:
            raise RuntimeError(f"make demo ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                if text in answer.read().decode():
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.5)
    raise RuntimeError(f"no answer within {LIMIT_SECONDS} s")
