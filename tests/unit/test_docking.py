"""Docking events: wishes, the plan, what is sent, who sees what, introductions of talks."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from icalendar import Calendar
from sqlmodel import Session, col, select

from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.conversations.policy import agencies
from backend.db import Database, new_id, utc_now
from backend.decisions.service import Suggested
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import service as introductions
from backend.introductions.models import Introduction
from backend.introductions.service import Unsuitable
from backend.introductions.states import IntroductionStatus
from backend.mailer import Mail
from backend.meetings import (
    clock,
    docking,
    docking_guests,
    docking_outcomes,
    docking_sending,
    docking_showing,
    docking_wishes,
)
from backend.meetings.calendar import Sender
from backend.meetings.docking import BadEvent, Frame
from backend.meetings.docking_guests import LongNote, NoReason
from backend.meetings.docking_wishes import Found, OneSideOnly
from backend.meetings.holding import Minutes, NotYet
from backend.meetings.models import NOTE_LENGTH, CaseMeeting, DockingEvent, DockingGuest, DockingTalk, GuestReason
from backend.meetings.service import BadPlan
from backend.meetings.states import DockingStatus, MeetingStatus
from backend.notifications.models import Notice, Notification
from backend.organisations import merging
from backend.organisations.models import MemberRole
from backend.organisations.policy import Viewer
from backend.references import REFERENCES
from tests.factories import JIADING, Factory, Party
from tests.response_steps import CONSENT

SENDER = Sender("desk@yiqiao.example", "http://testserver")


def frame(**changes: object) -> Frame:
    start = utc_now().replace(microsecond=0) + timedelta(days=5)
    values = {"title": "示例对接会", "place": "示例会议中心", "starts_at": start, "slots": 3, "slot_minutes": 20}
    return Frame(**{**values, "tables": 2, "breaks": (2,), "break_minutes": 10, **changes})  # type: ignore[arg-type]


class Hall:
    """Two hospitals, three companies, and an event of their broker."""

    def __init__(self, make: Factory, database: Database) -> None:
        self.make, self.database = make, database
        self.hospitals = [make.hospital() for _n in range(2)]
        self.companies = [make.party() for _n in range(3)]
        self.needs = [make.need(h, f"需求{n}") for n, h in enumerate(self.hospitals)]
        self.offers = [make.capability(c, f"能力{n}") for n, c in enumerate(self.companies)]
        self.broker = make.reviewer(self.needs[0].region)
        self.id = new_id()
        self.write(lambda s: docking.save(s, self.broker.viewer, self.id, frame(), is_new=True))

    def write(self, work: Callable[[Session], Any]) -> Any:
        """A transaction of its own."""
        with self.database.session(write=True) as session:
            return work(session)

    def wish_all(self) -> int:
        found = [Found(n.id, c.id, Suggested("test", 1, "strong", 0.5)) for n in self.needs for c in self.offers]
        added: int = self.write(lambda s: docking_wishes.add_matches(s, self.broker.viewer, self.id, found))
        return added

    def plan(self) -> int:
        count: int = self.write(lambda s: docking_wishes.plan(s, self.broker.viewer, self.id))
        return count

    def publish(self, seen: int) -> DockingEvent:
        viewer = self.broker.viewer
        event: DockingEvent = self.write(lambda s: docking_sending.publish(s, viewer, SENDER, self.id, seen))
        return event

    def answer(self, party: Party, reason: str = "", note: str = "") -> None:
        """Accept, or decline with a reason."""
        answer = partial(docking_guests.answer, accepts=not reason, reason=reason, note=note)
        self.write(lambda s: answer(s, party.viewer, self.id, party.organisation.id))

    def states(self) -> dict[str, str]:
        """The answers by organisation."""
        return {i: g.state.value for i, g in self.write(lambda s: docking_guests.of_event(s, self.id)).items()}

    def told(self, party: Party) -> list[Notice]:
        """What somebody was told of docking events, in order."""
        query = select(Notification.notice).where(
            Notification.user_id == party.user.id, Notification.subject_kind == "docking"
        )
        found: list[Notice] = self.write(lambda s: list(s.exec(query.order_by(col(Notification.created_at))).all()))
        return found

    def merge(self, duplicate: Party, kept: Party) -> None:
        """As an administrator does on the page of the duplicate."""
        ids = (duplicate.organisation.id, kept.organisation.id)
        self.write(lambda s: merging.merge(s, Viewer(is_admin=True), *ids, REFERENCES))

    def let_begin(self) -> None:
        """The afternoon comes: it is moved back so that its first two talks lie behind."""

        def work(session: Session) -> None:
            event = session.get_one(DockingEvent, self.id)
            event.starts_at = utc_now() - timedelta(minutes=45)
            session.add(event)

        self.write(work)

    def talks(self) -> list[DockingTalk]:
        return list(self.write(lambda s: docking.talks(s, self.id)))

    def calendars(self, party: Party) -> list[Calendar]:
        def work(session: Session) -> list[Calendar]:
            query = select(Mail).where(Mail.event == "meeting", Mail.recipient == party.user.email)
            rows = session.exec(query.order_by(col(Mail.created_at))).all()
            return [Calendar.from_ical(row.context["calendar"]) for row in rows]

        found: list[Calendar] = self.write(work)
        return found


@pytest.fixture
def hall(make: Factory, database: Database) -> Hall:
    return Hall(make, database)


def test_everybody_has_a_place_and_gets_their_own_calendar(hall: Hall) -> None:
    assert hall.wish_all() == 6 and hall.wish_all() == 0
    assert hall.plan() == 6
    talks = hall.talks()
    assert {t.slot for t in talks} == {1, 2, 3} and {t.table_number for t in talks} == {1, 2}
    hall.publish(0)
    # The same form once more sends nothing.
    event = hall.publish(0)
    assert event.sequence == 1 and event.status is DockingStatus.PUBLISHED
    for party in (*hall.hospitals, *hall.companies):
        (found,) = hall.calendars(party)
        entry = next(iter(found.walk("VEVENT")))
        assert str(found["method"]) == "REQUEST" and str(entry["location"]) == "示例会议中心"
        assert "第 " in str(entry["description"])
        # No word of who is met.
        assert not any(other in str(entry["description"]) for other in ("需求", "能力"))
    # Three talks of 20 minutes with a break of 10 after the second.
    (calendar,) = hall.calendars(hall.hospitals[0])
    entry = next(iter(calendar.walk("VEVENT")))
    assert entry.decoded("dtend") - entry.decoded("dtstart") == timedelta(minutes=70)


def test_a_changed_plan_and_a_cancelled_event_reach_calendars(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    gone = hall.companies[0]
    for talk in hall.talks():
        if talk.capability_id == hall.offers[0].id and talk.need_id == hall.needs[0].id:
            hall.write(partial(docking_wishes.remove, viewer=hall.broker.viewer, event_id=hall.id, talk_id=talk.id))
    hall.write(lambda s: docking.save(s, hall.broker.viewer, hall.id, frame(slots=1, breaks=(), tables=2)))
    assert all(t.slot is None for t in hall.talks())
    with pytest.raises(Conflict):
        hall.publish(1)
    assert hall.plan() == 2
    hall.publish(1)
    left = {t.capability_id for t in hall.talks() if t.slot}
    for company, offer in zip(hall.companies, hall.offers, strict=True):
        methods = [str(c["method"]) for c in hall.calendars(company)]
        assert methods == (["REQUEST", "REQUEST"] if offer.id in left else ["REQUEST", "CANCEL"])
    for _twice in range(2):
        hall.write(lambda s: docking_sending.cancel(s, hall.broker.viewer, SENDER, hall.id))
    assert [str(c["method"]) for c in hall.calendars(hall.hospitals[0])] == ["REQUEST", "REQUEST", "CANCEL"]
    with pytest.raises(Conflict):
        hall.plan()
    assert gone is hall.companies[0]


def test_two_needs_of_one_department_are_never_at_once(make: Factory, hall: Hall) -> None:
    department = hall.hospitals[0].viewer.memberships[0].department_id
    again = [make.need(hall.hospitals[0], f"又一需求{n}", department_id=department or "") for n in range(2)]
    found = [Found(n.id, c.id, Suggested("test", 1, "strong", 0.4)) for n in again for c in hall.offers]
    hall.write(lambda s: docking_wishes.add_matches(s, hall.broker.viewer, hall.id, found))
    assert hall.plan() == 3
    slots = [t.slot for t in hall.talks() if t.slot]
    assert len(slots) == len(set(slots))


def test_an_organisation_takes_part_on_one_side(make: Factory, hall: Hall) -> None:
    hall.wish_all()
    own = make.need(hall.companies[0], "公司的需求")
    with pytest.raises(OneSideOnly):
        hall.write(lambda s: docking_wishes.add(s, hall.broker.viewer, hall.id, own.id, hall.offers[1].id))
    with pytest.raises(Unsuitable):
        hall.write(lambda s: docking_wishes.add(s, hall.broker.viewer, hall.id, own.id, hall.offers[0].id))
    with pytest.raises(NotFound):
        hall.write(lambda s: docking_wishes.add(s, hall.broker.viewer, hall.id, new_id(), hall.offers[0].id))


def test_a_talk_becomes_an_introduction_once(hall: Hall) -> None:
    hall.wish_all()
    talk, broker = hall.talks()[0], hall.broker.viewer
    rows = [hall.write(lambda s: docking_outcomes.introduce(s, broker, hall.id, talk.id)) for _twice in range(2)]
    assert rows[0].id == rows[1].id and (rows[0].need_id, rows[0].capability_id) == (talk.need_id, talk.capability_id)
    assert (rows[0].ranker, rows[0].probability) == ("test", 0.5)
    assert hall.talks()[0].introduction_id == rows[0].id or any(t.introduction_id == rows[0].id for t in hall.talks())


def test_guests_see_their_own_talks_once_they_were_sent(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()

    def seen(party: Party) -> int:
        view: docking_showing.EventView = hall.write(lambda s: docking_showing.show(s, party.viewer, hall.id))
        return len(view.talks)

    stranger, elsewhere = hall.make.party(), hall.make.broker(JIADING)
    for party in (hall.companies[0], stranger, elsewhere):
        with pytest.raises(NotFound):
            seen(party)
    hall.publish(0)
    assert (seen(hall.companies[0]), seen(hall.hospitals[0]), seen(hall.broker)) == (2, 3, 6)
    listed = hall.write(lambda s: [e.id for e in docking_showing.events_of(s, hall.companies[0].viewer)])
    assert listed == [hall.id] and hall.write(lambda s: docking_showing.events_of(s, stranger.viewer)) == []
    for party in (stranger, elsewhere):
        with pytest.raises(NotFound):
            seen(party)
    for party in (stranger, elsewhere, hall.companies[0]):
        with pytest.raises(NotFound):
            hall.write(partial(docking_wishes.plan, viewer=party.viewer, event_id=hall.id))
        with pytest.raises(NotFound):
            hall.write(partial(docking.get, viewer=party.viewer, event_id=hall.id))


def test_guests_see_a_changed_plan_when_it_is_sent_and_not_before(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    company, hospital = hall.companies[0], hall.hospitals[0]

    def seen(party: Party) -> tuple[int, bool]:
        view: docking_showing.EventView = hall.write(lambda s: docking_showing.show(s, party.viewer, hall.id))
        return len(view.talks), view.is_changing

    assert (seen(company), seen(hospital)) == ((2, False), (3, False))
    gone = next(t for t in hall.talks() if t.capability_id == hall.offers[0].id)
    hall.write(lambda s: docking_wishes.remove(s, hall.broker.viewer, hall.id, gone.id))
    assert (seen(company), seen(hall.companies[1]), seen(hall.broker)) == ((0, True), (2, False), (5, True))
    hall.publish(1)
    assert (seen(company), seen(hall.broker)) == ((1, False), (5, False))
    hall.write(lambda s: docking_sending.cancel(s, hall.broker.viewer, SENDER, hall.id))
    assert seen(company) == (0, False)


def test_only_who_was_sent_a_plan_is_reminded(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    late = hall.make.party()
    offer, instead = hall.make.capability(late, "能力"), hall.talks()[0]
    hall.write(lambda s: docking_wishes.remove(s, hall.broker.viewer, hall.id, instead.id))
    hall.write(lambda s: docking_wishes.add(s, hall.broker.viewer, hall.id, instead.need_id, offer.id))
    assert hall.plan() == 6
    event = hall.write(lambda s: s.get_one(DockingEvent, hall.id))
    hall.write(lambda s: docking_sending.follow(s, event.starts_at - timedelta(hours=3)))
    assert hall.told(late) == []
    assert Notice.DOCKING_REMINDER in hall.told(hall.companies[0])


def test_a_frame_has_bounds_and_needs_a_broker(hall: Hall) -> None:
    bad: list[dict[str, object]] = [
        {"slots": 0},
        {"slots": 25},
        {"tables": 0},
        {"breaks": (3,)},
        {"title": ""},
        {"starts_at": utc_now() - timedelta(hours=1)},
    ]
    for changes in bad:
        made = partial(docking.save, viewer=hall.broker.viewer, event_id=new_id(), frame=frame(**changes))
        with pytest.raises(BadEvent):
            hall.write(partial(made, is_new=True))
    with pytest.raises(Forbidden):
        hall.write(lambda s: docking.save(s, hall.companies[0].viewer, new_id(), frame(), is_new=True))
    assert agencies(hall.companies[0].viewer) == frozenset()


def test_reminders_go_out_once(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    event = hall.write(lambda s: s.get_one(DockingEvent, hall.id))
    before = event.starts_at - timedelta(hours=3)
    assert [hall.write(lambda s: docking_sending.follow(s, before)) for _twice in range(2)] == [1, 0]


def test_guests_accept_or_decline_and_the_plan_is_made_again_without_them(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    gone, stays = hall.companies[0], hall.companies[1]
    with pytest.raises(NotFound):
        hall.answer(gone)
    hall.publish(0)
    assert set(hall.states().values()) == {"waiting"} and len(hall.states()) == 5
    with pytest.raises(NoReason):
        hall.answer(gone, "because")
    for _twice in range(2):
        hall.answer(stays)
        hall.answer(gone, "time")
    assert hall.told(hall.broker) == [Notice.DOCKING_ACCEPTED, Notice.DOCKING_DECLINED]
    view = hall.write(lambda s: docking_showing.show(s, hall.broker.viewer, hall.id))
    assert view.must_plan_again and (view.count("accepted"), view.count("declined"), view.count("waiting")) == (1, 1, 3)
    assert view.guests[0].name == gone.organisation.name and view.guests[0].guest.reason is GuestReason.TIME
    # A plan with somebody in it who does not come is not sent.
    with pytest.raises(Conflict, match="plan again"):
        hall.publish(1)
    assert hall.plan() == 4
    assert not hall.write(lambda s: docking_showing.show(s, hall.broker.viewer, hall.id)).must_plan_again
    hall.publish(1)
    assert [str(c["method"]) for c in hall.calendars(gone)] == ["REQUEST", "CANCEL"]
    assert hall.told(gone) == [Notice.DOCKING_PUBLISHED, Notice.DOCKING_CANCELLED]
    assert hall.states()[gone.organisation.id] == "declined"
    hall.publish(2)
    assert len(hall.calendars(gone)) == 2, "told once"
    # Still a guest of the page, and free to come after all.
    own = hall.write(lambda s: docking_showing.show(s, gone.viewer, hall.id))
    assert own.talks == () and [g.name for g in own.guests] == [gone.organisation.name]
    hall.answer(gone)
    assert hall.plan() == 6
    hall.publish(3)
    assert [str(c["method"]) for c in hall.calendars(gone)] == ["REQUEST", "CANCEL", "REQUEST"]


def test_who_never_had_a_plan_is_not_told_that_it_is_off(hall: Hall) -> None:
    hall.write(lambda s: docking.save(s, hall.broker.viewer, hall.id, frame(slots=1, breaks=(), tables=1)))
    hall.wish_all()
    assert hall.plan() == 1
    hall.publish(0)
    hall.publish(1)
    assert sum(len(hall.calendars(p)) for p in (*hall.hospitals, *hall.companies)) == 2, "nothing has changed"
    left = next(p for p in hall.companies if not hall.calendars(p))
    with pytest.raises(NotFound):
        hall.write(lambda s: docking_showing.show(s, left.viewer, hall.id))
    assert hall.write(lambda s: docking_showing.events_of(s, left.viewer)) == []


def test_readers_strangers_and_late_comers_do_not_answer(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    guest = hall.companies[0]
    with pytest.raises(Forbidden):
        hall.answer(hall.make.join(guest, MemberRole.VIEWER))
    stranger = hall.make.party()
    for party in (stranger, hall.make.broker(JIADING)):
        with pytest.raises(NotFound):
            hall.answer(party)
    answered = partial(docking_guests.answer, viewer=stranger.viewer, event_id=hall.id, accepts=True)
    with pytest.raises(NotFound):
        hall.write(partial(answered, organisation_id=guest.organisation.id))
    hall.let_begin()
    hall.answer(guest)
    hall.write(lambda s: docking_sending.cancel(s, hall.broker.viewer, SENDER, hall.id))
    with pytest.raises(Conflict):
        hall.answer(guest, "time")


def test_notifications_lead_to_the_event_for_those_who_may_open_it(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)

    def titles(party: Party) -> list[str]:
        found = hall.write(lambda s: docking_showing.cards(s, party.viewer, [hall.id]))
        return [f"{card.title} {card.url}" for card in found.values()]

    for party in (hall.broker, hall.companies[0], hall.hospitals[1]):
        assert titles(party) == [f"示例对接会 /docking/{hall.id}"]
    assert titles(hall.make.party()) == [] == titles(hall.make.broker(JIADING))


def test_the_minutes_of_a_table_are_the_first_meeting_of_a_case(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    talk, broker = hall.talks()[0], hall.broker.viewer
    home = hall.write(lambda s: next(iter(docking.by_organisation(s, [talk]))))
    held = Minutes({home: "示例代表"}, "样机弯度可调。", "两周内提供资料。")

    def conclude(held: Minutes = held) -> str:
        row = hall.write(lambda s: docking_outcomes.conclude(s, broker, hall.id, talk.id, held))
        return str(row.id)

    with pytest.raises(NotYet):
        conclude()
    hall.let_begin()
    with pytest.raises(BadPlan):
        conclude(Minutes({}, " "))
    with pytest.raises(NotFound):
        conclude(Minutes({new_id(): "谁"}, "纪要"))
    assert conclude() == conclude(Minutes(held.present, "更正后的纪要。"))
    meeting = hall.write(lambda s: s.get_one(CaseMeeting, talk.id))
    assert meeting.status is MeetingStatus.HELD and meeting.minutes == "更正后的纪要。"
    assert "第 1 桌" in meeting.place and meeting.held_at is not None
    view, parties = hall.write(lambda s: docking_showing.talk(s, broker, hall.id, talk.id))
    assert view.minutes_url.endswith(f"/meetings/{talk.id}") and len(parties) == 2
    assert next(t for t in hall.talks() if t.id == talk.id).introduction_id == meeting.introduction_id
    # Once both sides have accepted, the case has met.
    hall.write(lambda s: clock.follow(s, SENDER))
    parties_of = hall.write(lambda s: [i for i, _name in docking_showing.talk(s, broker, hall.id, talk.id)[1]])
    for party in (p for p in (*hall.hospitals, *hall.companies) if p.organisation.id in parties_of):
        viewer = party.viewer
        hall.write(
            partial(introductions.answer, viewer=viewer, introduction_id=meeting.introduction_id, consent=CONSENT)
        )
    hall.write(lambda s: clock.follow(s, SENDER))
    row = hall.write(lambda s: s.get_one(Introduction, meeting.introduction_id))
    assert row.status is IntroductionStatus.MEETING


def test_the_answer_of_a_merged_organisation_is_that_of_the_kept_one(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    hall.answer(hall.companies[0], "people")
    kept = hall.make.party()
    hall.merge(hall.companies[0], kept)
    states = hall.states()
    assert states[kept.organisation.id] == "declined" and hall.companies[0].organisation.id not in states


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_guests_that_become_one_the_last_answer_holds(hall: Hall, order: tuple[int, int]) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    former, kept = hall.companies[:2]
    for at, reason in zip(order, ("", "people"), strict=True):
        hall.answer(hall.companies[at], reason, "示例说明" if reason else "")
    hall.merge(former, kept)
    guests = hall.write(lambda s: docking_guests.of_event(s, hall.id))
    assert len(guests) == 4 and former.organisation.id not in guests
    guest = guests[kept.organisation.id]
    assert (guest.state.value, guest.reason, guest.note) == ("declined", GuestReason.PEOPLE, "示例说明")
    # The plan that it had is still called off when the event is.
    hall.write(lambda s: docking_sending.cancel(s, hall.broker.viewer, SENDER, hall.id))
    assert [str(c["method"]) for c in hall.calendars(kept)] == ["REQUEST", "CANCEL"]


def test_of_two_guests_that_become_one_an_answer_stands_before_none(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    former, kept = hall.companies[:2]
    hall.answer(former)
    hall.merge(former, kept)
    assert hall.states()[kept.organisation.id] == "accepted"
    # The talks of both are another plan than either was sent: it goes out, and is asked for.
    hall.plan()
    hall.publish(1)
    assert hall.states()[kept.organisation.id] == "waiting"


def test_a_note_is_for_the_agency_alone_and_stays_out_of_the_trail(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    guest = hall.companies[0]
    with pytest.raises(LongNote):
        hall.answer(guest, "time", "长" * (NOTE_LENGTH + 1))
    for _twice in range(2):
        hall.answer(guest, "time", "当天有示例手术演示")
    assert hall.told(hall.broker) == [Notice.DOCKING_DECLINED]

    def notes(party: Party) -> list[str]:
        view = hall.write(lambda s: docking_showing.show(s, party.viewer, hall.id))
        return [entry.note for entry in view.guests if entry.note]

    assert (notes(hall.broker), notes(guest), notes(hall.hospitals[0])) == (["当天有示例手术演示"], [], [])
    row = hall.write(lambda s: s.exec(select(DockingGuest).where(col(DockingGuest.note) != "")).one())
    assert row.answered_by == guest.user.id and row.answered_at is not None
    trail = hall.write(lambda s: s.exec(select(AuditEvent).where(AuditEvent.subject_id == hall.id)).all())
    told = [(e.event, e.detail["reason"]) for e in trail if e.detail.get("reason")]
    assert told == [(Event.DOCKING_DECLINE, "time")] and "手术" not in str([e.detail for e in trail])
    assert sum(e.event == Event.DOCKING_SEND for e in trail) == 5
    # Taken back, it is gone.
    hall.answer(guest)
    assert notes(hall.broker) == []


def test_only_those_whose_own_plan_has_changed_are_sent_it_again_and_asked_again(hall: Hall) -> None:
    hall.wish_all()
    hall.plan()
    hall.publish(0)
    parties = (*hall.hospitals, *hall.companies)
    for party in parties:
        hall.answer(party)
    assert set(hall.states().values()) == {"accepted"}

    def touch(talk_id: str) -> list[str]:
        """Another table for one talk, as a new plan may give it; returns whom that concerns."""

        def work(session: Session) -> list[str]:
            talk = session.get_one(DockingTalk, talk_id)
            talk.table_number = 9
            session.add(talk)
            session.flush()
            return list(docking.by_organisation(session, [talk]))

        found: list[str] = hall.write(work)
        return found

    moved = touch(hall.talks()[0].id)
    hall.publish(1)
    assert {i for i, state in hall.states().items() if state == "waiting"} == set(moved)
    assert {p.organisation.id for p in parties if len(hall.calendars(p)) == 2} == set(moved)
    # Another place concerns everybody.
    hall.write(lambda s: docking.save(s, hall.broker.viewer, hall.id, frame(place="示例科技馆")))
    hall.publish(2)
    assert set(hall.states().values()) == {"waiting"}
