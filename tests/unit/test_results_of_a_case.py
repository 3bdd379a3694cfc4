"""One case from the suggestion to the first patient, by the services: the funnel counts it, the ranker learns of it."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from backend.db import Database, utc_now
from backend.decisions.models import Decision, DecisionKind
from backend.decisions.service import Suggested
from backend.introductions import service as introductions
from backend.introductions.models import Introduction
from backend.introductions.states import DeclineReason
from backend.ledger.service import Move
from backend.ledger.states import StepKind, StepStatus
from backend.matching import decisions, shown
from backend.matching.decisions import Judgement
from backend.matching.shown import Line
from backend.meetings import holding
from backend.meetings.holding import Minutes
from backend.meetings.models import CaseMeeting
from backend.meetings.states import MeetingStatus
from backend.results import sources
from backend.results.sources import Stage
from backend.transitions import Actor
from embeddings.decisions import Outcome, Reason
from tests.factories import Factory
from tests.unit.test_introductions import CONSENT
from tests.unit.test_ledger import Landing

SAID = Suggested("ranker-of-the-test", 2, "possible", 0.5)


@pytest.fixture
def scene(make: Factory, database: Database) -> Landing:
    return Landing(make, database)


def suggested(scene: Landing, capability_id: str) -> None:
    """The page of suggestions has shown a capability to the hospital."""
    home = scene.hospital.organisation.id
    line = Line(scene.need.id, capability_id, Actor.NEED_SIDE, home, SAID)
    scene.do(lambda s: shown.record_shown(s, scene.hospital.viewer, [line]))


def landed(scene: Landing) -> Introduction:
    """Shown, opened, asked for, accepted, met, agreed, and through the ledger to the first patient."""
    need_id, capability_id = scene.need.id, scene.capability.id
    suggested(scene, capability_id)
    scene.do(lambda s: shown.record_opened(s, scene.hospital.viewer, need_id, capability_id))
    row = scene.do(
        lambda s: introductions.ask(s, scene.hospital.viewer, need_id, capability_id, "愿意试用。", CONSENT, SAID)
    )
    scene.do(lambda s: introductions.take_on(s, scene.broker.viewer, row.id, "值得一谈。"))
    scene.answer(scene.company, row)
    meeting = CaseMeeting(
        introduction_id=row.id, status=MeetingStatus.FIXED, starts_at=utc_now() - timedelta(hours=2), place="示例医院"
    )
    scene.do(lambda s: s.add(meeting))
    said = Minutes({}, "看了样机。", "两周内送样。")
    scene.do(lambda s: holding.hold(s, scene.broker.viewer, row.id, meeting.id, said))
    scene.do(lambda s: introductions.act(s, scene.broker.viewer, row.id, "agree", "共同试制样机。"))
    for kind in StepKind:
        if kind in (StepKind.PAYMENT, StepKind.PRODUCTION):
            continue
        action, by = ("skip", scene.broker) if kind is StepKind.PILOT else ("finish", scene.hospital)
        scene.move(by, row, kind, action, Move("免做", evidence="编号示例一"))
        if kind is StepKind.BENCH:
            scene.move(by, row, kind, "reopen", Move("数据需要补充"))
            scene.move(by, row, kind, "finish", Move(evidence="编号示例二"))
    return row


def test_the_funnel_counts_a_case_that_has_come_to_its_first_patient(scene: Landing) -> None:
    row = landed(scene)
    assert scene.step(row, StepKind.FIRST_USE).status is StepStatus.DONE
    material = scene.do(sources.load)
    reached = [happening.stage for happening in material.happenings]
    once = (Stage.SUGGESTED, Stage.PROPOSED, Stage.ACCEPTED, Stage.MET, Stage.AGREED, Stage.PATIENTS)
    assert {stage: reached.count(stage) for stage in once} == dict.fromkeys(once, 1)
    assert reached.count(Stage.STEPS) == 12, "what was skipped is not done, what was done again counts once"
    assert {happening.shares[scene.need.region] for happening in material.happenings} == {100}


def test_the_ranker_is_taught_by_everything_that_was_decided(scene: Landing) -> None:
    row = landed(scene)
    declined, refused = (scene.make.capability(scene.make.party(), title) for title in ("不对口的针", "没人看的针"))
    for capability in (declined, refused):
        suggested(scene, capability.id)
    other = scene.do(lambda s: introductions.propose(s, scene.broker.viewer, scene.need.id, declined.id, "", SAID))
    reason = DeclineReason.NOT_OUR_FIELD
    scene.do(lambda s: introductions.decline(s, scene.hospital.viewer, other.id, reason))

    def kinds(session: Session) -> set[DecisionKind]:
        return {DecisionKind(kind) for kind in session.exec(select(Decision.kind)).all()}

    K = DecisionKind
    assert scene.do(kinds) == set(K) - {K.WITHDRAWN, K.EXPIRED}
    behind = select(Decision).where(col(Decision.capability_id).is_not(None))
    for event in scene.do(lambda s: s.exec(behind).all()):
        assert (event.ranker, event.position, event.grade) == (SAID.ranker, SAID.position, SAID.grade), event.kind
    found = scene.do(decisions.recorded)
    of_row = [d.outcome for d in found if d.capability == row.capability_id]
    accepted, agreed = [Outcome.ACCEPTED] * 5, [Outcome.AGREED]
    # Asked for, accepted by both, introduced, met; then the agreement and each step that was done.
    assert of_row == accepted + agreed + [Outcome.LANDED] * 13
    assert [(d.outcome, d.reason) for d in found if d.capability == declined.id] == [
        (Outcome.DECLINED, Reason.NOT_OUR_FIELD)
    ]
    assert [d.outcome for d in found if d.capability == refused.id] == [Outcome.PASSED_OVER]
    judged = decisions.judged(found)[scene.need.id]
    assert judged[scene.capability.id] == Judgement(3, 1.0) and judged[declined.id] == Judgement(0, 1.0)
    assert judged[refused.id].grade == 0 and judged[refused.id].weight < 0.1
