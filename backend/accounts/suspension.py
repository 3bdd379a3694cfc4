"""Suspending an account: nobody signs in to it and every session and token ends at once; it can be taken back."""

from sqlmodel import Session

from backend.accounts import sessions, tokens
from backend.accounts.models import User
from backend.accounts.users import SUBJECT
from backend.audit import events
from backend.errors import Conflict
from backend.mailer import queue


def suspend(session: Session, user: User, *, actor_id: str | None, reason: str) -> int:
    """End everything that the account opens, and tell its user why; returns how many sessions were open.

    The caller has asked who may. Raises Conflict where it is suspended already.
    """
    if not user.is_active:
        raise Conflict
    user.is_active = False
    count = sessions.end_everything(session, user)
    tokens.withdraw(session, user.id)
    session.add(user)
    session.flush()
    events.record(
        session, events.Event.ACCOUNT_SUSPEND, SUBJECT, user.id, actor_id=actor_id, reason=reason, count=count
    )
    queue(session, "account-suspended", user.email, name=user.name, reason=reason)
    return count


def reactivate(session: Session, user: User, *, actor_id: str | None, reason: str) -> None:
    """Let the user sign in again; what was ended stays ended. Raises Conflict where it is active or deleted."""
    if user.is_active or user.deleted_at is not None:
        raise Conflict
    user.is_active = True
    session.add(user)
    session.flush()
    events.record(session, events.Event.ACCOUNT_REACTIVATE, SUBJECT, user.id, actor_id=actor_id, reason=reason)
    queue(session, "account-reactivated", user.email, name=user.name)
