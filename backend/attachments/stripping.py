"""Stored contents that lose their metadata later, because their subject has become anonymous since."""

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from backend.attachments import checks
from backend.attachments.models import Attachment
from backend.attachments.storage import Storage


@dataclass(frozen=True)
class Stripped:
    """A content without metadata that no row names yet; `before` is the stored name of what it was made from."""

    before: str
    stored_name: str
    size: int
    digest: str


def strip_stored(storage: Storage, attachment: Attachment) -> Stripped:
    """Make a stored content anew, which takes seconds: no transaction is open meanwhile, and no row is changed.

    Raises FileRefused, ChecksBusy, NotFound or StorageUnavailable.
    """
    with storage.open(attachment.stored_name) as old:
        content = checks.accept(old, attachment.kind, strip=True)
    with content.file:
        size, digest = content.file.seek(0, 2), digest_of(content.file)
        return Stripped(attachment.stored_name, storage.put(content.file), size, digest)


def digest_of(content: BinaryIO) -> str:
    """The SHA-256 of a content in hexadecimal digits."""
    content.seek(0)
    found = hashlib.sha256()
    while chunk := content.read(checks.CHUNK):
        found.update(chunk)
    return found.hexdigest()
