"""`import embeddings` is cheap and knows nothing of the web application."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FORBIDDEN = {"torch", "faiss", "sentence_transformers", "transformers", "tantivy", "rjieba", "ir_measures"}
UNKNOWN = {"backend", "fastapi", "starlette", "sqlalchemy", "sqlmodel"}


def _loaded_after(statement: str) -> set[str]:
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


def test_import_loads_no_heavy_library() -> None:
    loaded = _loaded_after("import embeddings, embeddings.search, embeddings.evaluation, embeddings.bundled")
    assert "embeddings.index.faiss" in loaded
    assert loaded & (FORBIDDEN | UNKNOWN) == set()


def test_using_indexes_loads_no_web_nor_torch() -> None:
    loaded = _loaded_after(
        "import embeddings\nembeddings.FaissIndex(4, 'm')\nembeddings.LexicalIndex().upsert({'a': '支架'})"
    )
    assert {"faiss", "tantivy", "rjieba"} <= loaded
    assert loaded & (UNKNOWN | {"torch", "transformers"}) == set()


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"), ({"GOMP_SPINCOUNT": "0"}, None)],
)
def test_idle_threads_sleep_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str | None
) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    code = "import os, embeddings\nembeddings.FaissIndex(4, 'm')\nprint(os.environ.get('OMP_WAIT_POLICY'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == str(expected)
