"""Accounts as administrators see them: finding, suspending and reactivating them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, or_, select

from backend.accounts import sessions, suspension
from backend.accounts.models import SecondFactor, User
from backend.admin import policy
from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.errors import NotFound
from backend.organisations.models import Membership, Organisation
from backend.organisations.policy import Viewer
from backend.personal.service import only_owner_of

PAGE_SIZE = 50


class State(StrEnum):
    """What can be done with an account."""

    ACTIVE = "active"
    UNCONFIRMED = "unconfirmed"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class Row:
    """An account in the list."""

    user: User
    state: State
    organisations: tuple[str, ...]
    has_second_factor: bool
    signed_in_at: datetime | None


@dataclass(frozen=True)
class Detail:
    """One account. `only_owner_of` are organisations with several members that nobody else manages."""

    row: Row
    open_sessions: int
    only_owner_of: Sequence[str]
    may_suspend: bool


def state_of(user: User) -> State:
    """The state of an account that is not deleted."""
    if not user.is_active:
        return State.SUSPENDED
    return State.ACTIVE if user.confirmed_at else State.UNCONFIRMED


def page(session: Session, viewer: Viewer, q: str, state: State | None, number: int) -> tuple[list[Row], int]:
    """A page of accounts by address or name, last made first, and how many there are in all. Raises Forbidden."""
    policy.check_can_administer(viewer)
    where = and_(col(User.deleted_at).is_(None), *_conditions(q, state))
    total = session.exec(select(func.count()).select_from(User).where(where)).one()
    query = select(User).where(where).order_by(col(User.created_at).desc(), col(User.id))
    found = session.exec(query.offset((number - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return _rows(session, found), total


def _conditions(q: str, state: State | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if q:
        fits = (col(column).contains(q, autoescape=True) for column in (User.name, User.email))
        found.append(or_(*fits, col(User.email) == q.casefold()))
    if state is not None:
        found.append(col(User.is_active).is_(state is not State.SUSPENDED))
    if state in (State.ACTIVE, State.UNCONFIRMED):
        is_confirmed = col(User.confirmed_at).is_not(None)
        found.append(is_confirmed if state is State.ACTIVE else ~is_confirmed)
    return found


def _rows(session: Session, users: Sequence[User]) -> list[Row]:
    ids = [user.id for user in users]
    factors = set(
        session.exec(
            select(SecondFactor.user_id).where(
                col(SecondFactor.user_id).in_(ids), col(SecondFactor.confirmed_at).is_not(None)
            )
        ).all()
    )
    homes = _organisations(session, ids)
    signed_in = _signed_in(session, ids)
    return [
        Row(user, state_of(user), homes.get(user.id, ()), user.id in factors, signed_in.get(user.id)) for user in users
    ]


def _organisations(session: Session, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    query = (
        select(Membership.user_id, Organisation.name)
        .join(Organisation, col(Membership.organisation_id) == col(Organisation.id))
        .where(col(Membership.user_id).in_(ids))
        .order_by(col(Organisation.name))
    )
    found: dict[str, tuple[str, ...]] = {}
    for user_id, name in session.exec(query).all():
        found[user_id] = (*found.get(user_id, ()), name)
    return found


def _signed_in(session: Session, ids: Sequence[str]) -> Mapping[str, datetime]:
    """When each signed in last, from the trail: sessions that have ended are forgotten."""
    query = (
        select(AuditEvent.subject_id, func.max(AuditEvent.at))
        .where(col(AuditEvent.subject_id).in_(ids), AuditEvent.event == Event.SESSION_START)
        .group_by(col(AuditEvent.subject_id))
    )
    return dict(session.exec(query).all())


def find(session: Session, viewer: Viewer, user_id: str) -> User:
    """An account that is not deleted; raises Forbidden or NotFound."""
    policy.check_can_administer(viewer)
    user = session.get(User, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound
    return user


def detail(session: Session, viewer: Viewer, user_id: str) -> Detail:
    """One account; raises Forbidden or NotFound."""
    user = find(session, viewer, user_id)
    return Detail(
        row=_rows(session, [user])[0],
        open_sessions=len(sessions.open_ones(session, user.id)),
        only_owner_of=only_owner_of(session, user.id),
        may_suspend=policy.can_suspend(viewer, user),
    )


def suspend(session: Session, viewer: Viewer, user_id: str, reason: str) -> None:
    """Suspend an account; raises Forbidden, NotFound or Conflict."""
    user = find(session, viewer, user_id)
    policy.check_can_suspend(viewer, user)
    suspension.suspend(session, user, actor_id=viewer.user_id, reason=reason)


def reactivate(session: Session, viewer: Viewer, user_id: str, reason: str) -> None:
    """Reactivate an account; raises Forbidden, NotFound or Conflict."""
    user = find(session, viewer, user_id)
    policy.check_can_suspend(viewer, user)
    suspension.reactivate(session, user, actor_id=viewer.user_id, reason=reason)


def counts(session: Session) -> Mapping[State, int]:
    """How many accounts there are in each state."""
    query = select(User.is_active, col(User.confirmed_at).is_not(None), func.count())
    query = query.where(col(User.deleted_at).is_(None))
    found = dict.fromkeys(State, 0)
    grouped = query.group_by(col(User.is_active), col(User.confirmed_at).is_not(None))
    for is_active, is_confirmed, count in session.exec(grouped).all():
        state = State.SUSPENDED if not is_active else State.ACTIVE if is_confirmed else State.UNCONFIRMED
        found[state] += count
    return found
