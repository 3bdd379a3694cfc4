"""The first thing that runs in a process apart: sets the limits, then has the program answer.

It imports nothing of the application. Arguments: the path of the program, bytes of memory, seconds of a processor,
bytes that may be written, and those of the program. The program has a function `answer(source, target, *arguments)`:
the file to read and the file to write, both binary; what it returns is given back as JSON.

Output on standard error: {"answer": …}, {"fault": "kind of an error and where"} or {"too_much": true}.
"""

import json
import os
import runpy
import sys
import traceback
from contextlib import suppress
from pathlib import Path


def limit(memory: int, seconds: int, written: int) -> None:
    """No more than told; where the system knows no limits, the caller's clock ends it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def where(error: BaseException) -> str:
    """The kind of an error and where it happened, without its message, which may hold a part of the file."""
    steps = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__} at {' > '.join(steps[-4:])}"


def main() -> None:
    """Answer in any case that Python survives."""
    path, memory, seconds, written, *arguments = sys.argv[1:]
    limit(int(memory), int(seconds), int(written))
    # Nothing but the answer goes there: libraries write warnings.
    answers = os.fdopen(os.dup(2), "w")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        program = runpy.run_path(path)
        with open(0, "rb", closefd=False) as source, open(1, "r+b", closefd=False) as target:
            said = {"answer": program["answer"](source, target, *arguments)}
    except MemoryError:
        said = {"too_much": True}
    except Exception as error:
        said = {"fault": where(error)}
    answers.write(json.dumps(said))
    answers.close()


if __name__ == "__main__":
    main()
