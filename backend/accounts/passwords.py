"""Password hashing with Argon2id through pwdlib."""

from functools import lru_cache

from pwdlib import PasswordHash


@lru_cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@lru_cache
def _decoy() -> str:
    return _hasher().hash("no account has this password")


def hash_password(password: str) -> str:
    """An Argon2id hash with its parameters and salt (RFC 9106)."""
    return _hasher().hash(password)


def verify(password: str, hashed: str | None) -> tuple[bool, str | None]:
    """Whether the password fits, and a new hash where the stored one used weaker parameters.

    Without a hash the same work is done in vain, so that the time tells nothing about which accounts exist.
    """
    if hashed is None:
        _hasher().verify(password, _decoy())
        return False, None
    return _hasher().verify_and_update(password, hashed)
