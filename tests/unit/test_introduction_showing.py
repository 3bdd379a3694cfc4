"""What a viewer is shown of introductions: deadlines in working days, conditions in SQL, the undertaking as PDF."""

from datetime import date, datetime, timedelta
from functools import partial
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlmodel import Session, select

from backend.db import Database
from backend.introductions import brokers, cases, lists, parties, pdf, policy, service, showing, undertaking
from backend.introductions.brokers import LegShare
from backend.introductions.clock import Clock
from backend.introductions.models import Introduction, Leg, Origin, Signature
from backend.introductions.showing import Due
from backend.introductions.states import DeclineReason, IntroductionStatus
from backend.organisations.models import MemberRole, OrganisationKind
from backend.organisations.policy import VISITOR, Viewer
from backend.working_days import CHINA
from tests.factories import JIADING, PUTUO, Factory
from tests.unit.test_introductions import CONSENT, Scene


@pytest.fixture
def scene(make: Factory, database: Database) -> Scene:
    return Scene(make, database)


def waiting(since: datetime) -> Introduction:
    return Introduction(need_id="0" * 16, status=IntroductionStatus.PROPOSED, origin=Origin.BROKER, waiting_since=since)


def test_the_spring_festival_and_its_make_up_days_count() -> None:
    """Asked on Friday 13 February 2026. Saturday the 14th and Saturday the 28th are worked; 15 to 23 are off."""
    row = waiting(datetime(2026, 2, 13, 16, tzinfo=CHINA))

    def due(month: int, day: int) -> Due:
        found = showing.due_of(Clock(), row, datetime(2026, month, day, 9, tzinfo=CHINA))
        assert found is not None
        return found

    first = due(2, 13)
    assert (first.day, first.days_left, first.is_overdue) == (date(2026, 2, 28), 6, False)
    assert first.ends_on == date(2026, 3, 12)
    assert [due(2, day).days_left for day in (14, 15, 23, 24, 27, 28)] == [5, 5, 5, 4, 1, 0]
    assert [due(2, 28).is_overdue, due(3, 1).is_overdue] == [False, True]


def test_the_day_is_that_of_china() -> None:
    """Ten at night in UTC is the next morning in China."""
    late = datetime(2026, 11, 22, 22, tzinfo=CHINA) + timedelta(hours=8)
    due = showing.due_of(Clock(), waiting(late), late)
    assert due and due.day == date(2026, 12, 1)


def test_nothing_is_due_where_nobody_is_asked() -> None:
    row = waiting(datetime(2026, 11, 20, tzinfo=CHINA))
    row.status = IntroductionStatus.INTRODUCED
    assert showing.due_of(Clock(), row) is None


def test_the_conditions_of_lists_say_what_the_policy_says(scene: Scene) -> None:
    """Over cases in several states and viewers of every kind, row by row."""
    make = scene.make
    lab = make.party(OrganisationKind.PLATFORM)
    second = make.reviewer(JIADING)
    asked = scene.do(
        lambda s: service.ask(
            s, scene.company.viewer, make.need(make.hospital()).id, scene.capability.id, "愿意合作。", CONSENT
        )
    )
    opened = scene.introduced()
    party = scene.do(lambda s: parties.propose(s, scene.broker.viewer, opened.id, lab.organisation.id, "动物实验"))
    shares = (LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40))
    scene.do(lambda s: brokers.share_case(s, scene.broker.viewer, opened.id, second.organisation.id, *shares))
    agency = OrganisationKind.AGENCY
    viewers: list[Viewer] = [
        VISITOR,
        make.admin(),
        make.party().viewer,
        *(p.viewer for p in (scene.hospital, scene.company, scene.broker, lab, second)),
        make.join(scene.broker, MemberRole.VIEWER).viewer,
        make.join(scene.company, MemberRole.VIEWER).viewer,
        make.party(agency, jurisdiction=PUTUO, verified=False).viewer,
        make.join_all([scene.broker, scene.company], MemberRole.EDITOR).viewer,
    ]
    steps = (
        lambda s: None,
        lambda s: parties.admit(s, scene.hospital.viewer, opened.id, party.id, agree=True),
        lambda s: parties.accept(s, lab.viewer, opened.id, CONSENT),
        lambda s: parties.leave(s, lab.viewer, opened.id, DeclineReason.CAPACITY),
        lambda s: service.take_on(s, scene.broker.viewer, asked.id, ""),
        lambda s: service.decline(s, scene.company.viewer, opened.id, DeclineReason.TERMS),
    )
    for step in steps:
        scene.do(step)
        for viewer in viewers:
            scene.do(partial(agrees, viewer=viewer))


def agrees(session: Session, viewer: Viewer) -> None:
    """Each condition and its twin."""
    found = [cases.of(session, row) for row in session.exec(select(Introduction)).all()]
    for condition, check in ((policy.visible_to, policy.can_see), (policy.brokered_by, policy.can_broker)):
        listed = set(session.exec(select(Introduction.id).where(condition(viewer))).all())
        assert listed == {c.row.id for c in found if check(viewer, c.facts)}, (condition.__name__, viewer.memberships)
    waits = set(session.exec(select(Introduction.id).where(lists.waits_for(viewer))).all())
    assert all(policy.can_speak(viewer, c.facts) for c in found if c.row.id in waits)
    assert lists.count_waiting(session, viewer) == len(waits)


def test_whoever_has_to_do_something_is_told_by_the_number(scene: Scene) -> None:
    def numbers() -> list[int]:
        sides = (scene.hospital, scene.company, scene.broker)
        return scene.do(lambda s: [lists.count_waiting(s, party.viewer) for party in sides])

    row = scene.do(
        lambda s: service.ask(s, scene.company.viewer, scene.need.id, scene.capability.id, "愿意合作。", CONSENT)
    )
    assert numbers() == [0, 0, 1]
    scene.do(lambda s: service.take_on(s, scene.broker.viewer, row.id, ""))
    assert numbers() == [1, 0, 0]
    scene.answer(scene.hospital, row)
    assert numbers() == [0, 0, 0]


def test_names_that_no_font_knows_do_not_break_the_pdf() -> None:
    text = undertaking.PRESENT
    signed = [
        Signature(
            introduction_id="0" * 16,
            organisation_id="1" * 16,
            organisation_name="示例·<i>单位</i>&公司",
            signed_name=name,
            version=version,
            digest=text.digest,
            signed_at=datetime(2026, 11, 22, 16, 30, 5, tzinfo=CHINA),
        )
        for name, version in (("𠮷田😀", text.version), ("示例", "1999-01"))
    ]
    reader = PdfReader(BytesIO(pdf.write("0" * 16, signed)))
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) == 2 and "示例·<i>单位</i>&公司" in pages[0] and "〓田〓" in pages[0]
    assert "2026年11月22日 16:30:05（北京时间）" in pages[0] and text.digest in pages[0]
    # Of a version that is not known any more the record alone is there.
    assert text.zh[1][:10] in pages[0] and text.zh[1][:10] not in pages[1] and "1999-01" in pages[1]
