"""Where the contents of files lie: a folder today, an object store tomorrow, by fsspec.

Contents have random names in two levels of folders, outside of everything that is served. One is written under a name
for what is unfinished and moved when it is whole, so a name that stands in the database has its content.
"""

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec

from backend.attachments.errors import StorageUnavailable
from backend.config import Settings
from backend.errors import NotFound

CHUNK = 256 * 1024
_UNFINISHED = "incoming"


class Storage:
    """Contents by name. All methods may be called from several threads and processes."""

    def __init__(self, url: str) -> None:
        """`url` is anything that fsspec knows: `file:///folder`, `memory://name`; raises ValueError for another."""
        try:
            files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ValueError(f"the storage of attachments {url.partition('://')[0]}:// cannot be used") from error
        self._files: Any = files
        self._root = str(root).rstrip("/")

    def put(self, content: BinaryIO) -> str:
        """Store a content from its beginning; returns its name. Raises StorageUnavailable and keeps nothing."""
        name = secrets.token_hex(16)
        unfinished, final = f"{self._root}/{_UNFINISHED}/{name}", self._path(name)
        content.seek(0)
        try:
            self._make_folder(unfinished)
            self._make_folder(final)
            with self._files.open(unfinished, "wb") as target:
                while chunk := content.read(CHUNK):
                    target.write(chunk)
                target.flush()
                if "file" in self._protocols:
                    os.fsync(target.fileno())
            self._files.mv(unfinished, final)
        except OSError as error:
            self._drop(unfinished)
            raise StorageUnavailable from error
        return name

    def open(self, name: str) -> BinaryIO:
        """A content to read; raises NotFound where it is gone, StorageUnavailable where the storage fails."""
        try:
            return cast(BinaryIO, self._files.open(self._path(name), "rb"))
        except FileNotFoundError as error:
            raise NotFound from error
        except OSError as error:
            raise StorageUnavailable from error

    def delete(self, name: str) -> None:
        """Remove a content; one that is not there is no error. Raises StorageUnavailable."""
        try:
            self._files.rm_file(self._path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageUnavailable from error

    def contents(self) -> Iterator[tuple[str, datetime]]:
        """(name, time of writing) of every content, the unfinished ones among them."""
        if not self._files.exists(self._root):
            return
        for path in self._files.find(self._root):
            try:
                yield path.rpartition("/")[2], self._files.modified(path).astimezone(UTC)
            except FileNotFoundError:
                continue

    def discard(self, name: str) -> None:
        """Remove a content that no row names, finished or not."""
        self._drop(f"{self._root}/{_UNFINISHED}/{name}")
        self.delete(name)

    @property
    def _protocols(self) -> tuple[str, ...]:
        protocol = self._files.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name[:2]}/{name[2:4]}/{name}"

    def _make_folder(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if "file" in self._protocols:
            # For the user of the site alone, like the rest of the data folder.
            for part in (self._root, folder.rpartition("/")[0], folder):
                Path(part).mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            self._files.makedirs(folder, exist_ok=True)

    def _drop(self, path: str) -> None:
        try:
            self._files.rm_file(path)
        except OSError:
            # It is swept later.
            return


def make_storage(settings: Settings) -> Storage:
    """The storage of a site; raises ValueError for a setting that cannot be used."""
    return Storage(settings.resolved_attachments_url)
