"""Limits to attempts, counted in the database, so that they hold over all processes.

`limits` brings the moving window; its counters are kept here. An attempt is counted in the transaction of the request,
which runs as if it were alone: many at once pass no limit that one after another would meet.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter
from sqlmodel import Session, col, delete, func, select

from backend.accounts.models import ThrottleHit
from backend.db import Database, utc_now
from backend.errors import TooManyAttempts

KNOWN_DAYS = 30


@dataclass(frozen=True)
class Gate:
    """A limit on one thing: what is limited, and about whom."""

    limit: RateLimitItem
    about: tuple[str, ...]


def sign_in_pair(account: str, address: str) -> Gate:
    """Wrong passwords for one account from one address. This one is met first, and by a stranger only for himself."""
    return Gate(RateLimitItemPerMinute(5, 15, namespace="sign-in-pair"), (account, address))


def sign_in_address(address: str) -> Gate:
    """Wrong passwords from one address; wide, as a whole hospital may share it."""
    return Gate(RateLimitItemPerMinute(50, 15, namespace="sign-in-address"), (address,))


def sign_in_account(account: str) -> Gate:
    """Wrong passwords for one account from anywhere. Over it, strange addresses are let through slowly."""
    return Gate(RateLimitItemPerHour(20, namespace="sign-in-account"), (account,))


def sign_in_slowly(account: str) -> Gate:
    """The pace of strange addresses for an account under attack."""
    return Gate(RateLimitItemPerMinute(1, namespace="sign-in-slowly"), (account,))


def code_pair(user_id: str, address: str) -> Gate:
    """Wrong codes for one account from one address."""
    return Gate(RateLimitItemPerMinute(5, 15, namespace="code-pair"), (user_id, address))


def code_account(user_id: str) -> Gate:
    """Wrong codes for one account; whoever gets that far has its password."""
    return Gate(RateLimitItemPerHour(15, namespace="code-account"), (user_id,))


def password_again(user_id: str) -> Gate:
    """Wrong present passwords of somebody who is signed in."""
    return Gate(RateLimitItemPerMinute(8, 15, namespace="password-again"), (user_id,))


def mails_to(email: str) -> Gate:
    """Mails that anybody can have sent to an address."""
    return Gate(RateLimitItemPerHour(4, namespace="mails-to"), (email,))


def mails_from(address: str) -> Gate:
    """Mails that one client can have sent."""
    return Gate(RateLimitItemPerHour(30, namespace="mails-from"), (address,))


def links_from(address: str) -> Gate:
    """Links of mails that one client can follow."""
    return Gate(RateLimitItemPerHour(60, namespace="links-from"), (address,))


def new_passwords_from(address: str) -> Gate:
    """Forms with a new password that one client can send: whether it is easily guessed takes time to find out."""
    return Gate(RateLimitItemPerHour(60, namespace="new-passwords-from"), (address,))


def _known(account: str, address: str) -> str:
    return _digest(f"known/{account}/{address}")


def check(session: Session, *gates: Gate) -> None:
    """Raise TooManyAttempts if one of the limits is reached; counts nothing."""
    limiter = MovingWindowRateLimiter(DatabaseStorage(session))
    waits = [
        limiter.get_window_stats(gate.limit, *gate.about).reset_time - time.time()
        for gate in gates
        if not limiter.test(gate.limit, *gate.about)
    ]
    if waits:
        raise TooManyAttempts(round(max(waits)))


def count(session: Session, *gates: Gate) -> None:
    """Count an attempt against these limits."""
    limiter = MovingWindowRateLimiter(DatabaseStorage(session))
    for gate in gates:
        limiter.hit(gate.limit, *gate.about)


def spend(session: Session, *gates: Gate) -> None:
    """Count what is limited whether it succeeds or not; raises TooManyAttempts."""
    check(session, *gates)
    count(session, *gates)


def spend_before(database: Database, *gates: Gate) -> None:
    """Count it in a transaction of its own, before work that takes time; raises TooManyAttempts."""
    with database.session(write=True) as session:
        spend(session, *gates)


def forget(session: Session, *gates: Gate) -> None:
    """Begin to count anew."""
    limiter = MovingWindowRateLimiter(DatabaseStorage(session))
    for gate in gates:
        limiter.clear(gate.limit, *gate.about)


def check_sign_in(session: Session, account: str, address: str) -> None:
    """Whether a password may be tried; raises TooManyAttempts.

    Nobody can lock an account for its owner: from addresses that have signed in to it lately only their own mistakes
    count, from others it stays possible at a slow pace, and a new password by mail begins the count anew.
    """
    check(session, sign_in_pair(account, address), sign_in_address(address))
    try:
        check(session, sign_in_account(account))
    except TooManyAttempts:
        if not _is_known(session, account, address):
            spend(session, sign_in_slowly(account))


def count_sign_in(session: Session, account: str, address: str) -> None:
    """Count a wrong password."""
    count(session, sign_in_pair(account, address), sign_in_address(address), sign_in_account(account))


def remember_sign_in(session: Session, account: str, address: str) -> None:
    """The password was right: mistakes from here are forgiven, and the address is known for a while."""
    forget(session, sign_in_pair(account, address))
    _remember(session, _known(account, address))


def is_known_place(session: Session, user_id: str, address: str) -> bool:
    """Whether a whole sign-in to the account came from there lately."""
    return _is_known(session, f"place {user_id}", address)


def remember_place(session: Session, user_id: str, address: str) -> None:
    """A sign-in was finished there."""
    _remember(session, _known(f"place {user_id}", address))


def reopen(session: Session, account: str, user_id: str) -> None:
    """The owner has shown that the mailbox is theirs: begin all counts of the account anew."""
    forget(session, sign_in_account(account), sign_in_slowly(account), code_account(user_id), password_again(user_id))


def _remember(session: Session, key: str) -> None:
    session.exec(delete(ThrottleHit).where(col(ThrottleHit.key) == key))
    session.add(ThrottleHit(key=key, expires_at=utc_now() + timedelta(days=KNOWN_DAYS)))


def _is_known(session: Session, account: str, address: str) -> bool:
    query = select(ThrottleHit.id).where(
        ThrottleHit.key == _known(account, address), col(ThrottleHit.expires_at) > utc_now()
    )
    return session.exec(query).first() is not None


def _digest(key: str) -> str:
    """Keys hold addresses, which are personal; the table does not need to know them."""
    return hashlib.sha256(key.encode()).hexdigest()


class DatabaseStorage(Storage, MovingWindowSupport):
    """Counters of `limits` in the table of hits, within the transaction of a session."""

    STORAGE_SCHEME = None

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        if len(self._hits(key, expiry)) + amount > limit:
            return False
        self.incr(key, expiry, amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        hits = self._hits(key, expiry)[-limit:]
        return (hits[0].timestamp() if hits else time.time()), len(hits)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = utc_now()
        for _ in range(amount):
            self.session.add(ThrottleHit(key=_digest(key), at=now, expires_at=now + timedelta(seconds=expiry)))
        self.session.flush()
        return self.get(key)

    def get(self, key: str) -> int:
        query = select(func.count()).select_from(ThrottleHit).where(ThrottleHit.key == _digest(key))
        return self.session.exec(query.where(col(ThrottleHit.expires_at) > utc_now())).one()

    def get_expiry(self, key: str) -> float:
        query = select(func.max(ThrottleHit.expires_at)).where(ThrottleHit.key == _digest(key))
        found: datetime | None = self.session.exec(query).one()
        return found.replace(tzinfo=UTC).timestamp() if found else time.time()

    def check(self) -> bool:
        return self.session.exec(select(1)).one() == 1

    def reset(self) -> int | None:
        return self.session.exec(delete(ThrottleHit)).rowcount

    def clear(self, key: str) -> None:
        self.session.exec(delete(ThrottleHit).where(col(ThrottleHit.key) == _digest(key)))

    def _hits(self, key: str, expiry: int) -> Sequence[datetime]:
        """The moments of the window, oldest first."""
        since = utc_now() - timedelta(seconds=expiry)
        query = select(ThrottleHit.at).where(ThrottleHit.key == _digest(key), col(ThrottleHit.at) > since)
        return self.session.exec(query.order_by(col(ThrottleHit.at))).all()
