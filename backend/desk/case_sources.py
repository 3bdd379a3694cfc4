"""Introductions on the desk: those that somebody has asked for, and answers that are late or nearly so."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, or_

from backend.capabilities import service as capabilities
from backend.desk import brokered
from backend.desk.items import Item, Moment
from backend.desk.kinds import ItemKind
from backend.disclosure.cards import Card
from backend.i18n import gettext as _
from backend.introductions.cases import Case, path_of
from backend.introductions.clock import deadlines
from backend.introductions.models import CaseParty, Introduction, PartyState, Side
from backend.introductions.states import WAITING, IntroductionStatus
from backend.needs import service as needs
from backend.organisations.policy import Viewer
from backend.working_days import deadline

ASKED_DAYS = 2
Cards = Mapping[str, Card]


def cases(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Requests for an introduction, and cases whose parties have been reminded and have not answered."""
    wanted = or_(col(Introduction.status) == IntroductionStatus.SUGGESTED, col(Introduction.status).in_(WAITING))
    mine = brokered.cases(session, viewer, wanted)
    need_cards = needs.cards(session, viewer, {case.row.need_id for case in mine})
    others = capabilities.cards(session, viewer, {case.row.capability_id for case in mine if case.row.capability_id})
    found = (_item(viewer, moment, case, need_cards.get(case.row.need_id), others) for case in mine)
    return [item for item in found if item is not None]


def _item(viewer: Viewer, moment: Moment, case: Case, need: Card | None, others: Cards) -> Item | None:
    row = case.row
    title = need.title if need else _("引荐")
    other = others.get(row.capability_id or "")
    if row.status is IntroductionStatus.SUGGESTED:
        kind, since, due = ItemKind.ASKED, row.created_at, deadline(row.created_at, ASKED_DAYS)
        asking = [p for p in case.parties if p.state is PartyState.ACCEPTED]
        detail = _("%(names)s请求引荐") % {"names": _names(asking, need, other)}
    else:
        assert row.waiting_since is not None
        set_days = deadlines(moment.clock, row.waiting_since)
        if moment.now < set_days.remind:
            return None
        kind, since, due = ItemKind.ANSWER, row.waiting_since, set_days.overdue
        silent = [p for p in case.parties if p.state is PartyState.INVITED]
        detail = _("等待%(names)s答复") % {"names": _names(silent, need, other)}
    region, owner = brokered.region_of(viewer, case), brokered.owner_of(viewer, case)
    return Item(kind, row.id, title, path_of(row.id), region, since, due, detail, owner)


def _names(parties: Sequence[CaseParty], need: Card | None, other: Card | None) -> str:
    """What the viewer may know of parties: names as the cards of their texts give them."""
    cards = {Side.NEED: need, Side.CAPABILITY: other}
    found = [cards.get(p.side) for p in parties]
    names = [(card.organisation_name if card else None) or _("匿名单位") for card in found]
    return "、".join(dict.fromkeys(names)) or _("对方")
