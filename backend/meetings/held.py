"""What rooms above tell of the meetings of a case that were held: when, who came, what was agreed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from backend.introductions.cases import Case
from backend.meetings import policy
from backend.meetings.models import CaseMeeting, MeetingPresence
from backend.meetings.states import MeetingStatus
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer


@dataclass(frozen=True)
class Held:
    """A meeting that was held. `came` are the organisations that came, each with the people as they were typed."""

    starts_at: datetime
    came: tuple[tuple[str, str], ...]
    agreed: str


def held(session: Session, viewer: Viewer, case: Case) -> Mapping[str, Held]:
    """The meetings of a case that were held, by id; raises NotFound or NotOpenYet as their pages do."""
    policy.check_can_see(viewer, case.facts, introduced=case.row.introduced_at is not None)
    query = select(CaseMeeting).where(
        CaseMeeting.introduction_id == case.row.id, CaseMeeting.status == MeetingStatus.HELD
    )
    rows = [row for row in session.exec(query).all() if row.starts_at is not None]
    came = session.exec(select(MeetingPresence).where(col(MeetingPresence.meeting_id).in_([r.id for r in rows]))).all()
    names = organisations.authors(session, {p.organisation_id for p in came})
    order = {p.organisation_id: number for number, p in enumerate(case.parties)}
    present = sorted(came, key=lambda p: order.get(p.organisation_id, len(order)))
    return {
        row.id: Held(
            row.starts_at,
            tuple((names[p.organisation_id].name, p.names) for p in present if p.meeting_id == row.id),
            row.agreed,
        )
        for row in rows
        if row.starts_at is not None
    }
