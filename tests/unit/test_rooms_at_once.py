"""Two who do the same at the same moment in the rooms of a case, and a merge in the middle of a ledger or a meeting."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, func, select

from backend.conversations import service as conversations
from backend.conversations.models import CaseMessage
from backend.conversations.service import Draft
from backend.db import Database, new_id, utc_now
from backend.desk import service as desk
from backend.desk.items import Moment
from backend.desk.kinds import ItemKind
from backend.desk.models import DeskMark
from backend.introductions import service as introductions
from backend.introductions.clock import Clock
from backend.introductions.models import CaseParty, Introduction
from backend.ledger import service as ledger
from backend.ledger import story, views
from backend.ledger.clock import LedgerClock
from backend.ledger.service import MovedElsewhere, Plan
from backend.ledger.states import StepKind, StepStatus
from backend.meetings import service as meetings
from backend.meetings import showing
from backend.meetings.models import Fit
from backend.organisations import merging
from backend.organisations.models import MemberRole
from backend.references import REFERENCES
from backend.responses import answers, calls, clock, deciding
from backend.responses.deciding import Verdict
from backend.responses.models import CallResponse
from backend.responses.states import CallStatus
from tests.factories import Factory, Party
from tests.response_steps import ANSWER, CONSENT
from tests.response_steps import Scene as Called
from tests.unit.test_ledger import Landing
from tests.unit.test_meetings import SENDER, Meeting
from tests.unit.test_organisation_races import OPERATOR, together

Act = Callable[[Session], object]


@pytest.fixture
def landing(make: Factory, database: Database) -> Landing:
    return Landing(make, database)


@pytest.fixture
def called(make: Factory, database: Database) -> Called:
    return Called(make, database)


@pytest.fixture
def meeting(make: Factory, database: Database) -> Meeting:
    return Meeting(make, database)


def merge(database: Database, duplicate: Party, kept: Party) -> None:
    """As an administrator does on the page of the duplicate."""
    with database.session(write=True) as session:
        merging.merge(session, OPERATOR, duplicate.organisation.id, kept.organisation.id, REFERENCES)


def test_two_people_start_the_same_step_at_once(landing: Landing) -> None:
    row = landing.agreed()

    def start(party: Party) -> Act:
        return lambda s: ledger.move(s, party.viewer, row.id, StepKind.ORDER, "start", 0)

    outcomes = together(landing.database, start(landing.hospital), start(landing.company))
    assert sorted(outcomes, key=str) == sorted([None, MovedElsewhere], key=str)
    assert landing.lines(row) == ["ledger:start"]
    step = landing.step(row, StepKind.ORDER)
    assert (step.status, step.version) == (StepStatus.RUNNING, 1)


def test_a_message_that_is_sent_twice_at_once_is_one(meeting: Meeting) -> None:
    draft = Draft(new_id(), "先看样机。", (), False)

    def post(session: Session) -> object:
        return conversations.post(session, meeting.hospital.viewer, meeting.case.id, draft)

    assert together(meeting.database, post, post, post) == [None, None, None]
    assert meeting.do(lambda s: s.exec(select(func.count()).select_from(CaseMessage)).one()) == 1


def test_two_fix_different_times_of_a_meeting_at_once(meeting: Meeting) -> None:
    first, second = meeting.times()
    outcomes = together(
        meeting.database,
        lambda s: meetings.fix(s, meeting.hospital.viewer, SENDER, meeting.case.id, meeting.id, first),
        lambda s: meetings.fix(s, meeting.broker.viewer, SENDER, meeting.case.id, meeting.id, second),
    )
    assert outcomes.count(None) == 1
    assert len(meeting.calendars(meeting.company)) == 1


def test_two_colleagues_decide_about_a_call_at_once(called: Called) -> None:
    call, mine, other = called.closed()
    colleague = called.make.join(called.hospital, MemberRole.EDITOR)

    def decide(party: Party, picked: str) -> Act:
        verdicts = {r.id: Verdict(r.id == picked, "") for r in (mine, other)}
        return lambda s: deciding.decide(s, party.viewer, call.id, verdicts, "以成熟度为先。", CONSENT)

    together(called.database, decide(called.hospital, mine.id), decide(colleague, other.id))
    assert called.call(call).status is CallStatus.DECIDED
    [case] = called.do(lambda s: s.exec(select(Introduction)).all())
    cases = [called.stored(r).introduction_id for r in (mine, other)]
    assert sorted(filter(None, cases)) == [case.id]


def test_two_colleagues_begin_a_response_at_once(called: Called) -> None:
    call = called.begin()
    colleague = called.make.join(called.company, MemberRole.EDITOR)

    def save(party: Party, solution: str) -> Act:
        values = {**ANSWER, "solution": solution}
        home = called.company.organisation.id
        return lambda s: answers.save(s, party.viewer, call.id, home, values, submit=False, version=0)

    outcomes = together(
        called.database,
        save(called.company, "拉索式可调弯。"),
        save(colleague, "磁控可调弯。"),
    )
    assert sorted(outcomes, key=str) == sorted([None, answers.EditedElsewhere], key=str)
    assert called.do(lambda s: s.exec(select(func.count()).select_from(CallResponse)).one()) == 1


def test_a_response_that_is_handed_in_while_the_date_passes_counts_or_is_refused(called: Called) -> None:
    call = called.begin()
    first, second = called.answer(called.company, call), called.answer(called.rival, call, submit=False)
    called.do(lambda s: _end(s, call.id))

    def hand_in(session: Session) -> object:
        values = {**ANSWER, "solution": "改用激光穿刺。"}
        home = called.rival.organisation.id
        return answers.save(session, called.rival.viewer, call.id, home, values, submit=True, version=second.version)

    together(called.database, lambda s: clock.run(s, 15), hand_in)
    # PostgreSQL: the clock leaves out a call that somebody holds at that moment, and closes it at its next turn.
    called.do(lambda s: clock.run(s, 15))
    assert called.call(call).status is CallStatus.CLOSED
    counted = called.do(lambda s: calls.load(s, call.id).facts.responders)
    assert counted == {called.stored(r).organisation_id for r in (first,)}, "the date had passed"


def _end(session: Session, call_id: str) -> None:
    row = calls.load(session, call_id).row
    row.until = utc_now() - timedelta(minutes=1)
    session.add(row)


def test_the_organisation_that_stays_goes_on_with_the_ledger(landing: Landing) -> None:
    row = landing.agreed()
    owner = Plan(landing.company.organisation.id, "示例工程师")
    landing.plan(landing.company, row, StepKind.PROTOTYPE, owner)
    kept = landing.make.party(name="示例·合并后的器械公司")
    merge(landing.database, landing.company, kept)
    step = landing.move(kept, row, StepKind.PROTOTYPE, "start")
    assert (step.status, step.owner_organisation_id) == (StepStatus.RUNNING, kept.organisation.id)
    view = landing.do(lambda s: views.show(s, landing.hospital.viewer, row.id))
    assert view.other_side == kept.organisation.name


def test_the_ledger_of_two_that_became_one_is_still_told(landing: Landing) -> None:
    row = landing.agreed()
    landing.move(landing.company, row, StepKind.ORDER, "start")
    merge(landing.database, landing.company, landing.hospital)
    for party in (landing.hospital, landing.broker):
        assert landing.do(lambda s, p=party: views.show(s, p.viewer, row.id)).steps  # type: ignore[misc]
        assert landing.do(lambda s, p=party: story.tell(s, p.viewer, row.id))  # type: ignore[misc]
    assert landing.do(lambda s: len(s.exec(select(CaseParty)).all())) == 2


def test_the_organisation_that_stays_answers_the_times_of_a_meeting(meeting: Meeting) -> None:
    kept = meeting.make.party(name="示例·合并后的器械公司")
    first, second = meeting.times()
    fits = {first: Fit.NO, second: Fit.YES}
    meeting.do(lambda s: meetings.answer(s, meeting.company.viewer, meeting.case.id, meeting.id, fits))
    merge(meeting.database, meeting.company, kept)
    seen = meeting.do(lambda s: showing.one(s, meeting.hospital.viewer, meeting.case.id, meeting.id))
    assert (kept.organisation.name, Fit.YES) in seen.times[1].answers
    meeting.do(lambda s: meetings.answer(s, kept.viewer, meeting.case.id, meeting.id, {first: Fit.YES, second: Fit.NO}))
    meeting.fix(meeting.hospital)
    assert len(meeting.calendars(kept)) == 1


def test_two_brokers_put_the_same_thing_off_at_once(landing: Landing) -> None:
    row = landing.do(
        lambda s: introductions.ask(s, landing.hospital.viewer, landing.need.id, landing.capability.id, "", CONSENT)
    )
    colleague = landing.make.join(landing.broker, MemberRole.EDITOR)
    moment, day = Moment(utc_now(), Clock(), LedgerClock()), desk.suggested_days(utc_now())[0]
    outcomes = together(
        landing.database,
        *(
            lambda s, who=who: desk.defer(s, who.viewer, moment, ItemKind.ASKED, row.id, day, "等材料。")
            for who in (landing.broker, colleague)
        ),
    )
    assert outcomes == [None, None]
    assert landing.do(lambda s: s.exec(select(func.count()).select_from(DeskMark)).one()) == 1
