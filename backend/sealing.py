"""Secrets of the site: one key from which others are derived, and sealing of what must be read again.

The key is the setting `secret_key`; where that is not set, a random one in the data folder, made at the first start.
A backup of the database alone opens nothing that was sealed: keep the key apart from it, and do not lose it.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.config import Settings

KEY_FILE = "secret.key"
KEY_BYTES = 32


class Unsealable(Exception):
    """The text was sealed with another key, was changed, or is too old."""


@dataclass(frozen=True, repr=False)
class Sealer:
    """Seals texts and makes keyed digests; every purpose has a key of its own, derived by HKDF (RFC 5869)."""

    key: bytes

    def seal(self, purpose: str, text: str) -> str:
        """The text, encrypted and authenticated (Fernet: AES-128-CBC and HMAC-SHA256)."""
        return self._box(purpose).encrypt(text.encode()).decode()

    def open(self, purpose: str, sealed: str, *, seconds: int | None = None) -> str:
        """What was sealed, at most so many seconds ago; raises Unsealable."""
        try:
            return self._box(purpose).decrypt(sealed.encode(), ttl=seconds).decode()
        except (InvalidToken, ValueError) as error:
            raise Unsealable from error

    def digest(self, purpose: str, text: str) -> str:
        """A keyed digest as 64 hex digits: whoever has the database alone cannot try out short texts."""
        return hmac.new(self._derive(purpose), text.encode(), hashlib.sha256).hexdigest()

    def derive(self, purpose: str, text: str) -> bytes:
        """32 bytes that follow from the key and the text, and tell nothing of either."""
        return hmac.new(self._derive(purpose), text.encode(), hashlib.sha256).digest()

    def _derive(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"yiqiao {purpose}".encode()).derive(self.key)

    def _box(self, purpose: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._derive(purpose)))


def make_sealer(settings: Settings) -> Sealer:
    """The sealer of a site; makes the key file where no key is set. Raises ValueError for a file that is cut short."""
    if settings.secret_key is not None:
        return Sealer(settings.secret_key.get_secret_value().encode())
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is damaged: {len(key)} bytes instead of {KEY_BYTES}. Restore it from a backup.")
    return Sealer(key)


def _make_key(path: Path) -> None:
    """Make the file whole or not at all, and only once, however many processes start together."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
