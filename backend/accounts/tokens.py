"""Tokens that are good for once: of the links in mails, and of a sign-in that waits for its code."""

import hashlib
import secrets
from datetime import timedelta

from sqlmodel import Session, col, select, update

from backend.accounts.models import AccountToken, Purpose
from backend.db import utc_now

LASTS = {
    Purpose.CONFIRM: timedelta(hours=48),
    Purpose.RESET: timedelta(hours=1),
    Purpose.EMAIL: timedelta(hours=24),
    Purpose.SECOND_STEP: timedelta(minutes=10),
}


def digest(token: str) -> str:
    """What is kept of a token; it has 256 random bits, so that a plain digest gives nothing away."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(session: Session, purpose: Purpose, user_id: str | None, *, email: str = "", next_url: str = "") -> str:
    """A new token, which exists nowhere else. Former ones stay good: a form that was sent twice sends two mails."""
    token = secrets.token_urlsafe(32)
    session.add(
        AccountToken(
            user_id=user_id,
            purpose=purpose,
            token_digest=digest(token),
            email=email,
            next_url=next_url,
            expires_at=utc_now() + LASTS[purpose],
        )
    )
    return token


def find(session: Session, purpose: Purpose, token: str | None) -> AccountToken | None:
    """The token, if it was issued for this purpose to a user, and is neither used nor too old."""
    if not token:
        return None
    query = select(AccountToken).where(
        AccountToken.token_digest == digest(token),
        AccountToken.purpose == purpose,
        col(AccountToken.user_id).is_not(None),
        col(AccountToken.used_at).is_(None),
        AccountToken.expires_at > utc_now(),
    )
    return session.exec(query).first()


def use(session: Session, found: AccountToken) -> bool:
    """Use the token up; False where another request was faster."""
    statement = (
        update(AccountToken)
        .where(col(AccountToken.id) == found.id, col(AccountToken.used_at).is_(None))
        .values(used_at=utc_now())
    )
    return session.exec(statement).rowcount == 1


def withdraw(session: Session, user_id: str, *purposes: Purpose) -> None:
    """Make the user's tokens for these purposes worthless, all of them where none is named."""
    statement = (
        update(AccountToken)
        .where(
            col(AccountToken.user_id) == user_id,
            col(AccountToken.used_at).is_(None),
            col(AccountToken.purpose).in_(purposes or tuple(Purpose)),
        )
        .values(used_at=utc_now())
    )
    session.exec(statement)
