"""Introductions: both sides opt in, what opens then and closes again, who sees what before."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from sqlmodel import Session, select

from backend.db import Database, utc_now
from backend.decisions.models import Decision, DecisionKind
from backend.disclosure.models import SubjectKind, Tier
from backend.disclosure.releases import released_tiers
from backend.disclosure.service import BadNote
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import brokers, cases, clock, parties, policy, service, signing, undertaking
from backend.introductions.brokers import LegShare
from backend.introductions.models import Introduction, Leg, Origin, PartyState, Side
from backend.introductions.signing import Consent
from backend.introductions.states import DeclineReason, IntroductionStatus
from backend.needs import service as needs
from backend.needs.models import Need
from backend.needs.states import NeedStatus
from backend.notifications.models import Notice, Notification
from backend.organisations.models import OrganisationKind
from tests.factories import JIADING, Factory, Party

Result = TypeVar("Result")
CONSENT = Consent(undertaking.PRESENT.digest, "示例签署人", "021-0000 0000", "请多指教。")


class Scene:
    """A need, a capability in the same district, its broker, and calls in transactions of their own."""

    def __init__(self, make: Factory, database: Database) -> None:
        self.make, self.database = make, database
        self.hospital, self.company = make.hospital(), make.party(name="示例·可调弯器械公司")
        self.need, self.capability = make.need(self.hospital), make.capability(self.company)
        self.broker = make.reviewer(self.need.region)

    def do(self, work: Callable[[Session], Result]) -> Result:
        with self.database.session(write=True) as session:
            return work(session)

    def propose(self) -> Introduction:
        return self.do(lambda s: service.propose(s, self.broker.viewer, self.need.id, self.capability.id, "值得一谈。"))

    def answer(self, party: Party, row: Introduction) -> Introduction:
        return self.do(lambda s: service.answer(s, party.viewer, row.id, CONSENT))

    def introduced(self) -> Introduction:
        row = self.propose()
        self.answer(self.hospital, row)
        return self.answer(self.company, row)

    def reads(self, party: Party) -> frozenset[Tier]:
        return self.do(lambda s: released_tiers(s, party.viewer, SubjectKind.NEED, self.need.id))

    def sees(self, party: Party, row: Introduction) -> bool:
        return self.do(lambda s: policy.can_see(party.viewer, cases.load(s, row.id).facts))

    def listed(self, party: Party) -> list[str]:
        return self.do(lambda s: [r.id for r in service.rows(s, party.viewer)[0]])

    def need_status(self) -> NeedStatus:
        return self.do(lambda s: s.get_one(Need, self.need.id).status)

    def told(self, party: Party) -> list[Notice]:
        query = select(Notification.notice).where(
            Notification.user_id == party.user.id, Notification.subject_kind == "introduction"
        )
        return [Notice(notice) for notice in self.do(lambda s: s.exec(query).all())]

    def decisions(self) -> list[DecisionKind]:
        return self.do(lambda s: [d.kind for d in s.exec(select(Decision)).all()])


@pytest.fixture
def scene(make: Factory, database: Database) -> Scene:
    return Scene(make, database)


def test_both_sides_opt_in_before_anything_opens(scene: Scene) -> None:
    row = scene.propose()
    assert row.status is IntroductionStatus.PROPOSED
    assert scene.told(scene.hospital) == [Notice.INTRODUCTION_PROPOSED] == scene.told(scene.company)
    row = scene.answer(scene.hospital, row)
    assert row.status is IntroductionStatus.ACCEPTED_BY_NEED
    assert scene.reads(scene.company) == frozenset()
    row = scene.answer(scene.company, row)
    assert row.status is IntroductionStatus.INTRODUCED and row.introduced_at
    assert scene.reads(scene.company) == {Tier.BRIEF}
    assert scene.need_status() is NeedStatus.MATCHED
    found = scene.decisions()
    assert found == [
        DecisionKind.PROPOSED,
        DecisionKind.ACCEPTED,
        DecisionKind.ACCEPTED,
        DecisionKind.INTRODUCED,
    ]
    signed = scene.do(lambda s: signing.signatures(s, row.id))
    assert [(s.organisation_id, s.signed_name, s.digest) for s in signed] == [
        (scene.hospital.organisation.id, CONSENT.signed_name, undertaking.PRESENT.digest),
        (scene.company.organisation.id, CONSENT.signed_name, undertaking.PRESENT.digest),
    ]


def test_what_is_done_twice_is_done_once(scene: Scene) -> None:
    row = scene.propose()
    assert scene.propose().id == row.id
    scene.answer(scene.company, row)
    scene.answer(scene.company, row)
    assert len(scene.do(lambda s: signing.signatures(s, row.id))) == 1
    assert len(scene.decisions()) == 2


def test_the_other_side_does_not_learn_what_was_asked_for(scene: Scene) -> None:
    row = scene.do(
        lambda s: service.ask(s, scene.company.viewer, scene.need.id, scene.capability.id, "愿意合作。", CONSENT)
    )
    assert row.status is IntroductionStatus.SUGGESTED and row.origin is Origin.CAPABILITY_SIDE
    assert scene.sees(scene.company, row) and scene.sees(scene.broker, row)
    assert not scene.sees(scene.hospital, row)
    assert scene.listed(scene.company) == [row.id] == scene.listed(scene.broker)
    assert scene.listed(scene.hospital) == []
    assert scene.told(scene.broker) == [Notice.INTRODUCTION_ASKED]
    # Who asked has accepted.
    assert scene.propose().status is IntroductionStatus.ACCEPTED_BY_CAPABILITY
    assert scene.listed(scene.hospital) == [row.id]
    assert scene.told(scene.hospital) == [Notice.INTRODUCTION_PROPOSED]
    assert scene.answer(scene.hospital, row).status is IntroductionStatus.INTRODUCED


def test_declining_closes_what_was_opened_and_gives_the_need_back(scene: Scene) -> None:
    row = scene.introduced()
    row = scene.do(
        lambda s: service.decline(s, scene.company.viewer, row.id, DeclineReason.STAGE_TOO_EARLY, "样机还没有。")
    )
    assert row.status is IntroductionStatus.DECLINED and row.declined_by is Side.CAPABILITY
    assert scene.reads(scene.company) == frozenset()
    assert scene.need_status() is NeedStatus.PUBLISHED
    # The pair may be introduced again later.
    assert scene.propose().id != row.id


def test_a_reason_of_ones_own_needs_words(scene: Scene) -> None:
    row = scene.propose()
    with pytest.raises(BadNote):
        scene.do(lambda s: service.decline(s, scene.hospital.viewer, row.id, DeclineReason.OTHER, " "))


def test_an_undertaking_that_has_changed_is_not_accepted(scene: Scene) -> None:
    row = scene.propose()
    old = Consent("0" * 64, "示例签署人", "电话")
    with pytest.raises(signing.BadConsent):
        scene.do(lambda s: service.answer(s, scene.hospital.viewer, row.id, old))


def test_strangers_and_members_of_a_party_are_no_brokers(scene: Scene) -> None:
    row = scene.propose()
    stranger = scene.make.party()
    with pytest.raises(NotFound):
        scene.do(lambda s: service.act(s, stranger.viewer, row.id, "withdraw", "不合适。"))
    with pytest.raises(Forbidden):
        scene.do(lambda s: service.act(s, scene.company.viewer, row.id, "withdraw", "不合适。"))
    elsewhere = scene.make.reviewer(JIADING)
    with pytest.raises(Forbidden):
        scene.do(lambda s: service.propose(s, elsewhere.viewer, scene.need.id, scene.capability.id, ""))


def test_the_clock_reminds_tells_the_broker_and_ends(scene: Scene) -> None:
    row = scene.propose()
    asked = row.waiting_since
    assert asked
    due = clock.deadlines(clock.Clock(), asked)
    second = timedelta(seconds=1)

    def run(at: datetime) -> tuple[int, int, int]:
        return scene.do(lambda s: clock.run(s, clock.Clock(), at))

    assert run(due.remind - second) == (0, 0, 0)
    assert run(due.remind) == (1, 0, 0)
    assert run(due.remind) == (0, 0, 0)
    assert scene.told(scene.company)[-1] is Notice.INTRODUCTION_REMINDER
    assert run(due.overdue) == (0, 1, 0)
    assert scene.told(scene.broker) == [Notice.INTRODUCTION_OVERDUE]
    assert run(due.expire) == (0, 0, 1)
    stored = scene.do(lambda s: s.get_one(Introduction, row.id))
    assert stored.status is IntroductionStatus.EXPIRED and stored.open_key is None


def test_a_withdrawn_need_takes_its_case_along(scene: Scene) -> None:
    row = scene.introduced()
    scene.do(lambda s: needs.act(s, scene.hospital.viewer, scene.need.id, "withdraw"))
    assert scene.do(clock.follow_subjects) == 1
    stored = scene.do(lambda s: s.get_one(Introduction, row.id))
    assert stored.status is IntroductionStatus.WITHDRAWN and stored.release_ids == []


def test_a_third_party_joins_when_the_needs_side_admits_it(scene: Scene) -> None:
    row = scene.introduced()
    lab = scene.make.party(OrganisationKind.PLATFORM, name="示例·动物实验平台")
    party = scene.do(lambda s: parties.propose(s, scene.broker.viewer, row.id, lab.organisation.id, "动物实验"))
    assert not scene.sees(lab, row)
    with pytest.raises(Forbidden):
        scene.do(lambda s: parties.admit(s, scene.company.viewer, row.id, party.id, agree=True))
    scene.do(lambda s: parties.admit(s, scene.hospital.viewer, row.id, party.id, agree=True))
    assert scene.sees(lab, row) and scene.reads(lab) == frozenset()
    scene.do(lambda s: parties.accept(s, lab.viewer, row.id, CONSENT))
    assert scene.reads(lab) == {Tier.BRIEF}
    left = scene.do(lambda s: parties.leave(s, lab.viewer, row.id, DeclineReason.CAPACITY))
    assert left.state is PartyState.LEFT and scene.reads(lab) == frozenset()
    assert not scene.sees(lab, row) and scene.reads(scene.company) == {Tier.BRIEF}


def test_two_cities_share_a_case_once_both_agree(scene: Scene) -> None:
    row = scene.introduced()
    second = scene.make.reviewer(JIADING)
    assert not scene.sees(second, row)
    mine, theirs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
    agency = second.organisation.id
    with pytest.raises(brokers.BadShares):
        scene.do(lambda s: brokers.share_case(s, scene.broker.viewer, row.id, agency, mine, mine))
    case = scene.do(lambda s: brokers.share_case(s, scene.broker.viewer, row.id, agency, mine, theirs))
    assert scene.sees(second, row)
    seen = {b.organisation_id: b.share for b in case.brokers}
    with pytest.raises(Conflict):
        scene.do(lambda s: brokers.agree(s, second.viewer, row.id, seen | {agency: 50}))
    case = scene.do(lambda s: brokers.agree(s, second.viewer, row.id, seen))
    assert all(b.agreed_at for b in case.brokers)
    gone = next(b for b in case.brokers if not b.is_lead)
    scene.do(lambda s: brokers.remove(s, second.viewer, row.id, gone.id))
    assert not scene.sees(second, row)


def test_deadlines_need_an_aware_moment() -> None:
    assert clock.deadlines(clock.Clock(), utc_now()).expire > utc_now()
