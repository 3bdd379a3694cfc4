"""Measures speed: `python -m tests.benchmark [part ...]`. Prints figures and ratios, changes nothing.

suggestions: from the text of a need to the rendered list of suggestions, over HTTP on the seed data, beside the BM25
index alone and the encoder alone in the same run. encoding: texts a second of the encoder's ways. index: vector indexes
up to a million. scale: the engine at 100,000 capabilities. quality: the judged sets, also those over reference data.
demo: the time of `make demo` in a fresh clone with no environment, until the site answers and until it suggests.
faults: processes killed, PostgreSQL stopped, files damaged, and what is left. load: fifty users, on both databases.
imports: 5,000 rows from the file to the index. desk: the pages of a broker with much on them, questions counted.
"""

import importlib
import sys

PARTS = ("suggestions", "encoding", "index", "scale", "quality", "demo", "faults", "load", "imports", "desk")

if __name__ == "__main__":
    chosen = sys.argv[1:] or ["suggestions"]
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    for name in chosen:
        importlib.import_module(f"tests.benchmark.{name}").main()
