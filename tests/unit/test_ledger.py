"""The landing ledger: who moves which step, what is told, two cities, blockers that become needs, the story."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from backend import jobs
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database, utc_now
from backend.decisions.models import Decision, DecisionKind
from backend.disclosure.service import BadNote
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import brokers, parties
from backend.introductions import service as introductions
from backend.introductions.brokers import LegShare
from backend.introductions.models import CaseEvent, Introduction, Leg
from backend.ledger import blockers, board, clock, policy, service, story, views
from backend.ledger.board import BoardFilters
from backend.ledger.clock import LedgerClock, Told
from backend.ledger.forms import own_path
from backend.ledger.models import LedgerState, LedgerStep
from backend.ledger.service import BadDay, BadOwner, Move, MovedElsewhere, NotProven, Plan
from backend.ledger.states import ENDED, PHASES, TABLE, Phase, StepAction, StepKind, StepStatus
from backend.needs import service as needs
from backend.needs.models import Need, NeedKind
from backend.needs.states import NeedStatus
from backend.notifications.models import Notice
from backend.organisations.models import MemberRole, OrganisationKind
from backend.organisations.policy import VISITOR, Viewer
from backend.transitions import Actor
from backend.typed_days import read_day
from backend.working_days import add_working_days, today, working_days_between
from tests.factories import JIADING, Factory, Party
from tests.unit.test_introductions import CONSENT, Scene

ANIMAL, ORDER, FIRST = StepKind.ANIMAL, StepKind.ORDER, StepKind.FIRST_USE
SAID = Move("一句说明", NeedKind.SPACE, evidence="报告编号示例一")


class Landing(Scene):
    """A case that both sides have agreed on."""

    def agreed(self) -> Introduction:
        row = self.introduced()
        return self.do(lambda s: introductions.act(s, self.broker.viewer, row.id, "agree", "共同试制样机。"))

    def move(
        self, party: Party, row: Introduction, kind: StepKind, action: str, said: Move = SAID, seen: int | None = None
    ) -> LedgerStep:
        version = self.step(row, kind).version if seen is None else seen
        return self.do(lambda s: service.move(s, party.viewer, row.id, kind, action, version, said))

    def plan(self, party: Party, row: Introduction, kind: StepKind, planned: Plan) -> LedgerStep:
        version = self.step(row, kind).version
        return self.do(lambda s: service.plan(s, party.viewer, row.id, kind, version, planned))

    def step(self, row: Introduction, kind: StepKind) -> LedgerStep:
        return self.do(lambda s: next(t for t in service.steps(s, [row.id])[row.id] if t.kind is kind))

    def seen(self, party: Party, row: Introduction) -> list[StepKind]:
        return self.do(lambda s: [t.kind for t in service.get(s, party.viewer, row.id).steps])

    def lines(self, row: Introduction) -> list[str]:
        query = select(CaseEvent.what).where(CaseEvent.introduction_id == row.id).order_by(col(CaseEvent.id))
        return [what for what in self.do(lambda s: s.exec(query).all()) if what.startswith("ledger:")]

    def divided(self, row: Introduction) -> Party:
        """A second city takes the leg of production."""
        second = self.make.reviewer(JIADING)
        mine, theirs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
        agency = second.organisation.id
        case = self.do(lambda s: brokers.share_case(s, self.broker.viewer, row.id, agency, mine, theirs))
        self.do(lambda s: brokers.agree(s, second.viewer, row.id, {b.organisation_id: b.share for b in case.brokers}))
        return second

    def partner(self, row: Introduction, *, accepts: bool = True) -> Party:
        lab = self.make.party(OrganisationKind.PLATFORM, name="示例·动物实验平台")
        party = self.do(lambda s: parties.propose(s, self.broker.viewer, row.id, lab.organisation.id, "动物实验"))
        self.do(lambda s: parties.admit(s, self.hospital.viewer, row.id, party.id, agree=True))
        if accepts:
            self.do(lambda s: parties.accept(s, lab.viewer, row.id, CONSENT))
        return lab


@pytest.fixture
def scene(make: Factory, database: Database) -> Landing:
    return Landing(make, database)


def put(scene: Landing, row: Introduction, kind: StepKind, status: StepStatus) -> None:
    """Set a step to a status."""

    def work(session: Session) -> None:
        query = select(LedgerStep).where(LedgerStep.introduction_id == row.id, LedgerStep.kind == kind)
        step = session.exec(query).first() or service.untouched(row.id, kind)
        step.status, step.version, step.updated_by = status, step.version + 1, None
        session.add(step)

    scene.do(work)


def test_a_case_that_is_agreed_has_all_its_steps_and_one_before_has_none(scene: Landing) -> None:
    row = scene.introduced()
    for party in (scene.hospital, scene.broker):
        with pytest.raises(NotFound):
            scene.seen(party, row)
    scene.do(lambda s: introductions.act(s, scene.broker.viewer, row.id, "agree", "共同试制样机。"))
    for party in (scene.hospital, scene.company, scene.broker):
        assert scene.seen(party, row) == list(StepKind)
    assert len(StepKind) == 15 and set(PHASES) == set(StepKind)
    assert scene.do(lambda s: s.exec(select(LedgerStep)).all()) == []


ROLES = ("need", "capability", "broker", "partner", "partner in charge")


@pytest.mark.parametrize("status", StepStatus)
@pytest.mark.parametrize("role", ROLES)
def test_everybody_does_what_the_table_allows_and_nothing_else(role: str, status: StepStatus, scene: Landing) -> None:
    row = scene.agreed()
    lab = scene.partner(row) if role.startswith("partner") else None
    people = {"need": scene.hospital, "capability": scene.company, "broker": scene.broker}
    party = people.get(role) or lab
    assert party is not None
    if role == "partner in charge":
        scene.plan(scene.broker, row, ANIMAL, Plan(party.organisation.id))
    actor = {"need": Actor.NEED_SIDE, "capability": Actor.CAPABILITY_SIDE, "broker": Actor.BROKER}
    held = actor.get(role, Actor.PARTNER if role == "partner in charge" else None)
    for action in StepAction:
        put(scene, row, ANIMAL, status)
        found = TABLE.get(status, {}).get(action)
        before = scene.step(row, ANIMAL).version
        if held is None or found is None or held not in found.who:
            error: type[DomainError] = Forbidden if held is None or found is not None else Conflict
            with pytest.raises(error):
                scene.move(party, row, ANIMAL, action)
            assert (scene.step(row, ANIMAL).status, scene.step(row, ANIMAL).version) == (status, before)
            continue
        if found.needs_note:
            for note in ("", "  ", "字" * 801):
                with pytest.raises(BadNote):
                    scene.move(party, row, ANIMAL, action, Move(note))
        moved = scene.move(party, row, ANIMAL, action)
        assert moved.status == found.target and moved.version == before + 1
        assert scene.lines(row)[-1] == found.event
        trail = scene.do(lambda s: s.exec(select(AuditEvent.event).order_by(col(AuditEvent.id).desc())).first())
        assert trail == found.event
        last = scene.do(lambda s: s.exec(select(Decision).order_by(col(Decision.id).desc())).first())
        assert last and (last.kind, last.step, last.reason, last.side) == (
            DecisionKind.STEP,
            "animal",
            found.target,
            held,
        )


@pytest.mark.parametrize("status", StepStatus)
def test_nobody_else_moves_a_step(status: StepStatus, scene: Landing) -> None:
    row = scene.agreed()
    put(scene, row, ORDER, status)
    agency = OrganisationKind.AGENCY
    asked = scene.partner(row, accepts=False)
    others: dict[str, tuple[Viewer, type[DomainError]]] = {
        "visitor": (VISITOR, NotFound),
        "stranger": (scene.make.party().viewer, NotFound),
        "admin": (scene.make.admin(), NotFound),
        "broker elsewhere": (scene.make.broker(JIADING).viewer, NotFound),
        "partner that has not accepted": (asked.viewer, NotFound),
        "reader": (scene.make.join(scene.hospital, MemberRole.VIEWER).viewer, Forbidden),
        "broker who only reads": (
            scene.make.party(agency, jurisdiction=scene.need.region, role=MemberRole.VIEWER).viewer,
            Forbidden,
        ),
    }
    for viewer, error in others.values():
        for action in StepAction:
            with pytest.raises(error):
                scene.do(lambda s, v=viewer, a=action: service.move(s, v, row.id, ORDER, a, 1, SAID))  # type: ignore[misc]
        with pytest.raises(error):
            scene.do(lambda s, v=viewer: service.plan(s, v, row.id, ORDER, 1, Plan()))  # type: ignore[misc]
    assert scene.step(row, ORDER).version == 1


def test_the_table_is_closed() -> None:
    for steps in TABLE.values():
        for found in steps.values():
            assert found.target in list(StepStatus) and found.who
            assert found.notice is None or found.notice in list(Notice)
    assert set(TABLE) == set(StepStatus)


def test_the_first_use_is_for_the_side_of_the_patients_to_confirm(scene: Landing) -> None:
    row = scene.agreed()
    with pytest.raises(Forbidden):
        scene.move(scene.company, row, FIRST, "finish")
    with pytest.raises(NotProven):
        scene.move(scene.hospital, row, FIRST, "finish", Move())
    with pytest.raises(BadDay):
        scene.move(scene.hospital, row, FIRST, "finish", Move(done_on=today() + timedelta(days=1), evidence="首例"))
    assert not scene.do(lambda s: views.show(s, scene.hospital.viewer, row.id)).can_fulfil
    step = scene.move(scene.hospital, row, FIRST, "finish", Move(done_on=date(2026, 3, 1), evidence="首例"))
    assert (step.done_on, step.evidence) == (date(2026, 3, 1), "首例")
    assert scene.told(scene.company)[-1] is Notice.LEDGER_LANDED is scene.told(scene.broker)[-1]
    can = {
        name: scene.do(lambda s, p=party: views.show(s, p.viewer, row.id)).can_fulfil  # type: ignore[misc]
        for name, party in (("need", scene.hospital), ("company", scene.company), ("broker", scene.broker))
    }
    assert can == {"need": True, "company": False, "broker": True}
    scene.do(lambda s: needs.act(s, scene.hospital.viewer, scene.need.id, "fulfil", "已采用。"))
    shown = scene.do(lambda s: views.show(s, scene.company.viewer, row.id))
    assert shown.need_title == scene.need.title and not shown.can_fulfil


def test_what_is_sent_twice_is_done_once_and_what_has_moved_is_told(scene: Landing) -> None:
    row = scene.agreed()
    for _ in range(2):
        scene.move(scene.company, row, ORDER, "start", seen=0)
    assert scene.lines(row) == ["ledger:start"]
    with pytest.raises(MovedElsewhere):
        scene.move(scene.hospital, row, ORDER, "start", seen=0)
    with pytest.raises(MovedElsewhere):
        scene.move(scene.company, row, ORDER, "finish", seen=0)
    planned = Plan(scene.company.organisation.id, "示例负责人", date(2026, 12, 1))
    for _ in range(2):
        scene.do(lambda s: service.plan(s, scene.company.viewer, row.id, ORDER, 1, planned))
    with pytest.raises(MovedElsewhere):
        scene.do(lambda s: service.plan(s, scene.hospital.viewer, row.id, ORDER, 1, Plan()))
    with pytest.raises(BadOwner):
        scene.plan(scene.hospital, row, ORDER, Plan(scene.make.party().organisation.id))
    step = scene.step(row, ORDER)
    assert (step.owner_name, step.due_on, step.version) == ("示例负责人", date(2026, 12, 1), 2)


def test_each_of_two_cities_sees_and_moves_its_own_leg(scene: Landing) -> None:
    row = scene.agreed()
    third = scene.make.party(OrganisationKind.AGENCY, region=scene.need.region, jurisdiction=scene.need.region)
    second = scene.divided(row)
    pilot = StepKind.PILOT
    assert ANIMAL not in scene.seen(second, row) and pilot in scene.seen(second, row)
    assert ANIMAL in scene.seen(scene.broker, row) and pilot not in scene.seen(scene.broker, row)
    assert scene.seen(scene.company, row) == scene.seen(third, row) == list(StepKind)
    scene.move(second, row, pilot, "start")
    scene.move(scene.broker, row, ANIMAL, "start")
    for party, kind, error in (
        (second, ANIMAL, NotFound),
        (scene.broker, pilot, NotFound),
        (third, pilot, Forbidden),
        (third, ANIMAL, Forbidden),
    ):
        with pytest.raises(error):
            scene.move(party, row, kind, "finish")
    # What holds up the other city's leg is not told here.
    scene.move(scene.company, row, pilot, "block")
    assert Notice.LEDGER_BLOCKED in scene.told(second) and Notice.LEDGER_BLOCKED not in scene.told(scene.broker)
    told = {
        name: {line.step for line in scene.do(lambda s, p=party: story.tell(s, p.viewer, row.id)).lines}  # type: ignore[misc]
        for name, party in (("first", scene.broker), ("second", second), ("company", scene.company))
    }
    assert told == {"first": {None, ANIMAL}, "second": {None, pilot}, "company": {None, ANIMAL, pilot}}
    # A broker gives a step to the other leg.
    scene.plan(scene.broker, row, StepKind.BENCH, Plan(leg=Leg.PRODUCTION))
    assert StepKind.BENCH in scene.seen(second, row) and StepKind.BENCH not in scene.seen(scene.broker, row)
    # A party does not.
    scene.plan(scene.company, row, StepKind.CONCEPT, Plan(leg=Leg.PRODUCTION, owner_name="示例"))
    assert scene.step(row, StepKind.CONCEPT).leg is Leg.RESEARCH


def test_a_division_that_nobody_has_agreed_to_divides_nothing(scene: Landing) -> None:
    row = scene.agreed()
    second = scene.make.reviewer(JIADING)
    mine, theirs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
    scene.do(lambda s: brokers.share_case(s, scene.broker.viewer, row.id, second.organisation.id, mine, theirs))
    assert scene.seen(scene.broker, row) == list(StepKind)
    assert StepKind.PILOT in scene.seen(second, row) and ANIMAL not in scene.seen(second, row)
    with pytest.raises(Forbidden):
        scene.move(second, row, StepKind.PILOT, "start")


def test_a_blocker_becomes_a_need_of_its_own(scene: Landing) -> None:
    row = scene.agreed()
    with pytest.raises(Conflict):
        scene.do(lambda s: blockers.open_need(s, scene.company.viewer, row.id, ANIMAL))
    scene.move(scene.company, row, ANIMAL, "block", Move("本市没有合适的实验场地。", NeedKind.SPACE))
    assert scene.told(scene.hospital)[-1] is Notice.LEDGER_BLOCKED is scene.told(scene.broker)[-1]
    with pytest.raises(Forbidden):
        scene.do(lambda s: blockers.open_need(s, scene.broker.viewer, row.id, ANIMAL))
    need = scene.do(lambda s: blockers.open_need(s, scene.company.viewer, row.id, ANIMAL))
    assert scene.do(lambda s: blockers.open_need(s, scene.company.viewer, row.id, ANIMAL)).id == need.id
    with pytest.raises(blockers.AskedAlready):
        scene.do(lambda s: blockers.open_need(s, scene.hospital.viewer, row.id, ANIMAL))
    assert (need.kind, need.organisation_id, need.status, need.problem) == (
        NeedKind.SPACE,
        scene.company.organisation.id,
        NeedStatus.DRAFT,
        "本市没有合适的实验场地。",
    )
    assert "场地" not in need.title + need.summary and need.specialty == scene.need.specialty

    def shown(party: Party) -> blockers.NeedOfStep:
        return scene.do(lambda s: views.show(s, party.viewer, row.id)).step(ANIMAL).needs[0]

    # A draft is its author's; that there is one is known to all in the case.
    assert shown(scene.company).card is not None and shown(scene.hospital).card is None
    scene.make.publish_need(scene.company, need)
    assert shown(scene.hospital).card is not None
    assert scene.do(lambda s: clock.run(s, LedgerClock())).needs_ended == 0
    scene.do(lambda s: needs.act(s, scene.company.viewer, need.id, "fulfil", "已找到场地。"))
    assert shown(scene.broker).is_over
    assert scene.do(lambda s: clock.run(s, LedgerClock())) == Told(needs_ended=1)
    assert scene.do(lambda s: clock.run(s, LedgerClock())) == Told()
    assert scene.told(scene.company)[-1] is Notice.LEDGER_NEED_ENDED
    # Still blocked: it may be asked anew.
    assert scene.do(lambda s: blockers.open_need(s, scene.hospital.viewer, row.id, ANIMAL)).id != need.id
    assert scene.move(scene.company, row, ANIMAL, "resume").blocker == ""


def test_owners_are_reminded_once_of_each_due_date(scene: Landing) -> None:
    row = scene.agreed()
    lab = scene.partner(row)
    due = add_working_days(today(), 20)
    scene.plan(scene.broker, row, ANIMAL, Plan(lab.organisation.id, due_on=due))

    def run(days: int) -> Told:
        """The clock on the day from which so many working days are left; as many days late where negative."""
        day = due - timedelta(days=min(days, 0))
        while working_days_between(day, due) < days:
            day -= timedelta(days=1)
        return scene.do(lambda s: clock.run(s, LedgerClock(stalled=365), utc_now() + (day - today())))

    assert run(6) == Told()
    assert run(5) == Told(due=1) and run(4) == Told()
    assert scene.told(lab)[-1] is Notice.LEDGER_DUE and Notice.LEDGER_DUE not in scene.told(scene.company)
    assert run(-1) == Told(overdue=1) and run(-2) == Told()
    assert scene.told(lab)[-1] is Notice.LEDGER_OVERDUE is scene.told(scene.broker)[-1]
    scene.plan(scene.broker, row, ANIMAL, Plan(lab.organisation.id, due_on=due + timedelta(days=60)))
    assert run(0) == Told()
    scene.plan(scene.broker, row, ANIMAL, Plan(lab.organisation.id, due_on=due))
    scene.move(lab, row, ANIMAL, "finish")
    assert run(-1) == Told()


def test_the_work_beside_the_requests_follows_ledgers(scene: Landing, database: Database, settings: Settings) -> None:
    row = scene.agreed()
    scene.plan(scene.broker, row, ANIMAL, Plan(scene.company.organisation.id, due_on=today() - timedelta(days=1)))
    for _ in range(2):
        jobs.follow_ledgers(database, settings)
    assert scene.told(scene.company).count(Notice.LEDGER_OVERDUE) == 1


def test_a_ledger_that_stalls_is_told_to_its_broker_once(scene: Landing) -> None:
    row = scene.agreed()

    def run(days: int) -> Told:
        return scene.do(lambda s: clock.run(s, LedgerClock(), utc_now() + timedelta(days=days)))

    assert run(29) == Told() and run(30) == Told(stalled=1) and run(31) == Told()
    assert scene.told(scene.broker)[-1] is Notice.LEDGER_STALLED
    assert Notice.LEDGER_STALLED not in scene.told(scene.company)
    scene.move(scene.company, row, ORDER, "start")
    assert run(29) == Told() and run(31) == Told(stalled=1)
    for kind in StepKind:
        put(scene, row, kind, StepStatus.SKIPPED)

    def fresh(session: Session) -> None:
        state = session.get_one(LedgerState, row.id)
        state.stalled_at = None
        session.add(state)

    scene.do(fresh)
    assert run(40) == Told()


def test_the_board_shows_each_viewer_their_cases_by_phase(scene: Landing) -> None:
    row = scene.agreed()

    def shown(party: Party, filters: BoardFilters | None = None, days: int = 0) -> board.Board:
        now = utc_now() + timedelta(days=days)
        return scene.do(lambda s: board.show(s, party.viewer, filters or BoardFilters(), LedgerClock(), now))

    for party in (scene.hospital, scene.company, scene.broker):
        card = shown(party).columns[Phase.BEGINNING][0]
        assert (card.id, card.title, card.ended, card.total) == (row.id, scene.need.title, 0, 15)
        assert card.quick == ("start",)
    for party in (scene.make.party(), scene.make.broker(JIADING)):
        assert shown(party).total == 0
    for kind in StepKind:
        if PHASES[kind] in (Phase.BEGINNING, Phase.DEVELOPMENT):
            scene.move(scene.broker, row, kind, "skip")
    scene.move(scene.broker, row, ANIMAL, "start")
    card = shown(scene.broker).columns[Phase.TESTING][0]
    assert card.quick == ("finish",) and card.ended == 6
    assert shown(scene.broker, BoardFilters(stalled=True)).total == 0
    assert shown(scene.broker, BoardFilters(stalled=True), days=30).total == 1
    assert shown(scene.broker, BoardFilters(region=JIADING)).total == 0
    assert shown(scene.broker, BoardFilters(region=scene.need.region)).total == 1
    assert shown(scene.broker, BoardFilters(specialty="99")).total == 0
    for kind in StepKind:
        put(scene, row, kind, StepStatus.DONE)
    assert shown(scene.broker).columns[Phase.LANDED][0].step is None
    assert scene.do(lambda s: all(t.status in ENDED for t in service.steps(s, [row.id])[row.id]))


def test_the_story_tells_what_each_side_did(scene: Landing) -> None:
    row = scene.agreed()
    scene.move(scene.company, row, StepKind.PROTOTYPE, "finish", Move(done_on=today() - timedelta(days=1)))
    scene.move(scene.hospital, row, FIRST, "finish", Move(evidence="首例患者已使用"))
    scene.plan(scene.company, row, ANIMAL, Plan(owner_name="示例"))
    told = scene.do(lambda s: story.tell(s, scene.company.viewer, row.id))
    keys = [m.key for m in told.milestones]
    assert keys == ["prototype", "published", "proposed", "introduced", "agreed", "first_use"]
    assert [m.days for m in told.milestones] == [None, 1, 0, 0, 0, 0] and told.days == 1
    assert told.agencies == [scene.broker.organisation.name]
    whats = [line.what for line in told.lines]
    assert whats.count("introduction:accept") == 2 and "ledger:plan" not in whats
    finish = [(line.name, line.step) for line in told.lines if line.what == "ledger:finish"]
    assert finish == [
        (scene.company.organisation.name, StepKind.PROTOTYPE),
        (scene.hospital.organisation.name, FIRST),
    ]
    with pytest.raises(NotFound):
        scene.do(lambda s: story.tell(s, scene.make.party().viewer, row.id))


def test_a_withdrawn_need_shows_its_title_no_more(scene: Landing) -> None:
    row = scene.agreed()
    scene.do(lambda s: needs.act(s, scene.hospital.viewer, scene.need.id, "withdraw"))
    assert scene.do(lambda s: views.show(s, scene.company.viewer, row.id)).need_title is None
    assert scene.do(lambda s: s.get_one(Need, scene.need.id).status) is NeedStatus.WITHDRAWN


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-12-01", date(2026, 12, 1)),
        ("２０２６年１２月１日", date(2026, 12, 1)),
        ("2026/3/5", date(2026, 3, 5)),
        (" 2026.3.5 ", date(2026, 3, 5)),
        ("", None),
        (None, None),
    ],
)
def test_days_are_read_as_they_are_typed(text: str | None, day: date | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize("text", ["明天", "2026-13-01", "2026-02-30", "1926-01-01", "12月1日", "2026-12-01x"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"day|month"):
        read_day(text)


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("", ""),
        ("/attachments/need/0123456789abcdef", "/attachments/need/0123456789abcdef"),
        ("https://yiqiao.example/introductions/1", "/introductions/1"),
        ("https://elsewhere.example/introductions/1", None),
        ("//elsewhere.example", None),
        ("javascript:alert(1)", None),
        ("/sign-out", None),
    ],
)
def test_only_links_into_the_site_are_kept(link: str, path: str | None) -> None:
    assert own_path(link, "https://yiqiao.example") == path


def test_policies_come_in_pairs(scene: Landing) -> None:
    row = scene.agreed()

    def facts(session: Session) -> tuple[Any, Any]:
        found = service.get(session, scene.broker.viewer, row.id)
        return found.facts, policy.step_facts(found.steps[0])

    ledger, step = scene.do(facts)
    stranger = scene.make.party().viewer
    pairs: list[tuple[Callable[..., bool], tuple[Any, ...]]] = [
        (policy.can_see, ()),
        (policy.can_see_step, (step,)),
        (policy.can_plan, (step,)),
        (policy.can_move, (step, "start")),
    ]
    for can, rest in pairs:
        assert can(scene.company.viewer, ledger, *rest) and not can(stranger, ledger, *rest)
    assert not policy.can_move(scene.company.viewer, ledger, step, "resume")
    assert not policy.can_move(scene.company.viewer, ledger, step, "nothing")
