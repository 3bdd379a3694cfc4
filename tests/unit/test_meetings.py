"""Meetings: times, answers, calendars, minutes, reminders, and the table of states by every role."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from icalendar import Calendar
from sqlmodel import Session, select

from backend.conversations.policy import NotOpenYet
from backend.db import Database, new_id, utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import service as introductions
from backend.introductions.models import Introduction
from backend.introductions.states import DeclineReason, IntroductionStatus
from backend.ledger import story
from backend.ledger.story import Line
from backend.mailer import Mail
from backend.meetings import clock, holding, service, showing
from backend.meetings.calendar import Sender
from backend.meetings.holding import Minutes, NotYet
from backend.meetings.models import CaseMeeting, Fit
from backend.meetings.service import BadPlan, Plan
from backend.meetings.states import MEETINGS, MeetingAction, MeetingStatus
from backend.notifications.models import Notice
from backend.organisations.models import MemberRole
from backend.working_days import today
from tests.case_steps import Table
from tests.factories import Factory, Party
from tests.unit.test_introductions import Scene

SENDER = Sender("desk@yiqiao.example", "http://testserver")
PLAN = Plan(60, place="示例医院 3 号楼")


def later(days: int = 3) -> datetime:
    return utc_now().replace(microsecond=0) + timedelta(days=days)


class Meeting(Table):
    """A case with a meeting that the hospital has proposed at two times."""

    def __init__(self, make: Factory, database: Database) -> None:
        super().__init__(make, database)
        self.starts = [later(3), later(4)]
        self.id = new_id()
        self.propose_at(self.hospital)

    def propose_at(self, party: Party, starts: list[datetime] | None = None, plan: Plan = PLAN) -> CaseMeeting:
        when = self.starts if starts is None else starts
        return self.do(lambda s: service.propose(s, party.viewer, self.case.id, self.id, when, plan))

    def times(self) -> list[str]:
        return self.do(lambda s: [t.id for t in service.times(s, self.id)])

    def fix(self, party: Party, number: int = 0) -> CaseMeeting:
        time = self.times()[number]
        return self.do(lambda s: service.fix(s, party.viewer, SENDER, self.case.id, self.id, time))

    def cancel(self, party: Party) -> CaseMeeting:
        return self.do(lambda s: service.cancel(s, party.viewer, SENDER, self.case.id, self.id))

    def move(self, party: Party, at: datetime, plan: Plan = PLAN) -> CaseMeeting:
        return self.do(lambda s: service.move(s, party.viewer, SENDER, self.case.id, self.id, at, plan))

    def hold(self, party: Party, text: str = "看了样机。") -> CaseMeeting:
        held = Minutes({self.company.organisation.id: "示例工程师"}, text, "两周内送样。")
        return self.do(lambda s: holding.hold(s, party.viewer, self.case.id, self.id, held))

    def set(self, **values: object) -> None:
        def work(session: Session) -> None:
            row = session.get_one(CaseMeeting, self.id)
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)

        self.do(work)

    def calendars(self, party: Party) -> list[Calendar]:
        query = select(Mail).where(Mail.event == "meeting", Mail.recipient == party.user.email)
        mails = self.do(lambda s: s.exec(query.order_by(Mail.created_at)).all())  # type: ignore[arg-type]
        return [Calendar.from_ical(mail.context["calendar"]) for mail in mails]

    def status(self) -> IntroductionStatus:
        return self.do(lambda s: s.get_one(Introduction, self.case.id).status)


@pytest.fixture
def meeting(make: Factory, database: Database) -> Meeting:
    return Meeting(make, database)


def test_times_are_proposed_answered_and_one_is_fixed(meeting: Meeting) -> None:
    assert meeting.told(meeting.company)[-1] is Notice.MEETING_PROPOSED
    first, second = meeting.times()
    fits = {first: Fit.NO, second: Fit.MAYBE}
    for _twice in range(2):
        meeting.do(lambda s: service.answer(s, meeting.company.viewer, meeting.case.id, meeting.id, fits))
    assert meeting.told(meeting.hospital).count(Notice.MEETING_ANSWERED) == 1
    seen = meeting.do(lambda s: showing.one(s, meeting.hospital.viewer, meeting.case.id, meeting.id))
    names = meeting.hospital.organisation.name, meeting.company.organisation.name
    assert [t.answers for t in seen.times] == [
        ((names[0], Fit.YES), (names[1], Fit.NO)),
        ((names[0], Fit.YES), (names[1], Fit.MAYBE)),
    ]
    assert [t.suits_all for t in seen.times] == [False, True]
    meeting.fix(meeting.hospital, 1)
    row = meeting.fix(meeting.hospital, 1)
    assert row.status is MeetingStatus.FIXED and row.starts_at == meeting.starts[1]
    with pytest.raises(Conflict):
        meeting.do(lambda s: service.answer(s, meeting.company.viewer, meeting.case.id, meeting.id, fits))


def test_calendars_are_told_once_for_each_version(meeting: Meeting) -> None:
    meeting.fix(meeting.hospital)
    meeting.fix(meeting.hospital)
    at = later(9)
    meeting.move(meeting.hospital, at, Plan(90, link="https://meet.example/1"))
    meeting.move(meeting.hospital, at, Plan(90, link="https://meet.example/1"))
    meeting.cancel(meeting.broker)
    meeting.cancel(meeting.broker)
    for party in (meeting.hospital, meeting.company, meeting.broker):
        found = meeting.calendars(party)
        assert [str(c["method"]) for c in found] == ["REQUEST", "REQUEST", "CANCEL"]
        events = [next(iter(c.walk("VEVENT"))) for c in found]
        assert {str(e["uid"]) for e in events} == {f"{meeting.id}@testserver"}
        assert [int(e["sequence"]) for e in events] == [0, 1, 2]
        assert [e.decoded("dtstart") for e in events] == [meeting.starts[0], at, at]
        assert [e.decoded("dtend") - e.decoded("dtstart") for e in events][1] == timedelta(minutes=90)
        assert all(e["dtstart"].params["TZID"] == "Asia/Shanghai" for e in events)
        assert {str(z["tzid"]) for c in found for z in c.walk("VTIMEZONE")} == {"Asia/Shanghai"}
        assert str(events[1]["location"]) == "https://meet.example/1" and str(events[2]["status"]) == "CANCELLED"
        assert {str(e["attendee"]) for e in events} == {f"mailto:{party.user.email}"}
        assert {str(e["organizer"]) for e in events} == {"mailto:desk@yiqiao.example"}
        assert not any(meeting.need.title in c.to_ical().decode() for c in found)


def test_a_plan_is_in_the_future_somewhere_and_not_too_long(meeting: Meeting) -> None:
    meeting.id = new_id()
    past, good = utc_now() - timedelta(minutes=1), later()
    bad: list[tuple[list[datetime], Plan]] = [
        ([], PLAN),
        ([past], PLAN),
        ([later(n) for n in range(1, 7)], PLAN),
        ([good], Plan(60)),
        ([good], Plan(5, place="x")),
        ([good], Plan(600, place="x")),
        ([good], Plan(60, link="javascript:alert(1)")),
        ([good], Plan(60, place="长" * 121)),
    ]
    for starts, plan in bad:
        with pytest.raises(BadPlan):
            meeting.propose_at(meeting.company, starts, plan)


def test_what_is_proposed_twice_is_one_meeting(meeting: Meeting) -> None:
    meeting.propose_at(meeting.hospital)
    assert len(meeting.do(lambda s: service.of_case(s, meeting.case.id))) == 1 and len(meeting.times()) == 2
    with pytest.raises(NotFound):
        meeting.propose_at(meeting.company)


def test_only_those_inside_meet(make: Factory, database: Database, meeting: Meeting) -> None:
    scene = Scene(make, database)
    asked = scene.propose()
    with pytest.raises(NotOpenYet):
        scene.do(lambda s: service.propose(s, scene.hospital.viewer, asked.id, new_id(), [later()], PLAN))
    stranger, reader = make.party(), make.join(meeting.company, MemberRole.VIEWER)
    with pytest.raises(NotFound):
        meeting.do(lambda s: showing.one(s, stranger.viewer, meeting.case.id, meeting.id))
    with pytest.raises(Forbidden):
        meeting.do(lambda s: service.answer(s, reader.viewer, meeting.case.id, meeting.id, {}))
    # A meeting is not reached through another case.
    other = Table(make, database)
    with pytest.raises(NotFound):
        meeting.do(lambda s: showing.one(s, other.hospital.viewer, other.case.id, meeting.id))


def test_the_first_meeting_held_moves_the_case_on(meeting: Meeting) -> None:
    meeting.fix(meeting.hospital)
    with pytest.raises(NotYet):
        meeting.hold(meeting.hospital)
    meeting.set(starts_at=utc_now() - timedelta(hours=1))
    assert meeting.status() is IntroductionStatus.INTRODUCED
    meeting.hold(meeting.hospital)
    assert meeting.status() is IntroductionStatus.MEETING
    row = meeting.hold(meeting.broker, "改：看了两台样机。")
    assert row.minutes.startswith("改") and row.status is MeetingStatus.HELD
    seen = meeting.do(lambda s: showing.one(s, meeting.company.viewer, meeting.case.id, meeting.id))
    assert dict(seen.present) == {meeting.company.organisation.id: "示例工程师"}
    with pytest.raises(BadPlan):
        meeting.hold(meeting.hospital, " ")
    stranger = Minutes({meeting.make.party().organisation.id: ""}, "有人来过。")
    with pytest.raises(NotFound):
        meeting.do(lambda s: holding.hold(s, meeting.hospital.viewer, meeting.case.id, meeting.id, stranger))


def test_reminders_come_one_working_day_before(meeting: Meeting) -> None:
    meeting.fix(meeting.hospital)
    # A Monday: the Friday before is the working day, Thursday is too early.
    monday = datetime(2027, 3, 22, 2, tzinfo=UTC)
    meeting.set(starts_at=monday)

    def run(at: datetime) -> tuple[int, int]:
        return meeting.do(lambda s: clock.follow(s, SENDER, at))

    assert run(monday - timedelta(days=4)) == (0, 0)
    assert run(monday - timedelta(days=3)) == (1, 0)
    assert run(monday - timedelta(days=3)) == (0, 0)
    for party in (meeting.hospital, meeting.company, meeting.broker):
        assert meeting.told(party).count(Notice.MEETING_REMINDER) == 1


def test_meetings_of_a_case_that_ended_are_cancelled(meeting: Meeting) -> None:
    meeting.fix(meeting.hospital)
    case = meeting.case.id
    meeting.do(lambda s: introductions.decline(s, meeting.company.viewer, case, DeclineReason.CAPACITY, ""))
    assert meeting.do(lambda s: clock.follow(s, SENDER)) == (0, 1)
    assert meeting.do(lambda s: clock.follow(s, SENDER)) == (0, 0)
    assert [str(c["method"]) for c in meeting.calendars(meeting.hospital)] == ["REQUEST", "CANCEL"]


ROLES = ("organiser", "other side", "broker", "reader", "stranger")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("status", "action"), list(product(MeetingStatus, MeetingAction)))
def test_every_role_does_what_the_table_allows_and_nothing_else(
    meeting: Meeting, role: str, status: MeetingStatus, action: MeetingAction
) -> None:
    """Each action in each status, by the calls that the pages make."""
    people: dict[str, Callable[[], Party]] = {
        "organiser": lambda: meeting.hospital,
        "other side": lambda: meeting.company,
        "broker": lambda: meeting.broker,
        "reader": lambda: meeting.make.join(meeting.hospital, MemberRole.VIEWER),
        "stranger": meeting.make.party,
    }
    party = people[role]()
    is_past = action is MeetingAction.HOLD
    starts = None if status is MeetingStatus.PROPOSED else utc_now() + timedelta(days=-1 if is_past else 5)
    meeting.set(status=status, starts_at=starts)
    step = MEETINGS.get(status, {}).get(action)
    calls: dict[MeetingAction, Callable[[], CaseMeeting]] = {
        MeetingAction.FIX: lambda: meeting.fix(party, 1),
        MeetingAction.MOVE: lambda: meeting.move(party, later(8)),
        MeetingAction.HOLD: lambda: meeting.hold(party),
        MeetingAction.CANCEL: lambda: meeting.cancel(party),
    }
    call = calls[action]
    if step is not None and role in ("organiser", "broker"):
        assert call().status == step.target
    elif (status, action) == (MeetingStatus.CANCELLED, MeetingAction.CANCEL) and role != "stranger":
        # It is cancelled already, and nothing changes.
        assert call().status is MeetingStatus.CANCELLED and meeting.calendars(meeting.company) == []
    else:
        with pytest.raises(DomainError):
            call()
        assert meeting.do(lambda s: s.get_one(CaseMeeting, meeting.id).status) is status


def test_the_story_of_a_case_tells_who_came_and_what_was_agreed(meeting: Meeting) -> None:
    meeting.fix(meeting.hospital)
    yesterday = utc_now() - timedelta(days=1)
    meeting.set(starts_at=yesterday)
    meeting.hold(meeting.hospital)
    meeting.do(lambda s: introductions.act(s, meeting.broker.viewer, meeting.case.id, "agree", "共同试制样机。"))

    def lines(party: Party) -> list[Line]:
        told = meeting.do(lambda s: story.tell(s, party.viewer, meeting.case.id))
        return [line for line in told.lines if line.what.startswith("introduction:meet")]

    names = meeting.hospital.organisation.name, meeting.company.organisation.name
    for party in (meeting.hospital, meeting.company, meeting.broker):
        [line] = lines(party)
        assert (line.what, line.name, line.day) == ("introduction:meeting:hold", names[0], today(yesterday))
        assert (line.came, line.note) == (((names[1], "示例工程师"),), "两周内送样。")
        assert line.url == f"/introductions/{meeting.case.id}/meetings/{meeting.id}"
    meeting.hold(meeting.hospital, "更正：看了两件样机。")
    assert len(lines(meeting.company)) == 1, "a correction is no second meeting"
    with pytest.raises(NotFound):
        meeting.do(lambda s: story.tell(s, meeting.make.party().viewer, meeting.case.id))
