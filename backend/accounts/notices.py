"""What a user is told of by mail because somebody else may have done it."""

from sqlmodel import Session, select

from backend.accounts import devices, sessions, throttle
from backend.accounts.models import User
from backend.accounts.users import SUBJECT
from backend.audit import events
from backend.audit.models import AuditEvent
from backend.mailer import queue


def of_sign_in(session: Session, user: User, *, address: str, user_agent: str) -> None:
    """Tell of a sign-in from an address that has not been used lately, by a browser that is not signed in elsewhere.

    Addresses change on the way to work and browsers are updated: both have to be new. The first sign-in of an account
    is no news. Called before the new session is opened. Source: ASVS 2.2.3.
    """
    known = throttle.is_known_place(session, user.id, address)
    throttle.remember_place(session, user.id, address)
    browser = devices.describe(user_agent)
    if known or not _has_signed_in(session, user.id):
        return
    if browser not in {devices.describe(found.user_agent) for found in sessions.open_ones(session, user.id)}:
        queue(session, "signed-in-elsewhere", user.email, name=user.name, browser=browser)


def of_code_used_again(session: Session, user: User) -> None:
    """Tell whose code it is that somebody has typed one which was taken already (ASVS 2.8.5)."""
    queue(session, "code-used-again", user.email, name=user.name)


def _has_signed_in(session: Session, user_id: str) -> bool:
    query = select(AuditEvent.id).where(
        AuditEvent.subject_id == user_id,
        AuditEvent.subject_kind == SUBJECT,
        AuditEvent.event == events.Event.SESSION_START,
    )
    return session.exec(query.limit(1)).first() is not None
