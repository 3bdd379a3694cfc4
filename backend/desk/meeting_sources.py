"""Meetings on the desk: those of cases and docking events of the coming week, and minutes that nobody has written."""

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session, col, select

from backend.desk import brokered
from backend.desk.items import Item, Moment
from backend.desk.kinds import ItemKind
from backend.desk.policy import agencies_of
from backend.i18n import gettext as _
from backend.introductions import policy
from backend.introductions.models import Introduction
from backend.introductions.states import OPENED
from backend.meetings import service as meetings_of_cases
from backend.meetings.inviting import entry_of
from backend.meetings.models import CaseMeeting, DockingEvent
from backend.meetings.states import DockingStatus, MeetingStatus
from backend.needs import service as needs
from backend.organisations.policy import Viewer
from backend.working_days import deadline

DAYS = 7
MINUTES_DAYS = 2
"""Working days after a meeting within which its minutes should be there."""
FORGOTTEN = timedelta(days=60)


def meetings(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """What is on in the coming days, and meetings that are over and have no minutes."""
    return [*_of_cases(session, viewer, moment), *_events(session, viewer, moment)]


def _of_cases(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    rows = [*meetings_of_cases.upcoming(session, viewer, DAYS), *_unwritten(session, viewer, moment)]
    if not rows:
        return []
    wanted = col(Introduction.id).in_({row.introduction_id for row in rows})
    cases = {case.row.id: case for case in brokered.cases(session, viewer, wanted)}
    cards = needs.cards(session, viewer, {case.row.need_id for case in cases.values()})
    items = []
    for row in rows:
        case, starts_at = cases.get(row.introduction_id), row.starts_at
        if case is None or starts_at is None:
            continue
        ends_at = starts_at + timedelta(minutes=row.length)
        is_over = ends_at <= moment.now
        card = cards.get(case.row.need_id)
        items.append(
            Item(
                kind=ItemKind.MEETING,
                subject_id=row.id,
                title=card.title if card else _("引荐会议"),
                url=entry_of(row).path,
                region=brokered.region_of(viewer, case),
                # That it is over is news: what was said of it before does not keep it from the desk.
                since=ends_at if is_over else row.created_at,
                due=deadline(ends_at, MINUTES_DAYS) if is_over else starts_at,
                detail=_("会议已结束，待记录纪要") if is_over else row.place or _("线上会议"),
                owner_id=brokered.owner_of(viewer, case),
                at=starts_at,
            )
        )
    return items


def _unwritten(session: Session, viewer: Viewer, moment: Moment) -> Sequence[CaseMeeting]:
    query = (
        select(CaseMeeting)
        .join(Introduction, col(Introduction.id) == col(CaseMeeting.introduction_id))
        .where(
            CaseMeeting.status == MeetingStatus.FIXED,
            col(CaseMeeting.starts_at) < moment.now,
            col(CaseMeeting.starts_at) >= moment.now - FORGOTTEN,
            col(Introduction.status).in_(OPENED),
            policy.visible_to(viewer),
        )
    )
    return session.exec(query).all()


def _events(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    regions = {m.organisation_id: str(m.jurisdiction) for m in viewer.memberships if m.jurisdiction}
    query = select(DockingEvent).where(
        col(DockingEvent.organisation_id).in_(agencies_of(viewer)),
        DockingEvent.status != DockingStatus.CANCELLED,
        col(DockingEvent.starts_at) >= moment.now,
        col(DockingEvent.starts_at) < moment.now + timedelta(days=DAYS),
    )
    return [
        Item(
            kind=ItemKind.MEETING,
            subject_id=row.id,
            title=row.title,
            url=f"/docking/{row.id}",
            region=regions[row.organisation_id],
            since=row.created_at,
            due=row.starts_at,
            detail=row.place if row.status is DockingStatus.PUBLISHED else _("日程尚未发出"),
            at=row.starts_at,
        )
        for row in session.exec(query).all()
    ]
