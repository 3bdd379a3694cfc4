"""Accounts: creating users, signing in and out."""

from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session, col, select

from backend.accounts import notices, passwords, second_factor, sessions, throttle, tokens
from backend.accounts.models import Purpose, User, UserSession
from backend.accounts.users import SUBJECT, find_by_email, normalise_email
from backend.audit import events
from backend.db import Database, utc_now
from backend.errors import Conflict, NotFound
from backend.sealing import Sealer

__all__ = ["SUBJECT", "find_by_email", "normalise_email"]


class EmailTaken(Conflict):
    """A user with this e-mail address exists already."""

    zh = "这个邮箱已经注册。"
    en = "A user with this e-mail address exists already."


@dataclass(frozen=True)
class Client:
    """The browser of a request: where it is, what it calls itself, and how long it may stay signed in."""

    address: str
    user_agent: str
    days: float


class Step(StrEnum):
    """How far a sign-in has come."""

    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"
    CODE = "code"
    DONE = "done"


@dataclass(frozen=True)
class SignIn:
    """The state of a sign-in, with the token of the session, or of the step that waits for a code."""

    step: Step
    token: str = ""
    recovery_codes_left: int | None = None


def create_user(
    session: Session, *, email: str, name: str, password: str, is_admin: bool = False, confirmed: bool = True
) -> User:
    """Create a user, whose address an operator vouches for unless told otherwise; raises EmailTaken."""
    if find_by_email(session, email):
        raise EmailTaken
    user = User(
        email=normalise_email(email),
        name=name,
        password_hash=passwords.hash_password(password),
        is_admin=is_admin,
        confirmed_at=utc_now() if confirmed else None,
    )
    session.add(user)
    session.flush()
    events.record(session, events.Event.ACCOUNT_CREATE, SUBJECT, user.id, actor_id=None)
    return user


def try_password(database: Database, *, email: str, password: str, client: Client) -> passwords.Tried:
    """What `sign_in` needs, worked out while nobody else's write has to wait for it. Raises TooManyAttempts."""
    account = normalise_email(email)
    with database.session() as session:
        throttle.check(
            session, throttle.sign_in_pair(account, client.address), throttle.sign_in_address(client.address)
        )
        user = find_by_email(session, account)
    return passwords.try_first(password, user.password_hash if user else None)


def sign_in(session: Session, *, email: str, password: passwords.Tried, client: Client) -> SignIn:
    """Check the password; opens a session, or asks for the second factor. Raises TooManyAttempts."""
    account = normalise_email(email)
    throttle.check_sign_in(session, account, client.address)
    user = find_by_email(session, account)
    fits, new_hash = passwords.verify(password, user.password_hash if user else None)
    if user is None or not fits or not user.is_active:
        throttle.count_sign_in(session, account, client.address)
        if user is not None:
            events.record(session, events.Event.SESSION_REFUSE, SUBJECT, user.id, actor_id=None)
        return SignIn(Step.REFUSED)
    if new_hash:
        user.password_hash = new_hash
        session.add(user)
    throttle.remember_sign_in(session, account, client.address)
    if user.confirmed_at is None:
        return SignIn(Step.UNCONFIRMED)
    return admit(session, user, client)


def admit(session: Session, user: User, client: Client) -> SignIn:
    """Let in a user who has shown who they are by one factor: at once, or after the second one."""
    if second_factor.is_on(session, user.id):
        return SignIn(Step.CODE, tokens.issue(session, Purpose.SECOND_STEP, user.id))
    return SignIn(Step.DONE, _start(session, user, client))


def enter_code(session: Session, sealer: Sealer, *, pending: str | None, code: str, client: Client) -> SignIn | None:
    """Finish a sign-in by a code; None where it is too old and has to begin anew. Raises TooManyAttempts."""
    waiting = tokens.find(session, Purpose.SECOND_STEP, pending)
    user = session.get(User, waiting.user_id) if waiting else None
    if waiting is None or user is None or not user.is_active:
        return None
    gates = throttle.code_pair(user.id, client.address), throttle.code_account(user.id)
    throttle.check(session, *gates)
    accepted = second_factor.accept(session, sealer, user.id, code)
    if not accepted:
        throttle.count(session, *gates)
        events.record(session, events.Event.SECOND_FACTOR_REFUSE, SUBJECT, user.id, actor_id=None)
        if second_factor.is_used(session, sealer, user.id, code):
            notices.of_code_used_again(session, user)
        return SignIn(Step.REFUSED)
    if not tokens.use(session, waiting):
        return None
    throttle.forget(session, *gates)
    left = None
    if accepted is second_factor.Accepted.RECOVERY_CODE:
        left = second_factor.codes_left(session, user.id)
        events.record(session, events.Event.RECOVERY_CODE_USE, SUBJECT, user.id, actor_id=user.id, left=left)
    return SignIn(Step.DONE, _start(session, user, client), left)


def is_waiting_for_code(session: Session, pending: str | None) -> bool:
    """Whether a sign-in waits for its code under this token."""
    return tokens.find(session, Purpose.SECOND_STEP, pending) is not None


def _start(session: Session, user: User, client: Client) -> str:
    notices.of_sign_in(session, user, address=client.address, user_agent=client.user_agent)
    events.record(session, events.Event.SESSION_START, SUBJECT, user.id, actor_id=user.id)
    return sessions.start(session, user, days=client.days, user_agent=client.user_agent)


def renew(session: Session, user: User, present: UserSession, client: Client) -> str:
    """A new session in place of the present one, after what the user may do has changed; returns its token."""
    sessions.revoke_one(session, user.id, present.id)
    return sessions.start(session, user, days=client.days, user_agent=client.user_agent)


def sign_out(session: Session, token: str) -> None:
    """End the session of a token."""
    user = sessions.find_user(session, token)
    sessions.revoke(session, token)
    if user:
        events.record(session, events.Event.SESSION_END, SUBJECT, user.id, actor_id=user.id)


def end_session(session: Session, user: User, session_id: str) -> None:
    """End one session of one's own; raises NotFound."""
    if not sessions.revoke_one(session, user.id, session_id):
        raise NotFound
    events.record(session, events.Event.SESSION_REVOKE, SUBJECT, user.id, actor_id=user.id)


def end_other_sessions(session: Session, user: User, present: UserSession) -> int:
    """End all sessions of one's own but the present one, and all tokens; returns how many sessions were open."""
    count = sessions.end_everything(session, user, but=present.id)
    events.record(session, events.Event.SESSION_REVOKE_ALL, SUBJECT, user.id, actor_id=user.id, count=count)
    return count


def sign_out_everywhere(session: Session, user: User) -> int:
    """End all sessions and tokens of a user; returns how many sessions were open."""
    count = sessions.end_everything(session, user)
    events.record(session, events.Event.SESSION_REVOKE_ALL, SUBJECT, user.id, actor_id=None, count=count)
    return count


def rename(session: Session, user: User, name: str) -> None:
    """Change the name that others see."""
    if user.name != name:
        user.name = name
        session.add(user)
        events.record(session, events.Event.ACCOUNT_EDIT, SUBJECT, user.id, actor_id=user.id)


def active_among(session: Session, emails: list[str], password: str) -> list[User]:
    """The active users of these addresses whom this password lets in."""
    query = select(User).where(col(User.email).in_(emails), col(User.is_active).is_(True))
    return [user for user in session.exec(query).all() if passwords.verify(password, user.password_hash)[0]]
