"""Meetings as their pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from backend.conversations.service import voice
from backend.introductions import cases
from backend.introductions.cases import Case
from backend.meetings import policy, service
from backend.meetings.models import CaseMeeting, Fit, MeetingAnswer, MeetingPresence
from backend.meetings.states import MeetingStatus
from backend.needs import service as needs
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer


@dataclass(frozen=True)
class TimeView:
    """A proposed time: who said what to it and who nothing, and what the viewer's organisation did."""

    id: str
    starts_at: datetime
    answers: tuple[tuple[str, Fit], ...]
    silent: tuple[str, ...]
    own: Fit | None

    @property
    def suits_all(self) -> bool:
        """Whether nobody who has answered cannot come."""
        return bool(self.answers) and all(fit is not Fit.NO for _name, fit in self.answers)


@dataclass(frozen=True)
class MeetingView:
    """A meeting for its page; `parties` are (id, name) of those who may be there, `present` who was."""

    row: CaseMeeting
    organiser: str | None
    times: tuple[TimeView, ...]
    parties: tuple[tuple[str, str], ...]
    present: Mapping[str, str]
    actions: tuple[str, ...]
    can_answer: bool

    @property
    def url(self) -> str:
        """Its page."""
        return f"{cases.path_of(self.row.introduction_id)}/meetings/{self.row.id}"


@dataclass(frozen=True)
class Meetings:
    """The meetings of a case."""

    introduction_id: str
    title: str
    meetings: tuple[MeetingView, ...]
    can_meet: bool

    @property
    def url(self) -> str:
        """Their page."""
        return f"{cases.path_of(self.introduction_id)}/meetings"


def of_case(session: Session, viewer: Viewer, introduction_id: str) -> Meetings:
    """The meetings of a case; raises NotFound or NotOpenYet."""
    case = cases.load(session, introduction_id)
    policy.check_can_see(viewer, case.facts, introduced=case.row.introduced_at is not None)
    card = needs.cards(session, viewer, [case.row.need_id]).get(case.row.need_id)
    rows = service.of_case(session, introduction_id)
    return Meetings(
        introduction_id,
        card.title if card else "",
        tuple(_view(session, viewer, case, row) for row in rows),
        policy.can_meet(viewer, case.facts, is_open=case.is_opened),
    )


def one(session: Session, viewer: Viewer, introduction_id: str, meeting_id: str) -> MeetingView:
    """A meeting; raises NotFound or NotOpenYet."""
    return _view(session, viewer, *service.load(session, viewer, introduction_id, meeting_id))


def _view(session: Session, viewer: Viewer, case: Case, row: CaseMeeting) -> MeetingView:
    times = service.times(session, row.id)
    query = select(MeetingAnswer).where(col(MeetingAnswer.time_id).in_([t.id for t in times]))
    answers: Sequence[MeetingAnswer] = session.exec(query.order_by(col(MeetingAnswer.at))).all()
    rows = session.exec(select(MeetingPresence).where(MeetingPresence.meeting_id == row.id)).all()
    inside = [p.organisation_id for p in cases.accepted(case.parties)] + [b.organisation_id for b in case.brokers]
    named = {*inside, *(a.organisation_id for a in answers), *(p.organisation_id for p in rows)}
    names = {i: a.name for i, a in organisations.authors(session, named | {row.organisation_id or ""} - {""}).items()}
    mine = voice(viewer, case)
    asked = [p.organisation_id for p in cases.accepted(case.parties)]
    answered = {(a.time_id, a.organisation_id) for a in answers}
    found = tuple(
        TimeView(
            time.id,
            time.starts_at,
            tuple((names.get(a.organisation_id, ""), a.fit) for a in answers if a.time_id == time.id),
            tuple(names[i] for i in asked if i in names and (time.id, i) not in answered),
            next((a.fit for a in answers if a.time_id == time.id and a.organisation_id == mine), None),
        )
        for time in times
    )
    can_meet = policy.can_meet(viewer, case.facts, is_open=case.is_opened)
    return MeetingView(
        row=row,
        organiser=names.get(row.organisation_id or ""),
        times=found,
        parties=tuple((i, names[i]) for i in dict.fromkeys(inside) if i in names),
        present={p.organisation_id: p.names for p in rows},
        actions=service.available(viewer, case, row),
        can_answer=can_meet and row.status is MeetingStatus.PROPOSED,
    )
