"""Personal tokens: making, listing and revoking them, and finding the user of one."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.api.models import ApiToken
from backend.api.scopes import Scope
from backend.audit.events import Event, record
from backend.db import utc_now
from backend.errors import Conflict, NotFound
from backend.mailer import queue
from backend.organisations.policy import Viewer
from backend.organisations.service import viewer_of

PREFIX = "yq_"
"""So that a token that has strayed into a file or a log is found and told for what it is."""
SUBJECT = "user"
MAX_DAYS = 365
MAX_TOKENS = 20
SHOWN_AFTER_END = timedelta(days=30)
USE_NOTED_EVERY = timedelta(hours=1)


class TooManyTokens(Conflict):
    """More tokens than anybody keeps track of."""

    zh = f"每个账号最多保留 {MAX_TOKENS} 个有效令牌，请先停用不再使用的令牌。"
    en = f"An account may have {MAX_TOKENS} tokens. Please revoke those that are not used any more."


@dataclass(frozen=True)
class Access:
    """Who acts through a token, and what for."""

    viewer: Viewer
    token_id: str
    name: str
    scopes: frozenset[Scope]
    expires_at: datetime


def digest(token: str) -> str:
    """What is kept of a token; it has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_made(session: Session, user: User, token_id: str) -> bool:
    """Whether the same form has made its token before; raises NotFound for the id of somebody else's token."""
    known = session.get(ApiToken, token_id)
    if known is not None and known.user_id != user.id:
        raise NotFound
    return known is not None


def create(
    session: Session, user: User, token_id: str, *, name: str, scopes: Collection[Scope], days: int
) -> str | None:
    """Make a token and tell its user by mail; returns it, the only time it is known, or None where `is_made`.

    Whoever calls has asked for the password: a browser that was left open shall not become a key for a year.
    Raises TooManyTokens, and NotFound for the id of somebody else's token.
    """
    if is_made(session, user, token_id):
        return None
    if len(valid_ids(session, user.id)) >= MAX_TOKENS:
        raise TooManyTokens
    token = PREFIX + secrets.token_urlsafe(32)
    session.add(
        ApiToken(
            id=token_id,
            user_id=user.id,
            name=name,
            beginning=token[:8],
            digest=digest(token),
            scopes=sorted(scopes),
            expires_at=utc_now() + timedelta(days=min(days, MAX_DAYS)),
        )
    )
    record(session, Event.BEARER_CREATE, SUBJECT, user.id, actor_id=user.id, token=token_id, days=days)
    queue(session, "token-made", user.email, name=user.name)
    session.flush()
    return token


def listing(session: Session, user_id: str | None) -> Sequence[ApiToken]:
    """The user's tokens, newest first, without those that ended long ago."""
    since = utc_now() - SHOWN_AFTER_END
    query = select(ApiToken).where(ApiToken.user_id == user_id, ApiToken.expires_at > since)
    tokens = session.exec(query.order_by(col(ApiToken.created_at).desc())).all()
    return [token for token in tokens if token.revoked_at is None or token.revoked_at > since]


def valid_ids(session: Session, user_id: str | None) -> frozenset[str]:
    """Which of the user's tokens open anything now."""
    user = session.get(User, user_id) if user_id else None
    return frozenset(token.id for token in listing(session, user_id) if user and is_valid(token, user))


def is_valid(token: ApiToken, user: User) -> bool:
    """Whether a token opens anything now: it is neither over nor revoked, nor older than a new password of its user."""
    ended = user.tokens_valid_from is not None and token.created_at <= user.tokens_valid_from
    return token.revoked_at is None and token.expires_at > utc_now() and not ended


def revoke(session: Session, viewer: Viewer, token_id: str) -> None:
    """End a token at once; raises NotFound for one that is not the viewer's. Twice does no harm."""
    token = session.get(ApiToken, token_id)
    if token is None or viewer.user_id is None or token.user_id != viewer.user_id:
        raise NotFound
    if token.revoked_at is None:
        token.revoked_at = utc_now()
        session.add(token)
        record(session, Event.BEARER_REVOKE, SUBJECT, viewer.user_id, actor_id=viewer.user_id, token=token_id)


def access(session: Session, token: str) -> Access | None:
    """Who a token stands for, if it is neither expired nor revoked and its user is active."""
    if not token.startswith(PREFIX):
        return None
    query = select(ApiToken, User).join(User).where(ApiToken.digest == digest(token), col(User.is_active).is_(True))
    found = session.exec(query).first()
    if found is None or not is_valid(*found):
        return None
    row, user = found
    scopes = frozenset(Scope(scope) for scope in row.scopes if scope in list(Scope))
    return Access(viewer_of(session, user), row.id, row.name, scopes, row.expires_at)


def use_is_unnoted(session: Session, token_id: str) -> bool:
    """Whether the last use of a token was noted long ago."""
    row = session.get(ApiToken, token_id)
    return row is not None and (row.last_used_at is None or utc_now() - row.last_used_at > USE_NOTED_EVERY)


def note_use(session: Session, token_id: str) -> None:
    """Write down that a token is in use, by which its owner sees which ones are not."""
    row = session.get(ApiToken, token_id)
    if row is not None:
        row.last_used_at = utc_now()
        session.add(row)
