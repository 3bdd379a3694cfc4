"""Lists of cases: what waits for the viewer, what goes on, what has ended; and the open cases beside suggestions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, false
from sqlmodel import Session, and_, col, func, or_, select

from backend.capabilities import service as capabilities
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind
from backend.i18n import gettext as _
from backend.introductions import cases, policy, service, showing
from backend.introductions.clock import Clock
from backend.introductions.models import CaseBroker, CaseParty, Introduction, PartyState, Side
from backend.introductions.showing import Due
from backend.introductions.states import CLOSED, OPEN, OPENED, WAITING, IntroductionStatus
from backend.needs import service as needs
from backend.organisations.policy import Viewer

PAGE_SIZE = service.PAGE_SIZE


class Tab(StrEnum):
    """The parts of the list."""

    WAITING = "waiting"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True)
class Line:
    """A case in a list. Names are those that the viewer knows; teasers are None where they are closed to them."""

    row: Introduction
    need: Card | None
    capability: Card | None
    need_name: str | None
    capability_name: str | None
    due: Due | None
    waits: bool

    @property
    def url(self) -> str:
        """The page of the case."""
        return cases.path_of(self.row.id)


@dataclass(frozen=True)
class Shown:
    """What a notification shows of a case."""

    title: str
    url: str


def waits_for(viewer: Viewer) -> ColumnElement[bool]:
    """The SQL condition for the cases in which something waits for the viewer.

    A side has to answer, or to admit a further party; a broker has to handle what was asked for, to agree to shares, or
    to follow up what is overdue.
    """
    mine = [m.organisation_id for m in viewer.memberships if m.verified and m.may_write]
    case, status = col(Introduction.id), col(Introduction.status)
    if not mine:
        return false()
    party = select(CaseParty.introduction_id)
    is_own = col(CaseParty.organisation_id).in_(mine)
    is_partner = col(CaseParty.side) == Side.PARTNER
    invited = party.where(is_own, col(CaseParty.state) == PartyState.INVITED)
    conditions = [
        and_(status.in_(WAITING), case.in_(invited.where(~is_partner))),
        and_(status.in_(OPENED), case.in_(invited.where(is_partner))),
        and_(
            status.in_(OPENED),
            case.in_(party.where(is_own, col(CaseParty.side) == Side.NEED)),
            case.in_(party.where(is_partner, col(CaseParty.state) == PartyState.PROSPECT)),
        ),
    ]
    if viewer.acting_jurisdictions:
        led = select(CaseBroker.introduction_id).where(col(CaseBroker.organisation_id).in_(mine))
        to_do = or_(
            status == IntroductionStatus.SUGGESTED,
            and_(status.in_(OPEN), case.in_(led.where(col(CaseBroker.agreed_at).is_(None)))),
            and_(
                status.in_(WAITING),
                col(Introduction.overdue_at).is_not(None),
                case.in_(led.where(col(CaseBroker.user_id) == viewer.user_id)),
            ),
        )
        conditions.append(and_(to_do, policy.brokered_by(viewer)))
    return or_(*conditions)


def count_waiting(session: Session, viewer: Viewer) -> int:
    """How many cases wait for the viewer."""
    return session.exec(select(func.count()).select_from(Introduction).where(waits_for(viewer))).one()


def counts(session: Session, viewer: Viewer) -> dict[Tab, int]:
    """How many cases there are in each part of the list."""
    count = select(func.count()).select_from(Introduction)
    return {tab: session.exec(count.where(condition(viewer, tab))).one() for tab in Tab}


def condition(viewer: Viewer, tab: Tab) -> ColumnElement[bool]:
    """The cases of a tab, as far as the viewer sees them."""
    conditions = {
        Tab.WAITING: waits_for(viewer),
        Tab.OPEN: col(Introduction.status).in_(OPEN),
        Tab.ENDED: col(Introduction.status).in_(CLOSED),
    }
    return and_(policy.visible_to(viewer), conditions[tab])


def page_of(session: Session, viewer: Viewer, clock: Clock, tab: Tab, page: int) -> list[Line]:
    """A page of a part of the viewer's cases.

    What waits comes with the longest wait first, everything else with the last change first.
    """
    wanted = condition(viewer, tab)
    last = col(Introduction.updated_at)
    order = last.asc() if tab is Tab.WAITING else last.desc()
    query = select(Introduction).where(wanted).order_by(order, col(Introduction.id))
    rows = session.exec(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return _lines(session, viewer, clock, rows)


def _lines(session: Session, viewer: Viewer, clock: Clock, rows: Sequence[Introduction]) -> list[Line]:
    need_cards = needs.cards(session, viewer, {row.need_id for row in rows})
    capability_cards = capabilities.cards(session, viewer, {row.capability_id for row in rows if row.capability_id})
    ids = [row.id for row in rows]
    waiting = set(session.exec(select(Introduction.id).where(col(Introduction.id).in_(ids), waits_for(viewer))).all())
    lines = []
    for row in rows:
        case = cases.of(session, row)
        need, capability = need_cards.get(row.need_id), capability_cards.get(row.capability_id or "")
        known = showing.names(session, viewer, case, (need, capability))
        lines.append(
            Line(
                row=row,
                need=need,
                capability=capability,
                need_name=known.get(case.side(Side.NEED).organisation_id),
                capability_name=known.get(case.side(Side.CAPABILITY).organisation_id),
                due=showing.due_of(clock, row),
                waits=row.id in waiting,
            )
        )
    return lines


def open_beside(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> list[tuple[str, Introduction]]:
    """The open cases of a need or capability in which the viewer has a part, with the id of the other side."""
    is_need = kind is SubjectKind.NEED
    own = Introduction.need_id == subject_id if is_need else Introduction.capability_id == subject_id
    query = select(Introduction).where(own, col(Introduction.status).in_(OPEN), policy.visible_to(viewer))
    pairs = ((row.capability_id if is_need else row.need_id, row) for row in session.exec(query).all())
    return [(other, row) for other, row in pairs if other is not None]


def former_beside(
    session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str
) -> list[tuple[str, Introduction]]:
    """The last case that came to nothing, for each other side of a need or capability, as far as the viewer had a part.

    Whoever looks for a second choice sees beside the first what had become of it. Pairs with an open case are left out.
    """
    is_need = kind is SubjectKind.NEED
    own = Introduction.need_id == subject_id if is_need else Introduction.capability_id == subject_id
    query = select(Introduction).where(own, col(Introduction.status).in_(CLOSED), policy.visible_to(viewer))
    found: dict[str, Introduction] = {}
    for row in session.exec(query.order_by(col(Introduction.closed_at), col(Introduction.id))).all():
        if (other := row.capability_id if is_need else row.need_id) is not None:
            found[other] = row
    for other, _row in open_beside(session, viewer, kind, subject_id):
        found.pop(other, None)
    return list(found.items())


def shown(session: Session, viewer: Viewer, ids: Collection[str]) -> Mapping[str, Shown]:
    """What notifications show of cases: the title of the need, as far as the viewer may read it now."""
    query = select(Introduction).where(col(Introduction.id).in_(ids), policy.visible_to(viewer))
    rows = session.exec(query).all()
    cards = needs.cards(session, viewer, {row.need_id for row in rows})
    closed = _("引荐（需求已不再公开）")
    return {
        row.id: Shown(cards[row.need_id].title if row.need_id in cards else closed, cases.path_of(row.id))
        for row in rows
    }
