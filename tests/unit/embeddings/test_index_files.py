"""Saving an index when the disk is full, when processes are killed, and when two of them save at once."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embeddings.index import FaissIndex

D = 16


def index_of(n: int) -> FaissIndex:
    index = FaissIndex(D, "m", compress_above=500, background=False)
    rows = np.random.default_rng(n).normal(size=(n, D)).astype(np.float32)
    index.upsert(np.arange(n, dtype=np.int64), rows)
    return index


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "i"
    index_of(20).save(path, 1)
    return path


def unchanged(path: Path, before: bytes) -> bool:
    return path.read_bytes() == before and [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("count", [400, 3000])
def test_no_room_for_the_content(saved: Path, count: int) -> None:
    """The system itself refuses to write on, in the middle of the content, as it does on a full disk."""
    before, index = saved.read_bytes(), index_of(count)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, hard))
    try:
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is looked at
            index.save(saved, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert unchanged(saved, before)
    index.save(saved, 2)
    assert len(FaissIndex.load(saved, model="m", dimension=D)[0]) == count


def test_no_room_is_noticed_last(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems tell only when the data are forced to the disk."""
    before, index = saved.read_bytes(), index_of(400)

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="space"):
        index.save(saved, 2)
    assert unchanged(saved, before)


def test_what_killed_processes_left_is_removed(saved: Path) -> None:
    abandoned, recent = saved.with_name(".i-abandoned"), saved.with_name(".i-recent")
    for path in (abandoned, recent):
        path.write_bytes(b"half")
    os.utime(abandoned, (0, 0))
    index_of(20).save(saved, 2)
    assert sorted(entry.name for entry in saved.parent.iterdir()) == [".i-recent", "i"]


def test_two_processes_save_at_once(tmp_path: Path) -> None:
    path = tmp_path / "i"
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from embeddings.index import FaissIndex\n"
        "n = int(sys.argv[2])\n"
        f"index = FaissIndex({D}, 'm')\n"
        f"index.upsert(np.arange(n), np.ones((n, {D}), dtype='f'))\n"
        "for _ in range(25):\n"
        "    index.save(Path(sys.argv[1]), n)\n"
    )
    counts = (700, 900)
    index_of(700).save(path, 700)
    savers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(n)]) for n in counts]
    loads = 0
    while any(saver.poll() is None for saver in savers) or loads == 0:
        loaded, sequence = FaissIndex.load(path, model="m", dimension=D)
        assert len(loaded) == sequence in counts
        loads += 1
    assert [saver.wait() for saver in savers] == [0, 0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["i"]
