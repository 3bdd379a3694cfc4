"""What happens beside a case: parties that merge or are verified anew, agencies that become one, two at once."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlmodel import Session, col, select

from backend.db import Database
from backend.disclosure.models import Tier
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import brokers, cases, clock, parties, service, showing
from backend.introductions.brokers import LegShare
from backend.introductions.clock import Clock
from backend.introductions.models import CaseBroker, CaseEvent, CaseParty, Introduction, Leg, Side
from backend.introductions.states import DeclineReason, IntroductionStatus
from backend.needs.states import NeedStatus
from backend.notifications.models import Notice
from backend.organisations import merging
from backend.organisations.models import MemberRole, Organisation, OrganisationKind
from backend.organisations.states import OrganisationStatus
from backend.references import REFERENCES
from tests.factories import JIADING, PUTUO, Factory, Party
from tests.unit.test_introductions import CONSENT, Scene
from tests.unit.test_organisation_races import OPERATOR, together

S = IntroductionStatus


@pytest.fixture
def scene(make: Factory, database: Database) -> Scene:
    return Scene(make, database)


def merge(scene: Scene, duplicate: Party, kept: Party) -> None:
    """As an administrator does on the page of the duplicate."""
    ids = duplicate.organisation.id, kept.organisation.id
    scene.do(lambda s: merging.merge(s, OPERATOR, *ids, REFERENCES))


def put(scene: Scene, party: Party, status: OrganisationStatus) -> Party:
    """The organisation is verified, or waits for it again; returns the party as it signs in then."""

    def work(session: Session) -> None:
        found = session.get_one(Organisation, party.organisation.id)
        found.status = status
        session.add(found)

    scene.do(work)
    return scene.make.again(party)


def stored(scene: Scene, row: Introduction) -> Introduction:
    return scene.do(lambda s: s.get_one(Introduction, row.id))


def shows(scene: Scene, party: Party, row: Introduction) -> showing.CaseView:
    return scene.do(lambda s: showing.show(s, party.viewer, row.id, Clock()))


def brokers_of(scene: Scene, row: Introduction) -> list[tuple[str, Leg, int, bool]]:
    query = select(CaseBroker).where(CaseBroker.introduction_id == row.id).order_by(col(CaseBroker.is_lead).desc())
    return scene.do(lambda s: [(b.organisation_id, b.leg, b.share, b.is_lead) for b in s.exec(query).all()])


# A party is merged with another organisation.


def test_the_organisation_that_stays_answers_for_the_one_that_was_merged(scene: Scene) -> None:
    row = scene.propose()
    kept = scene.make.party(name="示例·合并后的器械公司")
    merge(scene, scene.company, kept)
    assert scene.propose().id == row.id, "the pair has an open case already"
    # Its members go along where an administrator merges.
    assert scene.sees(kept, row) and scene.sees(scene.make.again(scene.company), row)
    scene.answer(scene.hospital, row)
    assert scene.answer(kept, row).status is S.INTRODUCED
    assert scene.reads(kept) == {Tier.BRIEF}
    names = {p.name for p in shows(scene, scene.hospital, row).parties}
    assert names == {scene.hospital.organisation.name, kept.organisation.name}


def test_what_a_case_had_opened_follows_the_merge_and_closes_with_the_case(scene: Scene) -> None:
    row = scene.introduced()
    kept = scene.make.party()
    merge(scene, scene.company, kept)
    assert scene.reads(kept) == {Tier.BRIEF}
    scene.do(lambda s: service.decline(s, kept.viewer, row.id, DeclineReason.TERMS, ""))
    assert scene.reads(kept) == frozenset() and scene.need_status() is NeedStatus.PUBLISHED


def test_two_sides_that_become_one_have_nothing_to_be_introduced_to(scene: Scene) -> None:
    row = scene.introduced()
    merge(scene, scene.company, scene.hospital)
    found = stored(scene, row)
    assert (found.status, found.open_key, found.release_ids) == (S.WITHDRAWN, None, [])
    assert scene.told(scene.broker)[-1] is Notice.INTRODUCTION_WITHDRAWN
    assert shows(scene, scene.hospital, row).row.status is S.WITHDRAWN
    assert shows(scene, scene.broker, row).events[-1].note == "参与单位已合并。"


def test_an_agreed_case_of_two_that_become_one_stays_as_it_was(scene: Scene) -> None:
    row = scene.introduced()
    scene.do(lambda s: service.act(s, scene.broker.viewer, row.id, "agree", "共同试制。"))
    merge(scene, scene.company, scene.hospital)
    assert stored(scene, row).status is S.AGREED
    for party in (scene.hospital, scene.broker):
        assert shows(scene, party, row).row.status is S.AGREED


def test_of_two_open_cases_with_one_organisation_one_goes_on(scene: Scene) -> None:
    mine = scene.introduced()
    other = scene.make.party(name="示例·同一家公司")
    offer = scene.make.capability(other, "另一种可调弯针")
    theirs = scene.do(lambda s: service.propose(s, scene.broker.viewer, scene.need.id, offer.id, "也值得一谈。"))
    merge(scene, other, scene.company)
    assert stored(scene, mine).status is S.INTRODUCED and stored(scene, theirs).status is S.WITHDRAWN
    assert scene.reads(scene.company) == {Tier.BRIEF} and scene.need_status() is NeedStatus.MATCHED


@pytest.mark.parametrize("stays", ["company", "lab"])
def test_a_further_party_that_becomes_one_with_a_side_has_no_place_of_its_own(scene: Scene, stays: str) -> None:
    row = scene.introduced()
    lab = scene.make.party(OrganisationKind.PLATFORM, name="示例·动物实验平台")
    party = scene.do(lambda s: parties.propose(s, scene.broker.viewer, row.id, lab.organisation.id, "动物实验"))
    scene.do(lambda s: parties.admit(s, scene.hospital.viewer, row.id, party.id, agree=True))
    scene.do(lambda s: parties.accept(s, lab.viewer, row.id, CONSENT))
    kept, gone = (scene.company, lab) if stays == "company" else (lab, scene.company)
    merge(scene, gone, kept)
    found = stored(scene, row)
    assert found.status is S.INTRODUCED and found.open_key == f"{scene.need.id}:{kept.organisation.id}"
    query = select(CaseParty).where(CaseParty.introduction_id == row.id)
    sides = scene.do(lambda s: {p.side: p.organisation_id for p in s.exec(query).all()})
    assert sides == {Side.NEED: scene.hospital.organisation.id, Side.CAPABILITY: kept.organisation.id}
    assert scene.reads(kept) == {Tier.BRIEF}
    assert "introduction:party:leave" in [e.what for e in shows(scene, scene.hospital, row).events]


def test_agencies_that_become_one_have_the_case_whole(scene: Scene) -> None:
    row = scene.introduced()
    second = scene.make.reviewer(JIADING)
    mine, theirs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
    scene.do(lambda s: brokers.share_case(s, scene.broker.viewer, row.id, second.organisation.id, mine, theirs))
    # The one that stays is not the one that led.
    merge(scene, scene.broker, second)
    assert brokers_of(scene, row) == [(second.organisation.id, Leg.WHOLE, 100, True)]


# A party is verified anew in the middle of a case.


def test_a_party_that_is_verified_anew_neither_answers_nor_is_told_until_then(scene: Scene) -> None:
    row = scene.propose()
    scene.answer(scene.hospital, row)
    before = len(scene.told(scene.company))
    waiting = put(scene, scene.company, OrganisationStatus.WAITING)
    assert not scene.sees(waiting, row) and scene.listed(waiting) == []
    for work in (
        lambda s: service.answer(s, waiting.viewer, row.id, CONSENT),
        lambda s: service.decline(s, waiting.viewer, row.id, DeclineReason.TERMS, ""),
    ):
        with pytest.raises(NotFound):
            scene.do(work)
    since = stored(scene, row).waiting_since
    assert since
    due = clock.deadlines(Clock(), since)
    assert scene.do(lambda s: clock.run(s, Clock(), due.remind)) == (1, 0, 0)
    assert len(scene.told(scene.company)) == before, "the link would lead nowhere"
    back = put(scene, scene.company, OrganisationStatus.VERIFIED)
    assert scene.answer(back, row).status is S.INTRODUCED


def test_what_was_open_to_a_party_is_not_while_it_is_verified_anew(scene: Scene) -> None:
    row = scene.introduced()
    waiting = put(scene, scene.company, OrganisationStatus.WAITING)
    assert scene.reads(waiting) == frozenset() and not scene.sees(waiting, row)
    view = shows(scene, scene.broker, row)
    assert {p.side: p.is_verified for p in view.parties} == {Side.NEED: True, Side.CAPABILITY: False}
    # The case goes on for the others, who can end it.
    scene.do(lambda s: service.decline(s, scene.hospital.viewer, row.id, DeclineReason.OTHER, "等不到对方。"))
    assert scene.reads(put(scene, scene.company, OrganisationStatus.VERIFIED)) == frozenset()


def test_a_pair_of_which_one_is_not_verified_is_not_introduced(scene: Scene) -> None:
    row = scene.do(
        lambda s: service.ask(s, scene.hospital.viewer, scene.need.id, scene.capability.id, "请引荐。", CONSENT)
    )
    put(scene, scene.company, OrganisationStatus.WAITING)
    with pytest.raises(service.Unsuitable):
        scene.do(lambda s: service.take_on(s, scene.broker.viewer, row.id, "值得一谈。"))
    assert stored(scene, row).status is S.SUGGESTED


# Two at the same moment.


def lines(scene: Scene, row: Introduction) -> list[str]:
    query = select(CaseEvent.what).where(CaseEvent.introduction_id == row.id).order_by(col(CaseEvent.id))
    return scene.do(lambda s: list(s.exec(query).all()))


def decline(party: Party, row: Introduction) -> Callable[[Session], object]:
    return lambda s: service.decline(s, party.viewer, row.id, DeclineReason.TERMS, "")


def answer(party: Party, row: Introduction) -> Callable[[Session], object]:
    return lambda s: service.answer(s, party.viewer, row.id, CONSENT)


def test_both_sides_accept_at_once(scene: Scene) -> None:
    row = scene.propose()
    assert together(scene.database, answer(scene.hospital, row), answer(scene.company, row)) == [None, None]
    found = stored(scene, row)
    assert found.status is S.INTRODUCED and len(found.release_ids) == 2
    assert lines(scene, row).count("introduction:accept") == 2


def test_one_side_declines_while_the_other_accepts(scene: Scene) -> None:
    row = scene.propose()
    outcomes = together(scene.database, answer(scene.hospital, row), decline(scene.company, row))
    assert outcomes[1] is None and outcomes[0] in (None, Conflict)
    found = stored(scene, row)
    assert (found.status, found.release_ids, found.open_key) == (S.DECLINED, [], None)
    assert scene.reads(scene.company) == frozenset()


def test_one_broker_withdraws_while_a_colleague_does(scene: Scene) -> None:
    row = scene.propose()
    colleague = scene.make.join(scene.broker, MemberRole.EDITOR)
    acts = [partial(service.act, introduction_id=row.id, action="withdraw", note="改期。") for _ in range(2)]
    outcomes = together(
        scene.database,
        lambda s: acts[0](s, scene.broker.viewer),
        lambda s: acts[1](s, colleague.viewer),
    )
    assert sorted(outcomes, key=str) == sorted([None, Conflict], key=str)
    assert lines(scene, row).count("introduction:withdraw") == 1


def test_the_clock_ends_a_case_while_a_side_answers(scene: Scene) -> None:
    row = scene.propose()
    scene.answer(scene.hospital, row)
    since = stored(scene, row).waiting_since
    assert since
    late = clock.deadlines(Clock(), since).expire
    outcomes = together(scene.database, lambda s: clock.run(s, Clock(), late), answer(scene.company, row))
    found = stored(scene, row)
    assert outcomes[0] is None
    if outcomes[1] is None:
        assert found.status is S.INTRODUCED and scene.reads(scene.company) == {Tier.BRIEF}
    else:
        assert (found.status, found.release_ids) == (S.EXPIRED, []) and scene.reads(scene.company) == frozenset()


def test_two_brokers_share_a_case_with_two_cities_at_once(scene: Scene) -> None:
    row = scene.introduced()
    colleague = scene.make.join(scene.broker, MemberRole.EDITOR)
    others = [scene.make.reviewer(JIADING), scene.make.broker("320400")]
    legs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
    outcomes = together(
        scene.database,
        *(
            lambda s, who=who, other=other: brokers.share_case(s, who.viewer, row.id, other.organisation.id, *legs)
            for who, other in zip((scene.broker, colleague), others, strict=True)
        ),
    )
    assert sorted(outcomes, key=str) == sorted([None, brokers.BadShares], key=str)
    assert [share for _id, _leg, share, _lead in brokers_of(scene, row)] == [60, 40]


def test_a_case_that_has_ended_is_not_divided_anew(scene: Scene) -> None:
    row = scene.introduced()
    second = scene.make.reviewer(JIADING)
    legs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
    case = scene.do(lambda s: brokers.share_case(s, scene.broker.viewer, row.id, second.organisation.id, *legs))
    scene.do(decline(scene.company, row))
    gone = next(b for b in case.brokers if not b.is_lead)
    with pytest.raises(Conflict):
        scene.do(lambda s: brokers.remove(s, scene.broker.viewer, row.id, gone.id))
    assert len(brokers_of(scene, row)) == 2


# A case that nobody looks after.


def without_broker(scene: Scene) -> Introduction:
    """A case as imports and picks leave it where no broker is at hand."""
    row = scene.introduced()

    def work(session: Session) -> None:
        session.delete(session.exec(select(CaseBroker).where(CaseBroker.introduction_id == row.id)).one())

    scene.do(work)
    return row


def test_a_broker_takes_over_what_nobody_looks_after(scene: Scene) -> None:
    row = without_broker(scene)
    elsewhere, reader = scene.make.reviewer(JIADING), scene.make.join(scene.broker, MemberRole.VIEWER)
    assert shows(scene, scene.broker, row).can_take_over
    assert not shows(scene, reader, row).can_take_over and not shows(scene, scene.hospital, row).can_take_over
    for party, error in ((elsewhere, NotFound), (scene.hospital, Forbidden), (reader, Forbidden)):
        with pytest.raises(error):
            scene.do(lambda s, p=party: brokers.take_over(s, p.viewer, row.id))  # type: ignore[misc]
    for _ in range(2):
        scene.do(lambda s: brokers.take_over(s, scene.broker.viewer, row.id))
    assert brokers_of(scene, row) == [(scene.broker.organisation.id, Leg.WHOLE, 100, True)]
    assert lines(scene, row).count("introduction:broker:take") == 1
    # It can be shared now.
    legs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
    scene.do(lambda s: brokers.share_case(s, scene.broker.viewer, row.id, elsewhere.organisation.id, *legs))


def test_of_two_agencies_that_take_a_case_over_at_once_one_has_it(scene: Scene) -> None:
    row = without_broker(scene)
    other = scene.make.broker(PUTUO)
    outcomes = together(
        scene.database,
        lambda s: brokers.take_over(s, scene.broker.viewer, row.id),
        lambda s: brokers.take_over(s, other.viewer, row.id),
    )
    assert sorted(outcomes, key=str) == sorted([None, Conflict], key=str)
    assert len(brokers_of(scene, row)) == 1


def test_what_waits_to_be_proposed_or_has_ended_is_not_taken_over(scene: Scene) -> None:
    row = scene.do(
        lambda s: service.ask(s, scene.hospital.viewer, scene.need.id, scene.capability.id, "请引荐。", CONSENT)
    )
    with pytest.raises(Conflict):
        scene.do(lambda s: brokers.take_over(s, scene.broker.viewer, row.id))
    scene.do(lambda s: service.act(s, scene.hospital.viewer, row.id, "withdraw", ""))
    with pytest.raises(Conflict):
        scene.do(lambda s: brokers.take_over(s, scene.broker.viewer, row.id))


def test_appointing_passes_over_whoever_is_no_broker_of_the_region_or_a_party(scene: Scene) -> None:
    row = without_broker(scene)
    elsewhere = scene.make.reviewer(JIADING)
    both = scene.make.join_all([scene.make.broker(PUTUO), scene.company], MemberRole.EDITOR)

    def appoint(*users: str | None) -> None:
        scene.do(lambda s: brokers.appoint(s, cases.load(s, row.id), users))

    appoint(None, elsewhere.user.id, both.user.id, scene.hospital.user.id)
    assert brokers_of(scene, row) == []
    appoint(elsewhere.user.id, scene.broker.user.id)
    assert brokers_of(scene, row) == [(scene.broker.organisation.id, Leg.WHOLE, 100, True)]


# A form sent twice.


def told_of(scene: Scene, party: Party, notice: Notice) -> int:
    return scene.told(party).count(notice)


@pytest.mark.parametrize(("action", "event"), [("meet", "introduction:meet"), ("agree", "introduction:agree")])
def test_a_step_is_taken_once_by_a_button_that_is_pressed_twice(scene: Scene, action: str, event: str) -> None:
    row = scene.introduced()
    for _ in range(2):
        scene.do(lambda s: service.act(s, scene.hospital.viewer, row.id, action, "约好再谈。"))
    assert lines(scene, row).count(event) == 1
    # In other words, or by somebody else, it is another one, and too late.
    for party, note in ((scene.hospital, "换一句话。"), (scene.company, "约好再谈。")):
        with pytest.raises(Conflict):
            scene.do(lambda s, p=party, n=note: service.act(s, p.viewer, row.id, action, n))  # type: ignore[misc]


def test_withdrawing_twice_at_once_withdraws_once(scene: Scene) -> None:
    row = scene.propose()

    def withdraw(session: Session) -> object:
        return service.act(session, scene.broker.viewer, row.id, "withdraw", "改期。")

    assert together(scene.database, withdraw, withdraw) == [None, None]
    assert lines(scene, row).count("introduction:withdraw") == 1
    assert told_of(scene, scene.company, Notice.INTRODUCTION_WITHDRAWN) == 1


def test_a_further_party_declines_once(scene: Scene) -> None:
    row = scene.introduced()
    lab = scene.make.party(OrganisationKind.PLATFORM)
    party = scene.do(lambda s: parties.propose(s, scene.broker.viewer, row.id, lab.organisation.id, "动物实验"))
    scene.do(lambda s: parties.admit(s, scene.hospital.viewer, row.id, party.id, agree=True))
    for _ in range(2):
        scene.do(lambda s: parties.leave(s, lab.viewer, row.id, DeclineReason.CAPACITY))
    assert lines(scene, row).count("introduction:party:decline") == 1


def test_shares_that_are_sent_twice_are_offered_once_and_what_was_agreed_stands(scene: Scene) -> None:
    row = scene.introduced()
    second = scene.make.reviewer(JIADING)
    legs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)

    def share(session: Session) -> object:
        return brokers.share_case(session, scene.broker.viewer, row.id, second.organisation.id, *legs)

    assert together(scene.database, share, share) == [None, None]
    assert lines(scene, row).count("introduction:broker:add") == 1
    assert told_of(scene, second, Notice.INTRODUCTION_BROKER) == 1
    shares = {id_: share_ for id_, _leg, share_, _lead in brokers_of(scene, row)}
    scene.do(lambda s: brokers.agree(s, second.viewer, row.id, shares))
    case = scene.do(lambda s: brokers.share_case(s, scene.broker.viewer, row.id, second.organisation.id, *legs))
    assert all(b.agreed_at for b in case.brokers)
    gone = next(b for b in case.brokers if not b.is_lead)
    for _ in range(2):
        scene.do(lambda s: brokers.remove(s, scene.broker.viewer, row.id, gone.id))
    assert brokers_of(scene, row) == [(scene.broker.organisation.id, Leg.WHOLE, 100, True)]


def test_a_case_is_handed_over_once(scene: Scene) -> None:
    row = scene.introduced()
    colleague = scene.make.join(scene.broker, MemberRole.EDITOR)
    for _ in range(2):
        scene.do(lambda s: brokers.hand_over(s, scene.broker.viewer, row.id, colleague.user.id))
    assert lines(scene, row).count("introduction:broker:hand-over") == 1
