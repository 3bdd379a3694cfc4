"""A disk that is really full, and two processes that really save at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backend.config import PROJECT_ROOT, Settings
from backend.db import Database
from backend.matching.index_sync import SearchEngine
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder
from tests.steps import TITLES, environment_of, found

SAVER = """
import logging, os, resource, signal, sys
from backend.config import Settings
from backend.db import Database
from backend.matching.index_sync import SearchEngine
from tests.fakes import FakeEncoder
from tests.steps import TITLES, environment_of, found

logging.basicConfig(level="WARNING", format="%(levelname)s %(message)s")
settings = Settings(_env_file=None)
database = Database(settings.resolved_database_url)
engine = SearchEngine(database, settings.index_dir, FakeEncoder)
engine.follow()
"""
FULL = (
    SAVER
    + """
before = found(engine, TITLES[0])
if sys.argv[1] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
elif sys.argv[1] == "tmpfs":
    with open(settings.index_dir / "ballast", "wb", buffering=0) as ballast:
        try:
            while ballast.write(b"x" * 512):
                pass
        except OSError as error:
            print(error.strerror)
        ballast.truncate(max(0, ballast.tell() - int(sys.argv[2])))
engine.save()
assert found(engine, TITLES[0]) == before != []
print("still served")
"""
)
TURNS = (
    SAVER
    + """
from backend.matching import indexing
from backend.disclosure.models import SubjectKind
from backend.capabilities import service as capabilities
for turn in range(4):
    with database.session(write=True) as session:
        indexing.queue(session, [(SubjectKind.CAPABILITY, capabilities.open_ids(session)[0])])
    engine.follow()
    engine.save()
print("saved")
"""
)


def run(code: str, settings: Settings, *arguments: str, before: list[str] | None = None) -> "subprocess.Popen[str]":
    """A process over the data folder of the test."""
    environment = {**os.environ, **environment_of(settings), "PYTHONPATH": str(PROJECT_ROOT)}
    command = [*(before or []), sys.executable, "-c", code, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=settings.data_dir, stdout=pipe, stderr=pipe, text=True)


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, but for the locks of open indexes."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def saved(engine: SearchEngine, settings: Settings, company: Party, make: Factory) -> Party:
    """Snapshots of three capabilities; a fourth came afterwards."""
    engine.follow()
    engine.save()
    make.capability(company, "左心耳封堵器")
    engine.follow()
    return company


def test_the_system_refuses_to_write_on(
    saved: Party, settings: Settings, other: SearchEngine, engine: SearchEngine
) -> None:
    """Nothing may be written beyond a size (RLIMIT_FSIZE), so in the middle of a file."""
    before = files(settings.index_dir)
    process = run(FULL, settings, "limit", "600")
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (0, "still served\n"), errors
    assert errors.count("index snapshot could not be saved") == 4
    assert "Traceback" not in errors
    assert files(settings.index_dir) == before
    other.follow()
    assert found(other, "左心耳封堵器") == found(engine, "左心耳封堵器") != []


@pytest.mark.sqlite  # The server lets nobody from another name space in.
@pytest.mark.parametrize("room", [0, 12_288])
def test_a_file_system_that_is_full(room: int, saved: Party, settings: Settings, engine: SearchEngine) -> None:
    """A small one of its own (tmpfs in a name space of its own), with the snapshots on it and some bytes of room."""
    copy = settings.data_dir / "copy"
    shutil.copytree(settings.index_dir, copy)
    mount = (
        'mount -t tmpfs -o size=2m tmpfs "$1" && cp -r "$2"/. "$1" && shift 2 && "$@"; code=$?; '
        f'rm -f "{settings.index_dir}/ballast"; rm -rf "{copy}"; cp -r "{settings.index_dir}" "{copy}"; exit $code'
    )
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*own, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode
    ):
        pytest.skip("this system lets nobody mount a file system of their own")
    before = files(settings.index_dir)
    process = run(
        FULL, settings, "tmpfs", str(room), before=[*own, "sh", "-c", mount, "sh", str(settings.index_dir), str(copy)]
    )
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (0, "No space left on device\nstill served\n"), errors
    assert "index snapshot could not be saved" in errors
    assert "Traceback" not in errors
    after = files(copy)
    assert not [name for name in after if ".saving-" in name], "something unfinished was left"
    assert {Path(name).parts[0] for name in after} == {Path(name).parts[0] for name in before}
    restored = SearchEngine(engine._database, copy, FakeEncoder)
    restored.follow()
    assert found(restored, "左心耳封堵器") == found(engine, "左心耳封堵器") != []


def test_two_processes_that_save_at_once(
    settings: Settings, database: Database, engine: SearchEngine, saved: Party, caplog: pytest.LogCaptureFixture
) -> None:
    """Each follows and saves time and again, and a third reads meanwhile; in the end each side has a whole one."""
    engine.save()
    savers = [run(TURNS, settings) for _process in range(2)]
    looked = 0
    while any(saver.poll() is None for saver in savers) or not looked:
        reader = SearchEngine(database, settings.index_dir, FakeEncoder)
        reader.follow()
        assert found(reader, TITLES[0]) == found(engine, TITLES[0]) != []
        looked += 1
    for saver in savers:
        output, errors = saver.communicate()
        assert (saver.returncode, output, errors) == (0, "saved\n", "")
    assert sorted(len(list(side.iterdir())) for side in settings.index_dir.iterdir()) == [1, 1, 1, 1]
    caplog.clear()
    last = SearchEngine(database, settings.index_dir, FakeEncoder)
    last.follow()
    assert "rebuilt" not in caplog.text
    assert last.sizes() == engine.sizes()
