"""The archive of a backup: a tar of plain files, with a manifest at its end that holds the digest of each.

An archive without a manifest is one that was cut short. Everything is compared with it before anything is restored.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from embeddings.files import replaced

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK = 1 << 20


class BadArchive(ValueError):
    """The file is no backup of this program, is damaged, or was made by a newer one."""


@dataclass(frozen=True)
class Member:
    """A file of the archive; `rows` where it is a table."""

    sha256: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True)
class Manifest:
    """What an archive holds, and the migration that its tables belong to."""

    revision: str
    made_at: str
    database: str
    members: dict[str, Member] = field(default_factory=dict)
    format: int = FORMAT
    program: str = "yiqiao"


class Writer:
    """Adds files to an archive, and keeps their digests."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: dict[str, Member] = {}

    def add(self, name: str, content: IO[bytes], rows: int | None = None) -> None:
        """Add a file from its beginning."""
        size = content.seek(0, io.SEEK_END)
        content.seek(0)
        reading = _Digesting(content)
        self._tar.addfile(_entry(name, size), reading)
        if reading.count != size:
            raise OSError(f"{name} changed its size while it was saved")
        self.members[name] = Member(reading.digest.hexdigest(), size, rows)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest."""
        content = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
        self._tar.addfile(_entry(MANIFEST, len(content)), io.BytesIO(content))


class _Digesting(io.RawIOBase):
    """Reads a file and takes its digest on the way."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.digest = hashlib.sha256()
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        found = self._content.read(size)
        self.digest.update(found)
        self.count += len(found)
        return found


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """An archive to write; it stands at `path` when it is whole, readable by its owner alone. Raises OSError."""
    with replaced(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        yield Writer(tar)


class Reader:
    """A whole archive, each of whose files has been compared with its digest."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar = tar
        self.manifest = manifest

    def names(self, folder: str) -> list[str]:
        """The files below a folder of the archive, without the name of the folder."""
        return sorted(n.removeprefix(f"{folder}/") for n in self.manifest.members if n.startswith(f"{folder}/"))

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file to read."""
        found = self._tar.extractfile(name)
        assert found is not None, "verified before"
        with found:
            yield found


@contextmanager
def verified(path: Path) -> Iterator[Reader]:
    """An archive to read; raises BadArchive unless all of it is as it was written, OSError where there is none."""
    try:
        with tarfile.open(path, "r:") as tar:
            manifest = _manifest(tar)
            _compare(tar, manifest)
            yield Reader(tar, manifest)
    except tarfile.TarError as error:
        raise BadArchive("The file is no archive, or is damaged.") from error


def _manifest(tar: tarfile.TarFile) -> Manifest:
    try:
        content = tar.extractfile(MANIFEST)
    except KeyError as error:
        raise BadArchive("The archive has no manifest: it is no backup, or was cut short.") from error
    try:
        assert content is not None
        found = json.loads(content.read())
        number = found["format"]
        if number != FORMAT:
            raise BadArchive(f"The archive has the format {number}; this program reads {FORMAT}.")
        members = {name: Member(**member) for name, member in found.pop("members").items()}
        return Manifest(members=members, **found)
    except (AssertionError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadArchive):
            raise
        raise BadArchive("The manifest of the archive is damaged.") from error


def _compare(tar: tarfile.TarFile, manifest: Manifest) -> None:
    """Every file is there once, is plain, has a name that leads nowhere else, and its digest."""
    entries = [entry for entry in tar.getmembers() if entry.name != MANIFEST]
    if sorted(entry.name for entry in entries) != sorted(manifest.members):
        raise BadArchive("The archive does not hold the files that its manifest names.")
    for entry in entries:
        path = PurePosixPath(entry.name)
        if not entry.isreg() or path.is_absolute() or ".." in path.parts or "\\" in entry.name:
            raise BadArchive("The archive holds something that is no plain file.")
        digest, content = hashlib.sha256(), tar.extractfile(entry)
        assert content is not None
        while chunk := content.read(CHUNK):
            digest.update(chunk)
        if digest.hexdigest() != manifest.members[entry.name].sha256:
            raise BadArchive(f"{entry.name} is damaged.")
