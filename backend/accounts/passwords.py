"""Password hashing with Argon2id through pwdlib, and what a new password has to be."""

from dataclasses import dataclass
from functools import lru_cache

from pwdlib import PasswordHash
from zxcvbn import zxcvbn

MINIMUM = 12
MAXIMUM = 128
GUESSES_LOG10 = 8
"""A password that falls within so many guesses is refused: the middle of zxcvbn's scale, where it begins to be safe."""
ESTIMATED = 72
"""The library estimates so many characters and no more; a longer password is at least as hard."""
STAND_INS = "@({[<!|$+%"
"""Signs that the library tries as letters, in every combination of those that occur, digits besides."""
STAND_INS_TRIED = 3
"""With three kinds and all digits it takes a tenth of a second, with all of them eight seconds, in which no other
request is answered. Digits stay: rows of them are what many passwords are made of."""


@lru_cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@lru_cache
def _decoy() -> str:
    return _hasher().hash("no account has this password")


def hash_password(password: str) -> str:
    """An Argon2id hash with its parameters and salt (RFC 9106)."""
    return _hasher().hash(password)


@dataclass(frozen=True)
class Tried:
    """A password that was compared with a hash before a transaction began: the work takes long, and others wait."""

    password: str
    hashed: str | None
    answer: tuple[bool, str | None]


def try_first(password: str, hashed: str | None) -> Tried:
    """Do the work of `verify`, outside of any transaction."""
    return Tried(password, hashed, verify(password, hashed))


def verify(password: str | Tried, hashed: str | None) -> tuple[bool, str | None]:
    """Whether the password fits, and a new hash where the stored one used weaker parameters.

    Without a hash the same work is done in vain, so that the time tells nothing about which accounts exist. What was
    tried before counts only for the very hash that it was tried with.
    """
    if isinstance(password, Tried):
        if password.hashed == hashed:
            return password.answer
        password = password.password
    if not hashed:
        _hasher().verify(password, _decoy())
        return False, None
    return _hasher().verify_and_update(password, hashed)


def is_guessable(password: str, *own: str) -> bool:
    """Whether an attacker would try this password early: a common one, a pattern, or the user's own name or address.

    Nothing is prescribed about kinds of characters (NIST SP 800-63B, 3.1.1.2; OWASP ASVS 4.0.3, 2.1.7 and 2.1.9). The
    estimate is that of D. Wheeler, zxcvbn: Low-Budget Password Strength Estimation, USENIX Security 2016; its lists
    lie in the library, nothing is looked up elsewhere.
    """
    words = [word for text in own for word in (text, *text.replace("@", " ").replace(".", " ").split()) if word]
    folded = password.casefold()
    if any(word.casefold() == folded for word in words):
        return True
    estimate = zxcvbn(_bounded(password[:ESTIMATED]), user_inputs=words)
    return float(estimate["guesses_log10"]) < GUESSES_LOG10


def _bounded(password: str) -> str:
    """The password with so few kinds of stand-ins for letters that its estimate takes no long time."""
    kinds = dict.fromkeys(character for character in password if character in STAND_INS)
    return password.translate({ord(kind): "·" for kind in list(kinds)[STAND_INS_TRIED:]})
