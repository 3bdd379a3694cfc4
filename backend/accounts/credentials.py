"""A new password or a new address: by a link where the password is lost, else with the present password."""

from sqlmodel import Session, select

from backend.accounts import notices, passwords, second_factor, sessions, throttle, tokens
from backend.accounts.models import AccountToken, Purpose, User, UserSession
from backend.accounts.service import Client, EmailTaken
from backend.accounts.users import SUBJECT, find_by_email, normalise_email
from backend.audit import events
from backend.db import Database, utc_now
from backend.errors import LinkExpired
from backend.mailer import queue
from backend.sealing import Sealer


def ask_reset(session: Session, *, email: str, address: str) -> None:
    """Send a link for a new password; of an unknown address nothing is said, and the work is the same.

    Raises TooManyAttempts.
    """
    email = normalise_email(email)
    throttle.spend(session, throttle.mails_to(email), throttle.mails_from(address))
    user = find_by_email(session, email)
    known = user if user is not None and user.is_active else None
    token = tokens.issue(session, Purpose.RESET, known.id if known else None)
    if known:
        events.record(session, events.Event.PASSWORD_ASK, SUBJECT, known.id, actor_id=None)
        queue(session, "reset-password", known.email, path=f"/password/reset?token={token}")


def find_reset(session: Session, token: str | None) -> tuple[AccountToken, User]:
    """The link for a new password, and whose it is; raises LinkExpired."""
    return _find(session, Purpose.RESET, token)


def whose_reset(database: Database, token: str | None) -> User:
    """Whose link it is, in a transaction of its own; raises LinkExpired."""
    with database.session() as session:
        return find_reset(session, token)[1]


def reset(session: Session, *, token: str | None, hashed: str, address: str) -> None:
    """Set a new password by a link: ends all sessions and tokens, confirms the address, and tells by mail.

    Raises LinkExpired, TooManyAttempts.
    """
    throttle.spend(session, throttle.links_from(address))
    found, user = find_reset(session, token)
    if not tokens.use(session, found):
        raise LinkExpired
    tokens.withdraw(session, user.id)
    user.confirmed_at = user.confirmed_at or utc_now()
    _set(session, user, hashed)
    sessions.end_everything(session, user)
    throttle.reopen(session, user.email, user.id)
    events.record(session, events.Event.PASSWORD_RESET, SUBJECT, user.id, actor_id=user.id)


def try_present(database: Database, user: User, password: str) -> passwords.Tried:
    """What `is_present` needs, worked out while nobody else's write has to wait for it. Raises TooManyAttempts."""
    with database.session() as session:
        throttle.check(session, throttle.password_again(user.id))
    return passwords.try_first(password, user.password_hash)


def is_present(session: Session, user: User, password: str | passwords.Tried) -> bool:
    """Whether somebody who is signed in knows the password; raises TooManyAttempts."""
    gate = throttle.password_again(user.id)
    throttle.check(session, gate)
    hashed = session.exec(select(User.password_hash).where(User.id == user.id)).one()
    if passwords.verify(password, hashed)[0]:
        throttle.forget(session, gate)
        return True
    throttle.count(session, gate)
    events.record(session, events.Event.SESSION_REFUSE, SUBJECT, user.id, actor_id=user.id)
    return False


def is_present_code(session: Session, sealer: Sealer, user: User, code: str, address: str) -> bool:
    """Whether somebody who is signed in has the second factor; raises TooManyAttempts."""
    gates = throttle.code_pair(user.id, address), throttle.code_account(user.id)
    throttle.check(session, *gates)
    if second_factor.accept(session, sealer, user.id, code):
        throttle.forget(session, *gates)
        return True
    throttle.count(session, *gates)
    events.record(session, events.Event.SECOND_FACTOR_REFUSE, SUBJECT, user.id, actor_id=user.id)
    if second_factor.is_used(session, sealer, user.id, code):
        notices.of_code_used_again(session, user)
    return False


def change_password(session: Session, user: User, present: UserSession, hashed: str, client: Client) -> str:
    """Set a new password, end all sessions and tokens, and go on in a new session; returns its token."""
    tokens.withdraw(session, user.id, Purpose.RESET, Purpose.SECOND_STEP)
    _set(session, user, hashed)
    sessions.end_everything(session, user)
    events.record(session, events.Event.PASSWORD_CHANGE, SUBJECT, user.id, actor_id=user.id)
    return sessions.start(session, user, days=client.days, user_agent=client.user_agent)


def ask_email(session: Session, user: User, email: str, address: str) -> None:
    """Send a link to a new address; whether it belongs to another account shows in its mailbox alone.

    Raises TooManyAttempts.
    """
    email = normalise_email(email)
    throttle.spend(session, throttle.mails_to(email), throttle.mails_from(address))
    tokens.withdraw(session, user.id, Purpose.EMAIL)
    other = find_by_email(session, email)
    events.record(session, events.Event.ACCOUNT_EMAIL_ASK, SUBJECT, user.id, actor_id=user.id)
    if other is not None:
        tokens.issue(session, Purpose.EMAIL, None)
        if other.is_active and other.id != user.id:
            queue(session, "already-registered", other.email)
        return
    token = tokens.issue(session, Purpose.EMAIL, user.id, email=email)
    queue(session, "confirm-new-address", email, path=f"/account/email/confirm?token={token}")


def find_email(session: Session, token: str | None) -> tuple[AccountToken, User]:
    """The link that confirms a new address, and whose it is; raises LinkExpired."""
    return _find(session, Purpose.EMAIL, token)


def change_email(session: Session, *, token: str | None, address: str) -> None:
    """Put the confirmed address in place of the old one, and tell the old one.

    Raises LinkExpired, EmailTaken where another account has taken it meanwhile, TooManyAttempts.
    """
    throttle.spend(session, throttle.links_from(address))
    found, user = find_email(session, token)
    if find_by_email(session, found.email):
        raise EmailTaken
    if not tokens.use(session, found):
        raise LinkExpired
    queue(session, "address-changed", user.email, name=user.name)
    # Links that the old mailbox still holds lead nowhere any more.
    tokens.withdraw(session, user.id)
    user.email = found.email
    session.add(user)
    events.record(session, events.Event.ACCOUNT_EMAIL_CHANGE, SUBJECT, user.id, actor_id=user.id)


def _find(session: Session, purpose: Purpose, token: str | None) -> tuple[AccountToken, User]:
    found = tokens.find(session, purpose, token)
    user = session.get(User, found.user_id) if found else None
    if found is None or user is None or not user.is_active:
        raise LinkExpired
    return found, user


def _set(session: Session, user: User, hashed: str) -> None:
    user.password_hash = hashed
    session.add(user)
    queue(session, "password-changed", user.email, name=user.name)
