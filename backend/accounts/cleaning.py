"""What accounts leave behind: spent tokens, ended sessions, counted attempts, accounts that nobody confirmed."""

from datetime import timedelta

from sqlmodel import col, delete, or_

from backend.accounts import second_factor
from backend.accounts.models import AccountToken, ThrottleHit, User, UserSession
from backend.db import Database, utc_now

UNCONFIRMED = timedelta(days=30)
UNFINISHED_SET_UP = timedelta(days=1)
ENDED_SESSION = timedelta(days=1)


def clean(database: Database) -> int:
    """Remove what is of no use any more; returns how many rows there were."""
    now = utc_now()
    statements = (
        delete(AccountToken).where(or_(col(AccountToken.expires_at) < now, col(AccountToken.used_at).is_not(None))),
        delete(ThrottleHit).where(col(ThrottleHit.expires_at) < now),
        delete(UserSession).where(
            or_(col(UserSession.expires_at) < now - ENDED_SESSION, col(UserSession.revoked_at) < now - ENDED_SESSION)
        ),
        delete(User).where(col(User.confirmed_at).is_(None), col(User.created_at) < now - UNCONFIRMED),
    )
    with database.session(write=True) as session:
        count = sum(session.exec(statement).rowcount for statement in statements)
        return count + second_factor.forget_stale(session, UNFINISHED_SET_UP)
