"""Server-side sessions: a random token in the browser, its digest in the database."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session, col, select, update
from starlette.requests import Request
from starlette.responses import Response

from backend.accounts.models import User, UserSession
from backend.accounts.tokens import digest
from backend.config import Settings
from backend.db import utc_now

COOKIE = "yiqiao_session"
HOST_COOKIE = f"__Host-{COOKIE}"
"""Its name where it goes by HTTPS alone: no other host of the domain can set one of that name (RFC 6265bis, 4.1.3)."""
IDLE = timedelta(hours=12)
"""After that long without a request a session is over, unless the settings say otherwise."""
SEEN_EVERY = timedelta(minutes=10)
"""How exactly the last request is known; a write for each request would be a high price for more."""


def start(session: Session, user: User, *, days: float, user_agent: str) -> str:
    """Open a session for the user; returns the token, which exists nowhere else."""
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(
            user_id=user.id,
            token_digest=digest(token),
            user_agent=user_agent[:200],
            expires_at=utc_now() + timedelta(days=days),
        )
    )
    return token


def find(session: Session, token: str | None, idle: timedelta = IDLE) -> tuple[User, UserSession] | None:
    """User and session of a token, if the session is neither over nor ended and the user is active."""
    if not token:
        return None
    now = utc_now()
    query = (
        select(User, UserSession)
        .join(UserSession, col(UserSession.user_id) == col(User.id))
        .where(
            UserSession.token_digest == digest(token),
            col(UserSession.revoked_at).is_(None),
            UserSession.expires_at > now,
            UserSession.last_seen_at > now - idle,
            col(User.is_active).is_(True),
        )
    )
    return session.exec(query).first()


def find_user(session: Session, token: str | None, idle: timedelta = IDLE) -> User | None:
    """The user of a token, if its session is neither over nor ended and the user is active."""
    found = find(session, token, idle)
    return found[0] if found else None


def open_ones(session: Session, user_id: str, idle: timedelta = IDLE) -> Sequence[UserSession]:
    """The sessions of a user that are not over, newest use first."""
    now = utc_now()
    query = select(UserSession).where(
        UserSession.user_id == user_id,
        col(UserSession.revoked_at).is_(None),
        UserSession.expires_at > now,
        UserSession.last_seen_at > now - idle,
    )
    return session.exec(query.order_by(col(UserSession.last_seen_at).desc())).all()


def is_stale(found: UserSession) -> bool:
    """Whether the time of the last request has to be written again."""
    return found.last_seen_at < utc_now() - SEEN_EVERY


def touch(session: Session, session_id: str) -> None:
    """Note that the session is in use."""
    session.exec(update(UserSession).where(col(UserSession.id) == session_id).values(last_seen_at=utc_now()))


def revoke(session: Session, token: str) -> None:
    """End the session of a token."""
    session.exec(
        update(UserSession)
        .where(col(UserSession.token_digest) == digest(token), col(UserSession.revoked_at).is_(None))
        .values(revoked_at=utc_now())
    )


def revoke_one(session: Session, user_id: str, session_id: str) -> bool:
    """End one session of a user; False where there is no such open session."""
    statement = (
        update(UserSession)
        .where(
            col(UserSession.id) == session_id,
            col(UserSession.user_id) == user_id,
            col(UserSession.revoked_at).is_(None),
        )
        .values(revoked_at=utc_now())
    )
    return session.exec(statement).rowcount == 1


def revoke_all(session: Session, user_id: str, *, but: str | None = None) -> int:
    """End every open session of a user, except one by its id where it is named; returns how many there were."""
    statement = (
        update(UserSession)
        .where(col(UserSession.user_id) == user_id, col(UserSession.revoked_at).is_(None))
        .values(revoked_at=utc_now())
    )
    if but is not None:
        statement = statement.where(col(UserSession.id) != but)
    return session.exec(statement).rowcount


def end_everything(session: Session, user: User, *, but: str | None = None) -> int:
    """End every open session of a user, except one by its id, and all tokens of programs; returns how many sessions."""
    user.tokens_valid_from = utc_now()
    session.add(user)
    return revoke_all(session, user.id, but=but)


def cookie_name(settings: Settings) -> str:
    """What the cookie is called on this site."""
    return HOST_COOKIE if settings.sends_cookies_by_https_alone else COOKIE


def secure_name(name: str, settings: Settings) -> str:
    """The name of a cookie with a path of its own, which `__Host-` does not allow."""
    return f"__Secure-{name}" if settings.sends_cookies_by_https_alone else name


def token_of(request: Request) -> str | None:
    """The token that a browser has sent."""
    return request.cookies.get(cookie_name(request.app.state.settings))


def set_cookie(response: Response, token: str, settings: Settings) -> None:
    """Hand the token to the browser."""
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=int(settings.session_days * 86400),
        httponly=True,
        samesite="lax",
        secure=settings.sends_cookies_by_https_alone,
        path="/",
    )


def clear_cookie(response: Response, settings: Settings) -> None:
    """Take the token from the browser."""
    response.delete_cookie(
        cookie_name(settings), path="/", httponly=True, samesite="lax", secure=settings.sends_cookies_by_https_alone
    )
