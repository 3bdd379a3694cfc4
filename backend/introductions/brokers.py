"""The brokers of a case: one city, or two that share it (前研后产), each with its leg and its part of the credit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from backend.db import utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import cases, policy
from backend.introductions.cases import Case
from backend.introductions.models import CaseBroker, Leg, Side
from backend.introductions.states import CLOSED, OPEN, IntroductionStatus
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations import service as organisations
from backend.organisations.models import Membership, Organisation, OrganisationKind
from backend.organisations.policy import WRITING_ROLES, Viewer
from backend.organisations.states import OrganisationStatus
from backend.transitions import Actor

WHOLE = 100


class BadShares(DomainError):
    """Legs and shares of the credit do not make a whole."""

    status = 422
    zh = "各地分成须为 1 至 99 的整数，合计 100。"
    en = "Shares are whole numbers from 1 to 99 and add up to 100."


class NotAnAgency(DomainError):
    """Only a verified agency with a jurisdiction of its own looks after a leg."""

    status = 422
    zh = "请选择另一地区的商务委、经委等已核验部门。"
    en = "Choose a verified agency of another region."


@dataclass(frozen=True)
class LegShare:
    """What an agency is to look after, and its percent of the credit."""

    leg: Leg
    share: int


def share_case(
    session: Session, viewer: Viewer, introduction_id: str, agency_id: str, mine: LegShare, theirs: LegShare
) -> Case:
    """Invite a second agency, or propose new legs and shares; they hold once the other one has agreed.

    Raises NotFound, Forbidden, Conflict, NotAnAgency or BadShares.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    policy.check_can_broker(viewer, case.facts)
    own = _own(viewer, case)
    if case.row.status in CLOSED:
        raise Conflict
    agency = session.get(Organisation, agency_id)
    is_agency = agency is not None and agency.kind is OrganisationKind.AGENCY and agency.is_verified
    if agency is None or not is_agency or not agency.jurisdiction or agency.id == own.organisation_id:
        raise NotAnAgency
    others = [b for b in case.brokers if b.organisation_id not in (own.organisation_id, agency.id)]
    shares = (mine.share, theirs.share)
    if others or sum(shares) != WHOLE or not all(0 < share < WHOLE for share in shares):
        raise BadShares
    second = next((b for b in case.brokers if b.organisation_id == agency.id), None)
    second = second or CaseBroker(introduction_id=case.row.id, organisation_id=agency.id)
    wanted = (mine.leg, mine.share, theirs.leg, theirs.share)
    if second.id in {b.id for b in case.brokers} and (own.leg, own.share, second.leg, second.share) == wanted:
        # The same form sent twice.
        return case
    own.leg, own.share, own.agreed_at = mine.leg, mine.share, utc_now()
    second.leg, second.share, second.agreed_at = theirs.leg, theirs.share, None
    session.add(own)
    session.add(second)
    session.flush()
    detail = {own.organisation_id: mine.share, agency.id: theirs.share}
    cases.note(session, case, "introduction:broker:add", Actor.BROKER, viewer, organisation_id=agency.id, shares=detail)
    users = recipients.brokers_of(session, agency.jurisdiction)
    path = cases.path_of(case.row.id)
    tell(session, users, Notice.INTRODUCTION_BROKER, cases.KIND, case.row.id, path=path, actor_id=viewer.user_id)
    return cases.of(session, case.row)


def agree(session: Session, viewer: Viewer, introduction_id: str, seen: Mapping[str, int]) -> Case:
    """Agree to legs and shares as they were shown: `seen` are the shares by agency.

    Raises NotFound, Forbidden, or Conflict where the shares have changed since.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    own = _own(viewer, case)
    if dict(seen) != {b.organisation_id: b.share for b in case.brokers}:
        raise Conflict
    if own.agreed_at is None:
        own.agreed_at = utc_now()
        own.user_id = own.user_id or viewer.user_id
        session.add(own)
        cases.note(
            session, case, "introduction:broker:agree", Actor.BROKER, viewer, organisation_id=own.organisation_id
        )
        cases.announce(session, case, Notice.INTRODUCTION_BROKER, viewer.user_id, brokers=True)
        session.flush()
    return case


def remove(session: Session, viewer: Viewer, introduction_id: str, broker_id: str) -> Case:
    """The leading agency takes the second one out, or the second one leaves; the case is whole again, also where it
    was already.

    Raises NotFound, Forbidden or Conflict.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    own = _own(viewer, case)
    gone = next((b for b in case.brokers if b.id == broker_id), None)
    if gone is None:
        if own.is_lead and len(case.brokers) == 1:
            return case
        raise NotFound
    if gone.is_lead or case.row.status in CLOSED:
        raise Conflict
    if gone.id != own.id and not own.is_lead:
        raise Forbidden
    cases.note(session, case, "introduction:broker:remove", Actor.BROKER, viewer, organisation_id=gone.organisation_id)
    session.delete(gone)
    lead = next(b for b in case.brokers if b.is_lead)
    lead.leg, lead.share, lead.agreed_at = Leg.WHOLE, WHOLE, utc_now()
    session.add(lead)
    session.flush()
    return cases.of(session, case.row)


