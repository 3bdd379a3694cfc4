"""Registration, and the confirmation that an address is its owner's.

Whether an address is known shows nowhere but in its mailbox: pages and the work behind them are the same. Whoever
registers an address that is not theirs gains nothing: the link goes to the owner, and asks for the password that was
chosen at registration, so that nobody confirms an account whose password somebody else knows. Mails to an address that
nobody has confirmed repeat nothing that was typed: they would carry a stranger's words under our name.
"""

from sqlmodel import Session

from backend.accounts import passwords, throttle, tokens
from backend.accounts.models import AccountToken, Purpose, User
from backend.accounts.service import Client, SignIn, admit
from backend.accounts.users import SUBJECT, find_by_email, normalise_email
from backend.audit import events
from backend.db import Database, utc_now
from backend.errors import LinkExpired
from backend.mailer import queue


def register(session: Session, *, name: str, email: str, hashed: str, next_url: str, address: str) -> None:
    """Note an account and send the link that confirms it; a known address is told so by mail instead.

    An account that was never confirmed is begun anew with what was typed last. The password comes hashed, as that takes
    too long for a transaction. Raises TooManyAttempts.
    """
    email = normalise_email(email)
    throttle.spend(session, throttle.mails_to(email), throttle.mails_from(address))
    user = find_by_email(session, email)
    if user is not None and user.confirmed_at is not None:
        tokens.issue(session, Purpose.CONFIRM, None)
        if user.is_active:
            queue(session, "already-registered", user.email)
        return
    if user is None:
        user = User(email=email, name=name, password_hash=hashed)
        session.add(user)
        session.flush()
        events.record(session, events.Event.ACCOUNT_REGISTER, SUBJECT, user.id, actor_id=None)
    else:
        user.name, user.password_hash = name, hashed
        session.add(user)
    _send_link(session, user, next_url)


def send_again(session: Session, *, email: str, address: str) -> None:
    """Send the link of an unconfirmed account again; of other addresses nothing is said. Raises TooManyAttempts."""
    email = normalise_email(email)
    throttle.spend(session, throttle.mails_to(email), throttle.mails_from(address))
    user = find_by_email(session, email)
    if user is None or user.confirmed_at is not None or not user.is_active:
        tokens.issue(session, Purpose.CONFIRM, None)
        return
    _send_link(session, user, "")


def find(session: Session, token: str | None) -> tuple[AccountToken, User]:
    """The link that is to be confirmed, and whose it is; raises LinkExpired."""
    found = tokens.find(session, Purpose.CONFIRM, token)
    user = session.get(User, found.user_id) if found else None
    if found is None or user is None or not user.is_active:
        raise LinkExpired
    return found, user


def email_of(database: Database, token: str | None) -> str:
    """The address that a link confirms, in a transaction of its own; raises LinkExpired."""
    with database.session() as session:
        return find(session, token)[1].email


def try_password(database: Database, *, token: str | None, password: str, client: Client) -> passwords.Tried:
    """What `confirm` needs, worked out before its transaction. Raises LinkExpired, TooManyAttempts."""
    with database.session() as session:
        throttle.check(session, throttle.links_from(client.address))
        _found, user = find(session, token)
        throttle.check(session, throttle.sign_in_pair(user.email, client.address))
    return passwords.try_first(password, user.password_hash)


def confirm(
    session: Session, *, token: str | None, password: passwords.Tried, client: Client
) -> tuple[SignIn, str] | None:
    """Confirm the address and sign in; returns the sign-in and where to go on, None where the password is wrong.

    Raises LinkExpired, TooManyAttempts.
    """
    throttle.spend(session, throttle.links_from(client.address))
    found, user = find(session, token)
    throttle.check(session, throttle.sign_in_pair(user.email, client.address))
    if not passwords.verify(password, user.password_hash)[0]:
        throttle.count(session, throttle.sign_in_pair(user.email, client.address))
        return None
    if not tokens.use(session, found):
        raise LinkExpired
    tokens.withdraw(session, user.id, Purpose.CONFIRM, Purpose.RESET)
    user.confirmed_at = utc_now()
    session.add(user)
    events.record(session, events.Event.ACCOUNT_CONFIRM, SUBJECT, user.id, actor_id=user.id)
    throttle.remember_sign_in(session, user.email, client.address)
    return admit(session, user, client), found.next_url


def _send_link(session: Session, user: User, next_url: str) -> None:
    token = tokens.issue(session, Purpose.CONFIRM, user.id, next_url=next_url)
    queue(session, "confirm-address", user.email, path=f"/confirm?token={token}")
