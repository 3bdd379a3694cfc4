"""Measures speed: `python -m tests.benchmark [suggestions] [demo]`. Prints figures and ratios, changes nothing.

suggestions: from the text of a need to the rendered list of suggestions, over HTTP on the seed data, beside the BM25
index alone and the encoder alone in the same run. demo: the time of `make demo` in a fresh clone with no environment,
until the site answers and until it suggests.
"""

import sys

from tests.benchmark import demo, suggestions

PARTS = {"suggestions": suggestions.main, "demo": demo.main}

if __name__ == "__main__":
    chosen = sys.argv[1:] or ["suggestions"]
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    for name in chosen:
        PARTS[name]()
