"""Accounts: creating users, signing in and out."""

from sqlmodel import Session, col, select

from backend.accounts import passwords, sessions
from backend.accounts.models import User
from backend.audit import events
from backend.errors import Conflict

SUBJECT = "user"


class EmailTaken(Conflict):
    """A user with this e-mail address exists already."""

    zh = "这个邮箱已经注册。"
    en = "A user with this e-mail address exists already."


def normalise_email(email: str) -> str:
    """The form in which addresses are stored and compared."""
    return email.strip().casefold()


def find_by_email(session: Session, email: str) -> User | None:
    """The user of an address, if any."""
    return session.exec(select(User).where(col(User.email) == normalise_email(email))).first()


def create_user(session: Session, *, email: str, name: str, password: str, is_admin: bool = False) -> User:
    """Create a user; raises EmailTaken."""
    if find_by_email(session, email):
        raise EmailTaken
    user = User(
        email=normalise_email(email), name=name, password_hash=passwords.hash_password(password), is_admin=is_admin
    )
    session.add(user)
    session.flush()
    events.record(session, events.Event.ACCOUNT_CREATE, SUBJECT, user.id, actor_id=None)
    return user


def sign_in(session: Session, *, email: str, password: str, days: int, user_agent: str) -> str | None:
    """Check the password and open a session; returns its token, or None where address or password is wrong."""
    user = find_by_email(session, email)
    fits, new_hash = passwords.verify(password, user.password_hash if user else None)
    if user is None or not fits or not user.is_active:
        if user is not None:
            events.record(session, events.Event.SESSION_REFUSE, SUBJECT, user.id, actor_id=None)
        return None
    if new_hash:
        user.password_hash = new_hash
        session.add(user)
    events.record(session, events.Event.SESSION_START, SUBJECT, user.id, actor_id=user.id)
    return sessions.start(session, user, days=days, user_agent=user_agent)


def sign_out(session: Session, token: str) -> None:
    """End the session of a token."""
    user = sessions.find_user(session, token)
    sessions.revoke(session, token)
    if user:
        events.record(session, events.Event.SESSION_END, SUBJECT, user.id, actor_id=user.id)


def sign_out_everywhere(session: Session, user: User) -> int:
    """End all sessions of a user; returns how many were open."""
    count = sessions.revoke_all(session, user.id)
    events.record(session, events.Event.SESSION_REVOKE_ALL, SUBJECT, user.id, actor_id=None, count=count)
    return count
