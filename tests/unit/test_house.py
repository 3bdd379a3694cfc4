"""The shape of the house: floors, quiet imports, and the Dockerfile."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from backend.config import PROJECT_ROOT

BIN = Path(sys.executable).parent
HEAVY = {"faiss", "sentence_transformers", "tantivy", "torch", "transformers"}
# An annotation and the type of a session, nothing that builds a query.
ALLOWED_IN_ROUTES = {"Session"}


def run(*command: str, folder: Path = PROJECT_ROOT) -> subprocess.CompletedProcess[str]:
    """Run a program and capture what it says."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_every_folder_keeps_to_its_floor() -> None:
    """The contracts stand in pyproject.toml."""
    done = run(str(BIN / "lint-imports"), "--no-logo", "--no-cache")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["backend.main", "backend.cli", "embeddings", "backend.matching.service"])
def test_an_import_does_no_work(module: str, tmp_path: Path) -> None:
    """No heavy library, no file, no thread, no word: work begins in the factory and in the commands."""
    code = f"import sys, threading, {module}; print(sorted({HEAVY!r} & set(sys.modules)), threading.active_count())"
    done = run(
        sys.executable,
        "-W",
        "error",
        "-c",
        f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r}); {code}",
        folder=tmp_path,
    )
    assert (done.stdout, done.stderr) == ("[] 1\n", "")
    assert list(tmp_path.iterdir()) == []


def test_the_library_stands_alone(tmp_path: Path) -> None:
    """`from embeddings import ...` in a notebook brings no web framework and no database along."""
    code = "import sys, embeddings; print([m for m in ('backend', 'fastapi', 'sqlalchemy') if m in sys.modules])"
    done = run(sys.executable, "-c", f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r}); {code}", folder=tmp_path)
    assert done.stdout == "[]\n"


def test_routes_take_from_sqlmodel_the_session_alone() -> None:
    backend = PROJECT_ROOT / "backend"
    paths = [*backend.glob("*/*routes.py"), *backend.glob("*/routes/*.py"), backend / "disclosure" / "pages.py"]
    assert len(paths) >= 6
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlmodel"):
                assert {alias.name for alias in node.names} <= ALLOWED_IN_ROUTES, path
            if isinstance(node, ast.Import):
                assert not [alias.name for alias in node.names if alias.name.startswith("sqlmodel")], path


def test_services_leave_the_commit_to_the_request() -> None:
    for path in (PROJECT_ROOT / "backend").glob("*/*.py"):
        calls = [
            n.func.attr
            for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        ]
        assert "commit" not in calls or path.parent.name == "migrations", path


def test_the_dockerfile_passes_hadolint() -> None:
    done = run(str(BIN / "hadolint"), "--failure-threshold", "info", str(PROJECT_ROOT / "Dockerfile"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_wheel_needs_is_inside_the_packages() -> None:
    """Templates, static files, seed data and migrations are read from beside the code."""
    assert importlib.util.find_spec("backend") is not None
    from backend.config import FRONTEND_DIR, SEED_DIR

    for folder in (FRONTEND_DIR / "templates", FRONTEND_DIR / "static", SEED_DIR / "taxonomies"):
        assert any(folder.iterdir())