def hand_over(session: Session, viewer: Viewer, introduction_id: str, user_id: str) -> Case:
    """Give the viewer's place in a case to a colleague of the same agency. Raises NotFound, Forbidden or Conflict."""
    case = cases.get(session, viewer, introduction_id, lock=True)
    own = _own(viewer, case)
    agency = session.get(Organisation, own.organisation_id)
    assert agency is not None and agency.jurisdiction is not None
    if user_id not in {user.id for user in recipients.brokers_of(session, agency.jurisdiction)}:
        raise Conflict
    if own.user_id == user_id:
        return case
    own.user_id = user_id
    session.add(own)
    cases.note(session, case, "introduction:broker:hand-over", Actor.BROKER, viewer, organisation_id=agency.id)
    cases.announce(session, case, Notice.INTRODUCTION_BROKER, viewer.user_id, brokers=True)
    session.flush()
    return case


def appoint(session: Session, case: Case, user_ids: Sequence[str | None]) -> Case:
    """Give a case that nobody looks after to the first of these users who acts as a broker of the need's region and is
    no member of a party; where none does, it stays with all brokers of the region until one takes it over."""
    region = case.side(Side.NEED).region
    acting = {user.id for user in cases.brokers_of(session, case)}
    acting &= {user.id for user in recipients.brokers_of(session, region)}
    chosen = next((id_ for id_ in user_ids if id_ in acting), None)
    if case.brokers or chosen is None:
        return case
    return _lead(session, case, _agency_of(session, chosen, region), chosen)


def take_over(session: Session, viewer: Viewer, introduction_id: str) -> Case:
    """A broker of the region takes over a case that nobody looks after; of two at once the first one has it.

    Taking it over again changes nothing. Raises NotFound, Forbidden, or Conflict where another agency has it, or the
    case waits to be proposed or has ended.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    policy.check_can_broker(viewer, case.facts)
    mine = {m.organisation_id for m in viewer.memberships if m.jurisdiction in case.facts.regions and m.may_write}
    if case.brokers:
        if mine & {b.organisation_id for b in case.brokers}:
            return case
        raise Conflict("已有其他部门负责撮合。", "Another agency looks after this case already.")
    if case.row.status not in OPEN or case.row.status is IntroductionStatus.SUGGESTED:
        raise Conflict
    agency_id = policy.agency_for(viewer, case.facts)
    if agency_id is None or viewer.user_id is None:
        raise Forbidden
    case = _lead(session, case, agency_id, viewer.user_id)
    cases.note(session, case, "introduction:broker:take", Actor.BROKER, viewer, organisation_id=agency_id)
    session.flush()
    return case


def can_take_over(viewer: Viewer, case: Case) -> bool:
    """Whether nobody looks after the case, and the viewer may."""
    is_due = case.row.status in OPEN and case.row.status is not IntroductionStatus.SUGGESTED
    return is_due and not case.brokers and policy.can_broker(viewer, case.facts)


def _lead(session: Session, case: Case, agency_id: str, user_id: str) -> Case:
    place = CaseBroker(
        introduction_id=case.row.id, organisation_id=agency_id, user_id=user_id, is_lead=True, agreed_at=utc_now()
    )
    session.add(place)
    session.flush()
    return cases.of(session, case.row)


def _agency_of(session: Session, user_id: str, region: str) -> str:
    query = (
        select(Organisation.id)
        .join(Membership, col(Membership.organisation_id) == col(Organisation.id))
        .where(
            Membership.user_id == user_id,
            col(Membership.role).in_(WRITING_ROLES),
            Organisation.kind == OrganisationKind.AGENCY,
            Organisation.jurisdiction == region,
            Organisation.status == OrganisationStatus.VERIFIED,
        )
    )
    return session.exec(query.order_by(col(Organisation.id))).first() or ""


def agencies(session: Session, own_id: str) -> list[tuple[str, str]]:
    """(id, name) of the verified agencies with a jurisdiction, but for one's own, by name."""
    found = [
        o
        for o in organisations.listing(session, OrganisationStatus.VERIFIED)
        if o.kind is OrganisationKind.AGENCY and o.jurisdiction and o.id != own_id
    ]
    names = organisations.authors(session, (o.id for o in found))
    return sorted(((o.id, names[o.id].name) for o in found), key=lambda pair: pair[1])


def colleagues(session: Session, viewer: Viewer, agency_id: str) -> list[tuple[str, str]]:
    """(id, name) of those who could take over a case of an agency from the viewer."""
    agency = session.get(Organisation, agency_id)
    if agency is None or not agency.jurisdiction:
        return []
    users = recipients.brokers_of(session, agency.jurisdiction)
    return sorted(((u.id, u.name) for u in users if u.id != viewer.user_id), key=lambda pair: pair[1])


def _own(viewer: Viewer, case: Case) -> CaseBroker:
    policy.check_can_see(viewer, case.facts)
    if case.facts.organisation_ids & set(viewer.organisation_ids):
        raise Forbidden
    mine = [b for b in case.brokers if viewer.may_write_for(b.organisation_id)]
    if not mine:
        raise Forbidden
    return mine[0]
