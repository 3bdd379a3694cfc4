"""附议: who lacks the same as a need that is posted already is counted, and named to its author and broker alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, func, select

from backend.audit import events
from backend.audit.models import AuditEvent
from backend.db import UtcDateTime, new_id, utc_now
from backend.disclosure.announcing import announce
from backend.disclosure.models import SubjectKind
from backend.errors import Forbidden, NotFound
from backend.needs import policy
from backend.needs.models import Need
from backend.notifications.models import Notice
from backend.organisations import service as organisations
from backend.organisations.models import OrganisationKind
from backend.organisations.policy import MembershipFacts, Viewer


class NeedSupport(SQLModel, table=True):
    """A department, or an organisation without one, lacks the same. `party` is either: each is counted once."""

    __tablename__ = "need_support"
    __table_args__ = (UniqueConstraint("need_id", "party"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    need_id: str = Field(foreign_key="need.id", ondelete="CASCADE")
    party: str = Field(max_length=16)
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    department_id: str | None = Field(default=None, foreign_key="department.id", ondelete="CASCADE")
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


@dataclass(frozen=True)
class Supporter:
    """Who lacks the same, as the author and the broker see it."""

    organisation_name: str
    department_name: str | None
    since: datetime


@dataclass(frozen=True)
class Standing:
    """What the page of a need says of its supporters.

    `joined` is None where the viewer cannot join. `supporters` are named to the author's organisation and the broker of
    the region; for all others they are a number.
    """

    count: int = 0
    joined: bool | None = None
    supporters: tuple[Supporter, ...] = ()


def party_of(membership: MembershipFacts) -> str:
    """What is counted once: the department, else the organisation."""
    return membership.department_id or membership.organisation_id


def counts(session: Session, need_ids: Iterable[str]) -> dict[str, int]:
    """How many lack the same, by need; needs that nobody has joined are left out."""
    query = select(NeedSupport.need_id, func.count()).where(col(NeedSupport.need_id).in_(list(need_ids)))
    return dict(session.exec(query.group_by(NeedSupport.need_id)).all())


def joining(viewer: Viewer, need: Need) -> MembershipFacts | None:
    """The membership in which the viewer can join a need: of another department than the author's, or organisation."""
    if not policy.subject_of(need).is_open:
        return None
    return next((m for m in viewer.memberships if _is_another(m, need)), None)


def _is_another(membership: MembershipFacts, need: Need) -> bool:
    if not (membership.may_write and membership.verified) or membership.kind is OrganisationKind.AGENCY:
        return False
    if membership.organisation_id != need.organisation_id:
        return True
    return None not in (need.department_id, membership.department_id) and membership.department_id != need.department_id


def standing(session: Session, viewer: Viewer, need: Need) -> Standing:
    """The supporters of a need as this viewer may know them."""
    query = select(NeedSupport).where(NeedSupport.need_id == need.id).order_by(col(NeedSupport.created_at))
    rows = session.exec(query).all()
    member = joining(viewer, need)
    joined = None if member is None else any(row.party == party_of(member) for row in rows)
    is_near = need.organisation_id in viewer.organisation_ids or need.region in viewer.jurisdictions
    if not rows or not is_near:
        return Standing(len(rows), joined)
    authors = organisations.authors(session, (row.organisation_id for row in rows))
    departments = organisations.department_names(session, (row.department_id for row in rows if row.department_id))
    found = tuple(
        Supporter(authors[row.organisation_id].name, departments.get(row.department_id or ""), row.created_at)
        for row in rows
    )
    return Standing(len(rows), joined, found)


def join(session: Session, viewer: Viewer, need: Need) -> None:
    """Count the viewer's department, or organisation, among those that lack the same; a second time changes nothing.

    The author is told that somebody has joined, not who: the page of the need says that, to those who may know. Whoever
    leaves and joins again is not told of again.

    Raises Forbidden for those who cannot: the author's own department, readers, brokers, unverified organisations. The
    caller has checked that the viewer may read the need.
    """
    member = joining(viewer, need)
    if member is None:
        raise Forbidden
    if _row(session, need, member) is not None:
        return
    session.add(
        NeedSupport(
            need_id=need.id,
            party=party_of(member),
            organisation_id=member.organisation_id,
            department_id=member.department_id,
            user_id=viewer.user_id,
        )
    )
    is_first = not _has_joined_before(session, viewer, need)
    events.record(session, events.Event.NEED_SUPPORT, SubjectKind.NEED, need.id, actor_id=viewer.user_id)
    session.flush()
    if is_first:
        announce(session, need, policy.subject_of(need), Notice.SUPPORTED, viewer.user_id)


def leave(session: Session, viewer: Viewer, need: Need) -> None:
    """Take the viewer's department, or organisation, out of the count; raises NotFound for who has no part in it."""
    member = joining(viewer, need)
    if member is None:
        raise NotFound
    row = _row(session, need, member)
    if row is None:
        return
    session.delete(row)
    events.record(session, events.Event.NEED_SUPPORT_UNDO, SubjectKind.NEED, need.id, actor_id=viewer.user_id)
    session.flush()


def _has_joined_before(session: Session, viewer: Viewer, need: Need) -> bool:
    query = select(AuditEvent.id).where(
        AuditEvent.subject_id == need.id,
        AuditEvent.event == events.Event.NEED_SUPPORT,
        AuditEvent.actor_id == viewer.user_id,
    )
    return session.exec(query).first() is not None


def _row(session: Session, need: Need, member: MembershipFacts) -> NeedSupport | None:
    query = select(NeedSupport).where(NeedSupport.need_id == need.id, NeedSupport.party == party_of(member))
    return session.exec(query).first()
