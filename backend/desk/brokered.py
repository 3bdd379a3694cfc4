"""The cases that lie on a viewer's desk: those that they see as a broker, with the region and whose they are."""

from collections import defaultdict

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from backend.desk.policy import agencies_of
from backend.introductions import policy
from backend.introductions.cases import Case
from backend.introductions.models import CaseBroker, CaseParty, Introduction, Side
from backend.needs.models import Need
from backend.organisations.policy import Viewer


def cases(session: Session, viewer: Viewer, wanted: ColumnElement[bool]) -> list[Case]:
    """The cases of a condition, oldest first. Whoever is a member of a party has its case not on the desk."""
    query = (
        select(Introduction, Need)
        .join(Need, col(Need.id) == col(Introduction.need_id))
        .where(policy.visible_to(viewer), wanted)
        .order_by(col(Introduction.created_at))
    )
    rows = session.exec(query).all()
    ids = [row.id for row, _need in rows]
    parties: defaultdict[str, list[CaseParty]] = defaultdict(list)
    for party in session.exec(select(CaseParty).where(col(CaseParty.introduction_id).in_(ids))).all():
        parties[party.introduction_id].append(party)
    brokers: defaultdict[str, list[CaseBroker]] = defaultdict(list)
    for broker in session.exec(select(CaseBroker).where(col(CaseBroker.introduction_id).in_(ids))).all():
        brokers[broker.introduction_id].append(broker)
    found = [Case(row, need, tuple(parties[row.id]), tuple(brokers[row.id])) for row, need in rows]
    return [case for case in found if policy.sees_as_broker(viewer, case.facts)]


def _place_of(viewer: Viewer, case: Case) -> CaseBroker | None:
    return next((b for b in case.brokers if b.organisation_id in agencies_of(viewer)), None)


def owner_of(viewer: Viewer, case: Case) -> str | None:
    """The broker of the viewer's agency whose case it is, if it is somebody's."""
    place = _place_of(viewer, case)
    return place.user_id if place else None


def region_of(viewer: Viewer, case: Case) -> str:
    """On which of the viewer's desks the case lies: where their agency has it, else the need's region first."""
    place = _place_of(viewer, case)
    if place is not None:
        return next(str(m.jurisdiction) for m in viewer.memberships if m.organisation_id == place.organisation_id)
    sides = sorted(case.parties, key=lambda p: p.side is not Side.NEED)
    return next(p.region for p in sides if p.region in viewer.jurisdictions)
