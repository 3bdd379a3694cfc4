"""Server-side sessions: a random token in the browser, its digest in the database."""

import hashlib
import secrets
from datetime import timedelta

from sqlmodel import Session, col, select, update
from starlette.responses import Response

from backend.accounts.models import User, UserSession
from backend.config import Settings
from backend.db import utc_now

COOKIE = "yiqiao_session"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def start(session: Session, user: User, *, days: int, user_agent: str) -> str:
    """Open a session for the user; returns the token, which exists nowhere else."""
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(
            user_id=user.id,
            token_digest=_digest(token),
            user_agent=user_agent[:200],
            expires_at=utc_now() + timedelta(days=days),
        )
    )
    return token


def find_user(session: Session, token: str | None) -> User | None:
    """The user of a token, if its session is neither expired nor revoked and the user is active."""
    if not token:
        return None
    query = (
        select(User)
        .join(UserSession)
        .where(
            UserSession.token_digest == _digest(token),
            col(UserSession.revoked_at).is_(None),
            UserSession.expires_at > utc_now(),
            col(User.is_active).is_(True),
        )
    )
    return session.exec(query).first()


def revoke(session: Session, token: str) -> None:
    """End the session of a token."""
    session.exec(
        update(UserSession).where(col(UserSession.token_digest) == _digest(token)).values(revoked_at=utc_now())
    )


def revoke_all(session: Session, user_id: str) -> int:
    """End every open session of a user; returns how many there were."""
    statement = (
        update(UserSession)
        .where(col(UserSession.user_id) == user_id, col(UserSession.revoked_at).is_(None))
        .values(revoked_at=utc_now())
    )
    return session.exec(statement).rowcount


def set_cookie(response: Response, token: str, settings: Settings) -> None:
    """Hand the token to the browser."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings.session_days * 86400,
        httponly=True,
        samesite="lax",
        secure=settings.sends_cookies_by_https_alone,
        path="/",
    )


def clear_cookie(response: Response, settings: Settings) -> None:
    """Take the token from the browser."""
    response.delete_cookie(
        COOKIE, path="/", httponly=True, samesite="lax", secure=settings.sends_cookies_by_https_alone
    )
