"""Introductions on the desk: those that somebody has asked for, and answers that are late or nearly so."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, or_, select

from backend.capabilities import service as capabilities
from backend.desk.items import Item, Moment
from backend.desk.kinds import ItemKind
from backend.desk.policy import agencies_of
from backend.disclosure.cards import Card
from backend.i18n import gettext as _
from backend.introductions import policy
from backend.introductions.cases import path_of
from backend.introductions.clock import deadlines
from backend.introductions.models import CaseBroker, CaseParty, Introduction, PartyState, Side
from backend.introductions.states import WAITING, IntroductionStatus
from backend.needs import service as needs
from backend.organisations.policy import Viewer
from backend.working_days import deadline

ASKED_DAYS = 2
Cards = Mapping[str, Card]


def cases(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Requests for an introduction, and cases whose parties have been reminded and have not answered."""
    wanted = or_(col(Introduction.status) == IntroductionStatus.SUGGESTED, col(Introduction.status).in_(WAITING))
    query = select(Introduction).where(policy.visible_to(viewer), wanted).order_by(col(Introduction.created_at))
    rows = session.exec(query).all()
    ids = [row.id for row in rows]
    parties: defaultdict[str, list[CaseParty]] = defaultdict(list)
    for party in session.exec(select(CaseParty).where(col(CaseParty.introduction_id).in_(ids))).all():
        parties[party.introduction_id].append(party)
    brokers: defaultdict[str, list[CaseBroker]] = defaultdict(list)
    for broker in session.exec(select(CaseBroker).where(col(CaseBroker.introduction_id).in_(ids))).all():
        brokers[broker.introduction_id].append(broker)
    mine = [r for r in rows if policy.sees_as_broker(viewer, policy.facts_of(r, parties[r.id], brokers[r.id]))]
    need_cards = needs.cards(session, viewer, {row.need_id for row in mine})
    others = capabilities.cards(session, viewer, {row.capability_id for row in mine if row.capability_id})
    found = (
        _item(viewer, moment, row, parties[row.id], brokers[row.id], need_cards.get(row.need_id), others)
        for row in mine
    )
    return [item for item in found if item is not None]


def _item(
    viewer: Viewer,
    moment: Moment,
    row: Introduction,
    parties: Sequence[CaseParty],
    brokers: Sequence[CaseBroker],
    need: Card | None,
    others: Cards,
) -> Item | None:
    title = need.title if need else _("引荐")
    other = others.get(row.capability_id or "")
    place = next((b for b in brokers if b.organisation_id in agencies_of(viewer)), None)
    region = _region(viewer, parties, place)
    owner = place.user_id if place else None
    if row.status is IntroductionStatus.SUGGESTED:
        kind, since, due = ItemKind.ASKED, row.created_at, deadline(row.created_at, ASKED_DAYS)
        asking = [p for p in parties if p.state is PartyState.ACCEPTED]
        detail = _("%(names)s请求引荐") % {"names": _names(asking, need, other)}
    else:
        assert row.waiting_since is not None
        set_days = deadlines(moment.clock, row.waiting_since)
        if moment.now < set_days.remind:
            return None
        kind, since, due = ItemKind.ANSWER, row.waiting_since, set_days.overdue
        silent = [p for p in parties if p.state is PartyState.INVITED]
        detail = _("等待%(names)s答复") % {"names": _names(silent, need, other)}
    return Item(kind, row.id, title, path_of(row.id), region, since, due, detail, owner)


def _region(viewer: Viewer, parties: Sequence[CaseParty], place: CaseBroker | None) -> str:
    """On which of the viewer's desks the case lies: where their agency has it, else the need's region first."""
    if place is not None:
        return next(str(m.jurisdiction) for m in viewer.memberships if m.organisation_id == place.organisation_id)
    sides = sorted(parties, key=lambda p: p.side is not Side.NEED)
    return next(p.region for p in sides if p.region in viewer.jurisdictions)


def _names(parties: Sequence[CaseParty], need: Card | None, other: Card | None) -> str:
    """What the viewer may know of parties: names as the cards of their texts give them."""
    cards = {Side.NEED: need, Side.CAPABILITY: other}
    found = [cards.get(p.side) for p in parties]
    names = [(card.organisation_name if card else None) or _("匿名单位") for card in found]
    return "、".join(dict.fromkeys(names)) or _("对方")
