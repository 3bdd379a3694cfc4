"""Calls for responses: secrecy until the date, reviews, the decision, the clock, merging."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.db import Database, utc_now
from backend.decisions.models import Decision, DecisionKind
from backend.disclosure.service import BadNote
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions.models import CaseBroker, Introduction, Origin
from backend.introductions.signing import BadConsent
from backend.introductions.states import IntroductionStatus
from backend.needs import service as needs
from backend.notifications.models import Notice
from backend.organisations import members
from backend.organisations import service as organisations
from backend.organisations.models import MemberRole
from backend.organisations.policy import VISITOR, Viewer
from backend.organisations.references import Merge
from backend.references import REFERENCES
from backend.responses import answers, calling, calls, clock, deciding, policy, results, reviewing, states
from backend.responses.answers import EditedElsewhere, NotOwnCapability
from backend.responses.calling import BadDate, Locked, Weighted
from backend.responses.deciding import NOT_PICKED, PICKED, Verdict
from backend.responses.models import CallResponse, Criterion, ResponseCall, Review
from backend.responses.policy import ConflictOfInterest
from backend.responses.reviewing import NoSuchAccount, NotAllScored, ReviewerHasConflict
from backend.responses.states import CallStatus, RefusalReason, ResponseStatus, ReviewStatus
from backend.working_days import add_working_days, deadline, today
from tests.factories import JIADING, Factory, Party
from tests.response_steps import ANSWER, Scene


@pytest.fixture
def scene(make: Factory, database: Database) -> Scene:
    return Scene(make, database)


def reads(scene: Scene, party: Party, response: CallResponse) -> bool:
    def work(session: Session) -> bool:
        try:
            answers.read(session, party.viewer, response.id)
        except (NotFound, Forbidden):
            return False
        return True

    return scene.do(work)


def test_nobody_but_the_responder_reads_a_response_before_the_date(scene: Scene) -> None:
    call = scene.begin()
    response = scene.answer(scene.company, call)
    colleague = scene.make.join(scene.company, MemberRole.VIEWER)
    others = (scene.hospital, scene.broker, scene.rival, scene.expert, scene.stranger)
    assert [reads(scene, p, response) for p in (scene.company, colleague)] == [True, True]
    assert [reads(scene, p, response) for p in others] == [False] * 5
    # Author and broker learn how many there are, and are told of it once while they have not looked.
    assert scene.do(lambda s: calls.load(s, call.id).count) == 1
    assert scene.told(scene.hospital) == [Notice.RESPONSE_SUBMITTED]
    assert scene.told(scene.broker) == [Notice.CALL_OPENED, Notice.RESPONSE_SUBMITTED]
    scene.let_close(call)
    assert [reads(scene, p, response) for p in others] == [True, True, False, False, False]
    with scene.database.session() as session:
        read = session.exec(select(AuditEvent).where(AuditEvent.event == "response:read")).all()
        assert {e.actor_id for e in read} == {scene.hospital.user.id, scene.broker.user.id}
        assert all(set(e.detail) == {"call", "version"} for e in read)


def test_a_member_of_a_responder_does_not_read_the_others_from_the_other_side(scene: Scene) -> None:
    both = scene.make.join_all([scene.hospital, scene.company], MemberRole.EDITOR)
    call, _mine, other = scene.closed()
    with pytest.raises(ConflictOfInterest):
        scene.do(lambda s: answers.read(s, both.viewer, other.id))
    with pytest.raises(ConflictOfInterest):
        scene.do(lambda s: results.get(s, both.viewer, call.id))
    with pytest.raises(DomainError):
        scene.decide(call, set(), both)


@pytest.mark.parametrize("days", [0, 2])
def test_a_date_too_near_is_refused(scene: Scene, days: int) -> None:
    with pytest.raises(BadDate):
        scene.begin(days=days)


def test_a_need_has_one_live_call_and_its_author_alone_opens_it(scene: Scene) -> None:
    first = scene.begin()
    assert scene.begin().id == first.id
    for party in (scene.company, scene.make.reviewer(JIADING), scene.make.join(scene.hospital, MemberRole.VIEWER)):
        with pytest.raises(Forbidden):
            scene.begin(party)


def test_a_broker_proposes_and_the_author_opens(scene: Scene) -> None:
    call = scene.begin(scene.broker)
    assert call.status is CallStatus.PROPOSED and scene.told(scene.hospital) == [Notice.CALL_PROPOSED]
    with pytest.raises(NotFound):
        scene.do(lambda s: calls.get(s, scene.company.viewer, call.id))
    with pytest.raises(DomainError):
        scene.answer(scene.company, call)
    scene.do(lambda s: calling.act(s, scene.hospital.viewer, call.id, "open"))
    assert scene.answer(scene.company, call).status is ResponseStatus.SUBMITTED


def test_criteria_stand_once_the_first_response_is_in(scene: Scene) -> None:
    call = scene.begin()
    criteria = [Weighted("可行性", 1)]
    scene.do(lambda s: calling.change(s, scene.hospital.viewer, call.id, None, criteria, ""))
    scene.answer(scene.company, call, submit=False)
    scene.do(lambda s: calling.change(s, scene.hospital.viewer, call.id, None, criteria, "更短"))
    scene.answer(scene.company, call)
    with pytest.raises(Locked):
        scene.do(lambda s: calling.change(s, scene.hospital.viewer, call.id, None, criteria, ""))
    # Taking it back does not unlock them: somebody has written to these criteria.
    scene.do(lambda s: answers.withdraw(s, scene.company.viewer, scene.answer_id(call)))
    with pytest.raises(Locked):
        scene.do(lambda s: calling.change(s, scene.hospital.viewer, call.id, None, criteria, ""))


def test_a_response_is_drafted_handed_in_changed_taken_back_and_handed_in_again(scene: Scene) -> None:
    call = scene.begin()
    assert scene.answer(scene.company, call, submit=False, solution="").status is ResponseStatus.DRAFT
    response = scene.answer(scene.company, call)
    assert scene.answer(scene.company, call, price="100 万元").status is ResponseStatus.SUBMITTED
    scene.do(lambda s: answers.withdraw(s, scene.company.viewer, response.id))
    scene.do(lambda s: answers.withdraw(s, scene.company.viewer, response.id))
    assert scene.do(lambda s: calls.load(s, call.id).count) == 0
    assert scene.answer(scene.company, call).id == response.id
    scene.let_close(call)
    with pytest.raises(Conflict):
        scene.answer(scene.company, call)
    with pytest.raises(Conflict):
        scene.do(lambda s: answers.withdraw(s, scene.company.viewer, response.id))
    # Handed in twice: the ranker learns of each time, the second after the taking back.
    assert scene.do(lambda s: [d.kind for d in s.exec(select(Decision)).all()]) == [DecisionKind.ASKED] * 2


def test_a_form_sent_twice_is_one_response_and_an_older_one_is_refused(scene: Scene) -> None:
    call, home = scene.begin(), scene.company.organisation.id

    def send(version: int, price: str) -> CallResponse:
        values = {**ANSWER, "price": price}
        return scene.do(
            lambda s: answers.save(s, scene.company.viewer, call.id, home, values, submit=True, version=version)
        )

    first = send(0, "一")
    assert send(0, "一").version == first.version
    assert send(1, "二").version == 2
    with pytest.raises(EditedElsewhere):
        send(1, "三")


def test_only_a_published_capability_of_ones_own_is_chosen(scene: Scene) -> None:
    call = scene.begin()
    own, theirs = scene.make.capability(scene.company), scene.make.capability(scene.rival)
    with pytest.raises(NotOwnCapability):
        scene.answer(scene.company, call, capability_id=theirs.id)
    assert scene.answer(scene.company, call, capability_id=own.id).capability_id == own.id


@pytest.mark.parametrize("who", ["hospital", "broker", "reader", "unverified", "visitor"])
def test_who_may_not_answer(scene: Scene, who: str) -> None:
    call = scene.begin()
    make = scene.make
    party = {
        "hospital": scene.hospital,
        "broker": scene.broker,
        "reader": make.party(role=MemberRole.VIEWER),
        "unverified": make.party(verified=False),
        "visitor": Party(scene.company.organisation, scene.company.user, VISITOR),
    }[who]
    with pytest.raises((NotFound, Forbidden)):
        scene.answer(party, call)


def test_reviewers_are_chosen_after_the_date_and_have_no_part_in_it(scene: Scene) -> None:
    call = scene.begin()
    scene.answer(scene.company, call)
    with pytest.raises(Conflict):
        scene.invite(call)
    scene.let_close(call)
    with pytest.raises(ReviewerHasConflict):
        scene.invite(call, scene.company)
    with pytest.raises(NoSuchAccount):
        scene.do(lambda s: reviewing.invite(s, scene.hospital.viewer, call.id, "nobody@test.example"))
    with pytest.raises(NotFound):
        scene.invite(call, by=scene.stranger)
    review = scene.invite(call, by=scene.broker)
    assert scene.invite(call).id == review.id
    assert scene.told(scene.expert) == [Notice.EXPERT_INVITED]
    # Whoever joins a responding organisation afterwards is out.
    joined = scene.make.again(scene.expert)
    with scene.database.session(write=True) as session:
        organisations.add_member(session, joined.user.id, scene.company.organisation.id, MemberRole.VIEWER)
    with pytest.raises(ConflictOfInterest):
        scene.do(lambda s: reviewing.accept(s, scene.make.again(joined).viewer, call.id))


def test_a_reviewer_reads_once_accepted_and_sees_the_scores_of_others_once_handed_in(scene: Scene) -> None:
    call, mine, other = scene.closed()
    second = scene.make.party(name="示例·第二评审单位")
    for expert in (scene.expert, second):
        scene.invite(call, expert)
    assert not reads(scene, scene.expert, mine)

    def brief() -> Mapping[str, str]:
        viewer = scene.expert.viewer
        return scene.do(lambda s: reviewing.brief_for(s, viewer, *reviewing.mine(s, viewer, call.id)))

    assert brief() == {}
    scene.score_all(call, second, {mine.id: 5, other.id: 2})
    scene.do(lambda s: reviewing.accept(s, scene.expert.viewer, call.id))
    assert reads(scene, scene.expert, mine) and "针尖上滑的详情。" in brief().values()
    with scene.database.session() as session:
        reading = session.exec(select(AuditEvent).where(AuditEvent.event == "need:brief:read")).one()
    assert reading.detail["organisation"] == scene.expert.organisation.id, "the author sees whose reviewer has read"
    with pytest.raises(Forbidden):
        scene.do(lambda s: results.get(s, scene.expert.viewer, call.id))
    scene.give(call, scene.expert, mine.id, 3)
    with pytest.raises(NotAllScored):
        scene.do(lambda s: reviewing.submit(s, scene.expert.viewer, call.id))
    # A draft of somebody counts for nobody yet.
    assert scene.do(lambda s: results.get(s, scene.hospital.viewer, call.id)[1].rows[0].mean) == 5
    scene.give(call, scene.expert, other.id, 4)
    scene.do(lambda s: reviewing.submit(s, scene.expert.viewer, call.id))
    table = scene.do(lambda s: results.get(s, scene.expert.viewer, call.id)[1])
    assert [(r.response.id, r.mean, r.spread) for r in table.rows] == [(mine.id, 4, 1), (other.id, 3, 1)]
    # Reviewers are numbers to each other, names to those who have asked them.
    assert {m.reviewer for m in table.rows[0].cells[0].marks} == {"1", "2"}
    with pytest.raises(Conflict):
        scene.give(call, scene.expert, mine.id, 1)


def test_a_member_of_the_author_who_reviews_waits_like_any_other(scene: Scene) -> None:
    call, mine, other = scene.closed()
    colleague = scene.make.join(scene.hospital, MemberRole.EDITOR)
    scene.do(lambda s: reviewing.invite(s, scene.hospital.viewer, call.id, user_id=colleague.user.id))
    with pytest.raises(Forbidden):
        scene.do(lambda s: results.get(s, colleague.viewer, call.id))
    with pytest.raises(Forbidden):
        scene.decide(call, set(), colleague)
    scene.score_all(call, colleague, {mine.id: 4, other.id: 4})
    assert scene.do(lambda s: results.get(s, colleague.viewer, call.id)[1].reviews) == 1


def test_a_review_is_refused_with_a_reason(scene: Scene) -> None:
    call, mine, _other = scene.closed()
    scene.invite(call)
    with pytest.raises(BadNote):
        scene.do(lambda s: reviewing.refuse(s, scene.expert.viewer, call.id, RefusalReason.OTHER, " "))
    scene.do(lambda s: reviewing.accept(s, scene.expert.viewer, call.id))
    scene.do(lambda s: reviewing.refuse(s, scene.expert.viewer, call.id, RefusalReason.TOO_MANY, ""))
    assert not reads(scene, scene.expert, mine)
    assert scene.told(scene.hospital)[-1] is Notice.EXPERT_REFUSED


def test_weights_count() -> None:
    first = Criterion(call_id="c", position=0, name="a", weight=3)
    second = Criterion(call_id="c", position=1, name="b", weight=1)
    assert results.weighted({first.id: 5, second.id: 1}, [first, second]) == 4.0


def test_the_decision_begins_cases_and_tells_everybody(scene: Scene) -> None:
    call, mine, other = scene.closed()
    scene.decide(call, {mine.id})
    scene.decide(call, {other.id})
    picked, passed = scene.stored(mine), scene.stored(other)
    assert (picked.status, picked.outcome) == (ResponseStatus.PICKED, PICKED)
    assert (passed.status, passed.outcome) == (ResponseStatus.NOT_PICKED, NOT_PICKED)
    assert passed.introduction_id is None and scene.call(call).outcome == "以成熟度为先。"
    case = scene.do(lambda s: s.exec(select(Introduction)).one())
    assert (case.id, case.origin, case.status) == (
        picked.introduction_id,
        Origin.RESPONSE,
        IntroductionStatus.ACCEPTED_BY_NEED,
    )
    for party in (scene.company, scene.rival, scene.broker):
        assert scene.told(party)[-1] is Notice.CALL_DECIDED
    kinds = scene.do(lambda s: [(d.kind, d.organisation_id, d.reason) for d in s.exec(select(Decision)).all()])
    assert (DecisionKind.DECLINED, scene.rival.organisation.id, "other") in kinds
    assert len([k for k, *_rest in kinds if k is DecisionKind.DECLINED]) == 1


def broker_of_pick(scene: Scene, call: ResponseCall, picked: CallResponse) -> str | None:
    """Who looks after the case that comes of a pick; None where nobody does yet."""
    scene.decide(call, {picked.id})
    query = select(CaseBroker).where(CaseBroker.introduction_id == scene.stored(picked).introduction_id)
    found = scene.do(lambda s: s.exec(query).first())
    assert found is None or (found.is_lead, found.share, found.agreed_at is not None) == (True, 100, True)
    return found.user_id if found else None


def test_the_broker_who_published_the_need_looks_after_what_is_picked(scene: Scene) -> None:
    call, mine, _other = scene.closed()
    assert broker_of_pick(scene, call, mine) == scene.broker.user.id


def test_the_broker_who_proposed_the_call_comes_first(scene: Scene) -> None:
    colleague = scene.make.join(scene.broker, MemberRole.EDITOR)
    call = scene.begin(colleague)
    scene.do(lambda s: calling.act(s, scene.hospital.viewer, call.id, "open"))
    mine = scene.answer(scene.company, call)
    scene.let_close(call)
    assert broker_of_pick(scene, call, mine) == colleague.user.id


def test_the_broker_who_reviewed_comes_before_the_one_who_published(scene: Scene) -> None:
    colleague = scene.make.join(scene.broker, MemberRole.EDITOR)
    call, mine, other = scene.closed()
    scene.invite(call, colleague)
    scene.score_all(call, colleague, {mine.id: 5, other.id: 3})
    assert broker_of_pick(scene, call, mine) == colleague.user.id


def test_where_the_broker_has_left_one_of_the_region_takes_it_over(scene: Scene) -> None:
    call, mine, _other = scene.closed()
    scene.make.join(scene.broker, MemberRole.OWNER)
    viewer, home = scene.broker.viewer, scene.broker.organisation.id
    scene.do(lambda s: members.leave(s, viewer, home))
    assert broker_of_pick(scene, call, mine) is None


def test_none_may_be_picked_and_a_pick_needs_consent(scene: Scene) -> None:
    call, mine, _other = scene.closed()
    with pytest.raises(BadConsent):
        scene.do(
            lambda s: deciding.decide(
                s,
                scene.hospital.viewer,
                call.id,
                {r.id: Verdict(True, "") for r in answers.of_call(s, call.id)},
                "理由",
                None,
            )
        )
    with pytest.raises(Forbidden):
        scene.decide(call, set(), scene.broker)
    scene.decide(call, set())
    assert scene.stored(mine).status is ResponseStatus.NOT_PICKED
    assert scene.do(lambda s: s.exec(select(Introduction)).all()) == []
    # The need may be opened once more.
    assert scene.begin().id != call.id


def test_the_date_is_moved_with_notice_and_not_from_one_day_to_the_next(scene: Scene) -> None:
    call = scene.begin()
    scene.answer(scene.company, call)

    def move(days: int, note: str = "评审时间有变") -> ResponseCall:
        day = add_working_days(today(), days)
        return scene.do(lambda s: calling.reschedule(s, scene.hospital.viewer, call.id, day, note))

    with pytest.raises(BadDate):
        move(1)
    with pytest.raises(BadNote):
        move(8, " ")
    assert calls.last_day(move(8).until) == add_working_days(today(), 8)
    assert scene.told(scene.company) == [Notice.CALL_RESCHEDULED]
    assert scene.told(scene.broker)[-1] is Notice.CALL_RESCHEDULED
    with pytest.raises(Forbidden):
        scene.do(lambda s: calling.reschedule(s, scene.broker.viewer, call.id, add_working_days(today(), 9), "想"))


def test_the_clock_reminds_closes_and_asks_for_a_decision(scene: Scene) -> None:
    call = scene.begin(days=10)
    scene.answer(scene.company, call, submit=False)
    scene.answer(scene.rival, call)

    def run(at: datetime) -> None:
        scene.do(lambda s: clock.run(s, 15, at))

    near = call.until - timedelta(days=1)
    run(near)
    run(near)
    assert scene.told(scene.company) == [Notice.CALL_REMINDER] and Notice.CALL_REMINDER not in scene.told(scene.rival)
    run(call.until - timedelta(seconds=1))
    assert scene.call(call).status is CallStatus.OPEN
    run(call.until)
    assert scene.call(call).status is CallStatus.CLOSED
    for party in (scene.hospital, scene.broker, scene.company, scene.rival):
        assert scene.told(party)[-1] is Notice.CALL_CLOSED
    review = scene.invite(call)
    run(deadline(review.invited_at, 7) - timedelta(seconds=1))
    assert scene.told(scene.expert) == [Notice.EXPERT_INVITED]
    run(deadline(review.invited_at, 7))
    run(deadline(review.invited_at, 7))
    assert scene.told(scene.expert) == [Notice.EXPERT_INVITED, Notice.EXPERT_REMINDER]
    run(deadline(utc_now(), 15))
    assert scene.told(scene.hospital)[-1] is Notice.CALL_UNDECIDED


def test_a_call_without_responses_and_a_proposal_without_answer_end(scene: Scene) -> None:
    call = scene.begin()
    scene.answer(scene.company, call, submit=False)
    scene.do(lambda s: clock.run(s, 15, call.until))
    assert scene.call(call).status is CallStatus.EXPIRED
    proposed = scene.begin(scene.broker, days=60)
    scene.do(lambda s: clock.run(s, 15, deadline(proposed.created_at, 15)))
    assert scene.call(proposed).status is CallStatus.EXPIRED


def test_a_withdrawn_need_ends_its_call(scene: Scene) -> None:
    call = scene.begin()
    response = scene.answer(scene.company, call)
    scene.do(lambda s: needs.act(s, scene.hospital.viewer, scene.need.id, "withdraw"))
    with pytest.raises(Conflict):
        scene.answer(scene.company, call, price="一")
    scene.do(lambda s: clock.run(s, 15))
    assert scene.call(call).status is CallStatus.WITHDRAWN
    assert scene.stored(response).status is ResponseStatus.LAPSED
    assert scene.told(scene.company) == [Notice.CALL_WITHDRAWN]
    # Its responder still reads why.
    assert scene.do(lambda s: calls.get(s, scene.company.viewer, call.id).row.note) == clock.NEED_ENDED


def merge(scene: Scene, duplicate: Party, kept: Party) -> None:
    """Hand over as merging does, by all references in their order."""
    with scene.database.session(write=True) as session:
        for reference in REFERENCES:
            reference.move(session, Merge(duplicate.organisation.id, kept.organisation.id, {}))


def test_two_responders_that_become_one_keep_one_response(scene: Scene) -> None:
    call = scene.begin()
    mine, other = scene.answer(scene.company, call), scene.answer(scene.rival, call)
    merge(scene, scene.rival, scene.company)
    assert scene.stored(mine).status is ResponseStatus.SUBMITTED
    assert scene.stored(other).status is ResponseStatus.WITHDRAWN
    third = scene.make.party()
    merge(scene, scene.company, third)
    assert scene.stored(mine).organisation_id == third.organisation.id


def test_a_responder_that_becomes_one_with_the_author_is_out(scene: Scene) -> None:
    call = scene.begin()
    mine = scene.answer(scene.company, call)
    merge(scene, scene.company, scene.hospital)
    assert scene.stored(mine).status is ResponseStatus.WITHDRAWN


CALL_ACTIONS = ("open", "decline", "take-back", "withdraw")


@pytest.mark.parametrize("status", list(CallStatus))
def test_every_action_on_a_call_by_every_role_in_every_state(scene: Scene, status: CallStatus) -> None:
    """Done where the table says so, refused everywhere else; what needs more than a note has tests of its own."""
    call = scene.begin()
    roles: dict[str, Viewer | None] = {
        "author": scene.hospital.viewer,
        "broker": scene.broker.viewer,
        "system": None,
        "reader": scene.make.join(scene.hospital, MemberRole.VIEWER).viewer,
        "company": scene.company.viewer,
        "visitor": VISITOR,
        "admin": scene.make.admin(),
    }

    def act(role: str, action: str) -> ResponseCall:
        return scene.do(lambda s: calling.act(s, roles[role], call.id, action, "理由"))

    for action in states.CallAction:
        for role in roles:
            scene.do(lambda s: _put(s, call.id, status))
            step = states.CALLS.get(status, {}).get(action)
            simple = action in CALL_ACTIONS or (role == "system" and action in ("close", "expire"))
            if step is not None and role in step.who and simple:
                assert act(role, action).status == step.target
                continue
            with pytest.raises((NotFound, Forbidden, Conflict)):
                act(role, action)
            assert scene.call(call).status is status


def _put(session: Session, call_id: str, status: CallStatus) -> None:
    row = session.get_one(ResponseCall, call_id)
    row.status = status
    session.add(row)


@pytest.mark.parametrize("status", list(ResponseStatus))
def test_every_action_on_a_response_in_every_state(scene: Scene, status: ResponseStatus) -> None:
    call = scene.begin()
    response = scene.answer(scene.company, call)

    def reset(session: Session) -> None:
        row = session.get_one(CallResponse, response.id)
        row.status = status
        session.add(row)

    for submit in (False, True):
        scene.do(reset)
        # What was handed in is handed in again, whichever button was pressed.
        action = "submit" if submit or status is ResponseStatus.SUBMITTED else "save"
        step = states.RESPONSES.get(status, {}).get(action)
        if step is None:
            with pytest.raises(Conflict):
                scene.answer(scene.company, call, submit=submit, price=f"{status}{submit}")
        else:
            assert scene.answer(scene.company, call, submit=submit, price=f"{status}{submit}").status == step.target
    scene.do(reset)
    if status is ResponseStatus.WITHDRAWN or "withdraw" in states.RESPONSES.get(status, {}):
        done = scene.do(lambda s: answers.withdraw(s, scene.company.viewer, response.id))
        assert done.status is ResponseStatus.WITHDRAWN
    else:
        with pytest.raises(Conflict):
            scene.do(lambda s: answers.withdraw(s, scene.company.viewer, response.id))
    for other in (scene.rival, scene.hospital, scene.broker):
        with pytest.raises(NotFound):
            scene.do(lambda s, p=other: answers.withdraw(s, p.viewer, response.id))  # type: ignore[misc]


@pytest.mark.parametrize("status", list(ReviewStatus))
def test_every_action_on_a_review_in_every_state(scene: Scene, status: ReviewStatus) -> None:
    call, mine, other = scene.closed()
    review = scene.invite(call)
    scene.do(lambda s: reviewing.accept(s, scene.expert.viewer, call.id))
    for response in (mine, other):
        scene.give(call, scene.expert, response.id, 3)

    def reset(session: Session) -> None:
        row = session.get_one(Review, review.id)
        row.status = status
        session.add(row)

    viewer = scene.expert.viewer
    done = {"accept": ReviewStatus.ACCEPTED, "submit": ReviewStatus.SUBMITTED, "refuse": ReviewStatus.REFUSED}
    work = {
        "accept": lambda s: reviewing.accept(s, viewer, call.id),
        "refuse": lambda s: reviewing.refuse(s, viewer, call.id, RefusalReason.CONFLICT, ""),
        "submit": lambda s: reviewing.submit(s, viewer, call.id),
        "remove": lambda s: reviewing.remove(s, scene.hospital.viewer, call.id, review.id),
    }
    for action, call_it in work.items():
        scene.do(reset)
        step = states.REVIEWS.get(status, {}).get(action)
        twice = done.get(action, ReviewStatus.REMOVED) is status and status is not ReviewStatus.REMOVED
        if step is not None or twice or (action == "remove" and status is ReviewStatus.REMOVED):
            found = scene.do(call_it)
            assert found.status == (step.target if step else status)
        else:
            with pytest.raises((Conflict, NotFound)):
                scene.do(call_it)


def test_the_tables_are_closed() -> None:
    tables = ((states.CALLS, CallStatus), (states.RESPONSES, ResponseStatus), (states.REVIEWS, ReviewStatus))
    for table, statuses in tables:
        for status, steps in table.items():
            assert status in list(statuses)
            for step in steps.values():
                assert step.target in list(statuses) and step.who and step.event in list(Event)


def test_the_policy_in_pairs_agrees(scene: Scene) -> None:
    call, _mine, _other = scene.closed()
    facts = scene.do(lambda s: calls.load(s, call.id).facts)
    for party in (scene.hospital, scene.broker, scene.company, scene.stranger):
        assert policy.can_count(party.viewer, facts) == policy.can_read_scores(party.viewer, facts)
        assert policy.can_read_all(party.viewer, facts) == policy.can_invite(party.viewer, facts)
        assert not policy.can_respond(party.viewer, facts, utc_now())
