"""Conversations: who reads and writes when, notes, mentions, read marks, changes, search."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from backend.conversations import live, policy, service, showing, threads
from backend.conversations.models import CaseMessage
from backend.conversations.policy import NotOpenYet
from backend.conversations.service import BadMessage, TooLate
from backend.conversations.showing import MessageView
from backend.db import Database, new_id, utc_now
from backend.errors import Conflict, DomainError, Forbidden, NotFound
from backend.introductions import brokers, cases, parties
from backend.introductions import service as introductions
from backend.introductions.brokers import LegShare
from backend.introductions.line import EventView as StepView
from backend.introductions.models import Introduction, Leg
from backend.introductions.states import DeclineReason
from backend.notifications.models import Notice
from backend.organisations.models import MemberRole, OrganisationKind
from tests.case_steps import Table
from tests.factories import JIADING, Factory, Party
from tests.unit.test_introductions import CONSENT, Scene


@pytest.fixture
def table(make: Factory, database: Database) -> Table:
    return Table(make, database)


def test_it_opens_when_both_sides_have_accepted(make: Factory, database: Database) -> None:
    scene = Scene(make, database)
    row = scene.propose()
    scene.answer(scene.hospital, row)
    draft = service.Draft(new_id(), "您好。")
    for party in (scene.hospital, scene.company):
        with pytest.raises(NotOpenYet):
            scene.do(lambda s, p=party: service.post(s, p.viewer, row.id, draft))  # type: ignore[misc]
        with pytest.raises(NotOpenYet):
            scene.do(lambda s, p=party: showing.show(s, p.viewer, row.id))  # type: ignore[misc]
    # A broker keeps notes from the first day, and says nothing to one side behind the other's back.
    with pytest.raises(NotOpenYet):
        scene.do(lambda s: service.post(s, scene.broker.viewer, row.id, draft))
    note = service.Draft(new_id(), "医院很着急。", is_note=True)
    scene.do(lambda s: service.post(s, scene.broker.viewer, row.id, note))
    scene.answer(scene.company, row)
    scene.do(lambda s: service.post(s, scene.hospital.viewer, row.id, draft))
    for party in (scene.hospital, scene.company):
        shown = scene.do(lambda s, p=party: showing.show(s, p.viewer, row.id))  # type: ignore[misc]
        assert [e.text for e in shown.line.entries if isinstance(e, MessageView)] == ["您好。"]


def test_strangers_find_nothing_and_readers_do_not_write(table: Table) -> None:
    stranger = table.make.party()
    reader = table.make.join(table.company, MemberRole.VIEWER)
    elsewhere = table.make.broker(JIADING)
    table.say(table.hospital, "样机何时可以看？")
    for outsider in (stranger, elsewhere, table.make.somebody(is_admin=True)):
        with pytest.raises(NotFound):
            table.shows(outsider)
        with pytest.raises(NotFound):
            table.say(outsider, "插话")
        with pytest.raises(NotFound):
            table.do(lambda s, p=outsider: service.stamp(s, p.viewer, table.case.id))  # type: ignore[misc]
        assert table.unread(outsider) == 0
        assert table.do(lambda s, p=outsider: threads.search(s, p.viewer, "样机")) == []  # type: ignore[misc]
        assert table.do(lambda s, p=outsider: threads.threads(s, p.viewer)) == []  # type: ignore[misc]
    assert table.reads_in(reader) == ["样机何时可以看？"]
    with pytest.raises(Forbidden):
        table.say(reader, "我也说一句")


def test_the_same_form_makes_one_message(table: Table) -> None:
    key = new_id()
    first = table.say(table.hospital, "您好。", key=key)
    assert table.say(table.hospital, "您好。", key=key).id == first.id
    with pytest.raises(NotFound):
        table.say(table.company, "别人的键", key=key)
    assert table.reads_in(table.company) == ["您好。"]


def test_a_message_has_a_text_of_a_bounded_length(table: Table) -> None:
    for text in ("", "  \n ", "长" * 4001):
        with pytest.raises(BadMessage):
            table.say(table.hospital, text)
    table.say(table.hospital, "长" * 4000)


def test_notes_are_read_by_the_agency_that_wrote_them_alone(make: Factory, database: Database) -> None:
    table = Table(make, database)
    second = make.broker(JIADING)
    colleague = make.join(table.broker, MemberRole.EDITOR)
    legs = (LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40))
    agency = second.organisation.id
    table.do(lambda s: brokers.share_case(s, table.broker.viewer, table.case.id, agency, *legs))
    table.say(table.broker, "价格还有余地。", is_note=True)
    table.say(second, "厂房已看好。", is_note=True)
    table.say(table.broker, "请双方先交换资料。")
    assert table.reads_in(table.broker) == ["价格还有余地。", "请双方先交换资料。"] == table.reads_in(colleague)
    assert table.reads_in(second) == ["厂房已看好。", "请双方先交换资料。"]
    for party in (table.hospital, table.company):
        assert table.reads_in(party) == ["请双方先交换资料。"]
        assert table.do(lambda s, p=party: threads.search(s, p.viewer, "价格")) == []  # type: ignore[misc]
        with pytest.raises(Forbidden):
            table.say(party, "我的内部记录", is_note=True)
    assert len(table.do(lambda s: threads.search(s, colleague.viewer, "价格"))) == 1
    # What changes for one agency alone does not stir the line of others.
    before = table.do(lambda s: service.stamp(s, table.hospital.viewer, table.case.id))
    table.say(table.broker, "再记一笔。", is_note=True)
    assert table.do(lambda s: service.stamp(s, table.hospital.viewer, table.case.id)) == before


def test_who_is_mentioned_is_told_and_the_others_once(table: Table) -> None:
    colleague = table.make.join(table.company, MemberRole.EDITOR)
    table.say(table.hospital, "请看附件。", mentioned=[colleague.user.id, "nobody"])
    table.say(table.hospital, "还有一点。")
    assert table.told(colleague)[-2:] == [Notice.MESSAGE_MENTION, Notice.MESSAGE_NEW]
    assert table.told(table.company).count(Notice.MESSAGE_NEW) == 1
    assert Notice.MESSAGE_NEW in table.told(table.broker)
    assert Notice.MESSAGE_NEW not in table.told(table.hospital)
    message = next(e for e in table.shows(table.broker).line.entries if isinstance(e, MessageView))
    assert message.mentioned == (colleague.user.name,)


def test_a_name_behind_an_at_sign_is_a_mention(table: Table) -> None:
    with table.database.session(write=True) as session:
        table.company.user.name = "示例工程师"
        session.add(table.company.user)
    table.say(table.hospital, "@示例工程师 能否周五前答复？")
    assert Notice.MESSAGE_MENTION in table.told(table.company)


def test_read_marks_and_the_count_of_what_is_unread(table: Table) -> None:
    table.say(table.hospital, "一")
    table.say(table.hospital, "二")
    assert (table.unread(table.company), table.unread(table.broker), table.unread(table.hospital)) == (2, 2, 0)
    shown = [e for e in table.shows(table.company).line.entries if isinstance(e, MessageView)]
    assert [e.is_unread for e in shown] == [True, True]
    assert table.unread(table.company) == 0 and table.unread(table.broker) == 2
    table.say(table.hospital, "三")
    seen = [e for e in table.shows(table.hospital).line.entries if isinstance(e, MessageView)]
    company = table.company.organisation.name
    assert [e.read_by for e in seen] == [(), (company,), ()]
    assert table.unread(table.company) == 1


def test_a_message_is_changed_within_ten_minutes_by_its_author(table: Table) -> None:
    message = table.say(table.hospital, "周三")
    case = table.case.id
    with pytest.raises(Forbidden):
        table.do(lambda s: service.edit(s, table.company.viewer, case, message.key, "改"))
    table.do(lambda s: service.edit(s, table.hospital.viewer, case, message.key, "周四"))
    (shown,) = [e for e in table.shows(table.company).line.entries if isinstance(e, MessageView)]
    assert (shown.text, shown.is_edited) == ("周四", True)
    assert table.reads_in(table.company, term="周三") == [] and table.reads_in(table.company, term="周四") == ["周四"]

    def age(session: Session) -> None:
        row = session.exec(select(CaseMessage)).one()
        row.created_at = utc_now() - timedelta(minutes=11)
        session.add(row)

    table.do(age)
    with pytest.raises(TooLate):
        table.do(lambda s: service.edit(s, table.hospital.viewer, case, message.key, "周五"))


def test_a_deleted_message_leaves_its_place_without_its_text(table: Table) -> None:
    message = table.say(table.hospital, "说错了")
    case = table.case.id
    before = table.do(lambda s: service.stamp(s, table.company.viewer, case))
    with pytest.raises(Forbidden):
        table.do(lambda s: service.delete(s, table.company.viewer, case, message.key))
    for _twice in range(2):
        table.do(lambda s: service.delete(s, table.hospital.viewer, case, message.key))
    (shown,) = [e for e in table.shows(table.company).line.entries if isinstance(e, MessageView)]
    assert shown.is_deleted and shown.text == ""
    assert table.do(lambda s: s.exec(select(CaseMessage.text, CaseMessage.folded)).all()) == [("", "")]
    assert table.unread(table.broker) == 0
    assert table.do(lambda s: service.stamp(s, table.company.viewer, case)) != before
    with pytest.raises(Conflict):
        table.do(lambda s: service.edit(s, table.hospital.viewer, case, message.key, "又来"))


def test_search_folds_width_and_case_and_takes_no_wildcards(table: Table) -> None:
    table.say(table.hospital, "ＤＳＡ下弯曲 30％")
    table.say(table.company, "dsa 我们也用")
    for term in ("dsa", "ＤＳＡ", "Dsa"):
        assert len(table.reads_in(table.broker, term=term)) == 2
        assert len(table.do(lambda s, t=term: threads.search(s, table.company.viewer, t))) == 2  # type: ignore[misc]
    assert table.reads_in(table.broker, term="30%") == ["ＤＳＡ下弯曲 30％"]
    assert table.reads_in(table.broker, term="d%a") == [] == table.reads_in(table.broker, term="d_a")


def test_steps_stand_between_messages_and_a_declined_case_is_read_only(table: Table) -> None:
    table.say(table.hospital, "先谈到这里。")
    note = "价格差得太远。"
    table.do(lambda s: introductions.decline(s, table.company.viewer, table.case.id, DeclineReason.TERMS, note))
    seen = table.shows(table.hospital)
    assert not seen.can_write and seen.line.entries[-1].at >= seen.line.entries[0].at
    steps = [e for e in seen.line.entries if isinstance(e, StepView)]
    assert [e.what for e in steps][-1] == "introduction:decline" and note not in [e.note for e in steps]
    assert note in [e.note for e in table.shows(table.broker).line.entries if isinstance(e, StepView)]
    for party in (table.hospital, table.company):
        with pytest.raises(NotOpenYet):
            table.say(party, "再问一句")
    table.say(table.broker, "半年后再联系。", is_note=True)


def test_a_further_party_comes_in_by_accepting_and_sees_nothing_after_leaving(table: Table) -> None:
    lab = table.make.party(OrganisationKind.PLATFORM)
    table.say(table.hospital, "需要检测。")
    case = table.case.id
    joined = table.do(lambda s: parties.propose(s, table.broker.viewer, case, lab.organisation.id, "型式检验"))
    with pytest.raises(NotFound):
        table.shows(lab)
    table.do(lambda s: parties.admit(s, table.hospital.viewer, case, joined.id, agree=True))
    with pytest.raises(NotOpenYet):
        table.shows(lab)
    assert table.do(lambda s: threads.search(s, lab.viewer, "检测")) == [] and table.unread(lab) == 0
    table.do(lambda s: parties.accept(s, lab.viewer, case, CONSENT))
    assert table.reads_in(lab) == ["需要检测。"]
    table.do(lambda s: parties.leave(s, lab.viewer, case))
    with pytest.raises(NotFound):
        table.shows(lab)


def test_the_row_wise_rule_says_what_the_policy_says(make: Factory, database: Database) -> None:
    """Every reader, before and after both sides have accepted."""
    scene = Scene(make, database)
    row = scene.propose()
    others: list[Party] = [make.party(), make.broker(JIADING), make.somebody(is_admin=True)]
    everybody = [scene.hospital, scene.company, scene.broker, *others]
    for _stage in range(3):
        for party in everybody:

            def both(session: Session, party: Party = party) -> tuple[bool, bool]:
                case = cases.load(session, row.id)
                listed = session.exec(select(Introduction.id).where(policy.readable_to(party.viewer))).all()
                introduced = case.row.introduced_at is not None
                return row.id in listed, policy.can_read(party.viewer, case.facts, introduced=introduced)

            listed, may = scene.do(both)
            assert listed == may, party.organisation.name
        if _stage == 0:
            scene.answer(scene.hospital, row)
        elif _stage == 1:
            scene.answer(scene.company, row)


def test_a_look_asks_anew_who_is_there(table: Table) -> None:
    """A session that has ended, and a party that has left, end the stream."""
    with pytest.raises(DomainError):
        live.looker(table.database, "no such token", timedelta(hours=1), table.case.id)()
