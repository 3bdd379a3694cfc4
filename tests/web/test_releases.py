"""Releases through the pages: opening a tier, its end, what is recorded and what changed since, and proposals."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.db import Database, utc_now
from backend.disclosure.models import Release, Tier
from backend.mailer import Mail
from backend.notifications.models import Notice, Notification
from backend.organisations import service as organisations
from backend.organisations.models import MemberRole
from backend.organisations.states import OrganisationStatus
from tests.conftest import SignIn
from tests.factories import PUTUO, Factory, Party
from tests.web.need_steps import page_of
from tests.web.pages import read

PROBLEM, CONTACT = "详情里的一句话。", "密件里的电话"


@pytest.fixture
def hospital(make: Factory) -> Party:
    return make.hospital()


@pytest.fixture
def company(make: Factory) -> Party:
    return make.party(name="示例·阅读单位")


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    return sign_in(hospital)


@pytest.fixture
def reader(company: Party, sign_in: SignIn) -> TestClient:
    return sign_in(company)


@pytest.fixture
def url(make: Factory, hospital: Party) -> str:
    """The address of a published need."""
    return f"/needs/{make.need(hospital, problem=PROBLEM, contact=CONTACT).id}"


def opened(author: TestClient, url: str, party: Party, tier: str = "brief", days: str = "90") -> None:
    """Open a tier by the form."""
    data = {"q": "示例", "organisation_id": party.organisation.id, "tier": tier, "days": days}
    assert author.post(f"{url}/releases", data=data).status_code == 303


def stored(database: Database) -> list[Release]:
    with database.session() as session:
        return list(session.exec(select(Release).order_by(col(Release.created_at))).all())


def told(database: Database, party: Party) -> list[Notice]:
    """What a user has been told, in order."""
    with database.session() as session:
        query = select(Notification.notice).where(Notification.user_id == party.user.id)
        return [Notice(notice) for notice in session.exec(query.order_by(col(Notification.created_at))).all()]


def test_a_tier_is_opened_to_an_organisation_that_is_found_by_its_name(
    author: TestClient, reader: TestClient, url: str, company: Party, make: Factory, hospital: Party, database: Database
) -> None:
    unverified = make.party(name="示例·未核验阅读单位", verified=False)
    page = page_of(author, f"{url}/releases?q=阅读单位")
    offered = [e.attributes["value"] for e in page.all("input") if e.attributes.get("name") == "organisation_id"]
    assert offered == [company.organisation.id]
    assert hospital.organisation.id not in offered and unverified.organisation.id not in offered
    assert PROBLEM not in reader.get(url).text
    opened(author, url, company)
    text = reader.get(url).text
    assert PROBLEM in text and CONTACT not in text
    release = stored(database)[0]
    assert release.expires_at
    assert timedelta(days=89) < release.expires_at - utc_now() < timedelta(days=91)
    assert (release.version, release.granted_by) == (1, hospital.user.id)
    assert url in page_of(reader, "/released").links
    assert company.organisation.name in page_of(author, url)["handling"].parent.text  # type: ignore[union-attr]
    assert told(database, company) == [Notice.RELEASE_GRANTED]


def test_a_search_that_finds_nobody_says_so(author: TestClient, url: str) -> None:
    assert "没有名称含“没有这家”的已核验单位" in page_of(author, f"{url}/releases?q=没有这家").text


def test_opened_twice_is_one_release_and_the_annex_includes_the_brief(
    author: TestClient, reader: TestClient, url: str, company: Party, database: Database
) -> None:
    for _ in range(2):
        opened(author, url, company, "annex", "0")
    assert [(r.tier, r.expires_at) for r in stored(database)] == [(Tier.ANNEX, None)]
    text = reader.get(url).text
    assert PROBLEM in text and CONTACT in text
    opened(author, url, company, "brief", "30")
    assert CONTACT not in reader.get(url).text
    assert len(stored(database)) == 1


@pytest.mark.parametrize("days", ["90", "0"])
def test_a_release_ends_at_once_when_it_is_revoked_and_by_itself_in_time(
    days: str, author: TestClient, reader: TestClient, url: str, company: Party, database: Database
) -> None:
    opened(author, url, company, "annex", days)
    release = stored(database)[0]
    if days == "90":
        with database.session(write=True) as session:
            release.expires_at = utc_now() - timedelta(seconds=1)
            session.add(release)
        assert "已到期" in page_of(author, f"{url}/releases").text
    else:
        assert (
            f"{company.organisation.name}立即不再能查看"
            in page_of(author, f"{url}/releases").all("details", "confirm")[0].text
        )
        for _ in range(2):
            assert author.post(f"{url}/releases/{release.id}/revoke").status_code == 303
        assert "已收回" in page_of(author, f"{url}/releases").text
        assert told(database, company) == [Notice.RELEASE_GRANTED, Notice.RELEASE_REVOKED]
    text = reader.get(url).text
    assert PROBLEM not in text and CONTACT not in text
    assert url not in page_of(reader, "/released").links


def test_what_is_withdrawn_is_closed_to_everybody(
    author: TestClient, reader: TestClient, url: str, company: Party
) -> None:
    opened(author, url, company)
    author.post(f"{url}/withdraw")
    assert reader.get(url).status_code == 404
    assert url not in page_of(reader, "/released").links
    page = page_of(reader, "/notifications")
    assert url not in page.links and "这份内容目前没有向您开放" in page.text


@pytest.mark.parametrize("data", [{}, {"tier": "teaser"}, {"days": "7"}, {"organisation_id": "0" * 16}])
def test_a_release_that_makes_no_sense_is_refused_beside_its_field(
    data: dict[str, str], author: TestClient, url: str, company: Party, database: Database
) -> None:
    fields = {"q": "阅读", "organisation_id": company.organisation.id, "tier": "brief", "days": "90", **data}
    if not data:
        del fields["organisation_id"]
    answer = author.post(f"{url}/releases", data=fields)
    assert answer.status_code == 422
    assert read(answer.text).error(next(iter(data), "organisation_id"))
    assert company.organisation.id in answer.text
    assert stored(database) == []


def test_nothing_is_opened_to_the_unverified_or_to_oneself(
    author: TestClient, url: str, make: Factory, hospital: Party, database: Database
) -> None:
    for party in (make.party(verified=False), hospital):
        data = {"organisation_id": party.organisation.id, "tier": "brief", "days": "90"}
        answer = author.post(f"{url}/releases", data=data)
        assert answer.status_code == 422
        assert read(answer.text).error("organisation_id") == "请选择一家已核验的单位，本单位除外。"
    assert stored(database) == []


def test_only_the_authors_editors_open_and_revoke(
    author: TestClient, url: str, company: Party, make: Factory, hospital: Party, sign_in: SignIn, database: Database
) -> None:
    opened(author, url, company)
    data = {"organisation_id": company.organisation.id, "tier": "annex", "days": "0"}
    statuses = {
        sign_in(make.join(hospital, MemberRole.VIEWER)): 403,
        sign_in(make.reviewer(PUTUO)): 404,
        sign_in(company): 404,
        sign_in(make.party()): 404,
    }
    for client, status in statuses.items():
        assert client.post(f"{url}/releases", data=data).status_code == status
        assert client.post(f"{url}/releases/{stored(database)[0].id}/revoke").status_code == status
    assert [(r.tier, r.revoked_at) for r in stored(database)] == [(Tier.BRIEF, None)]
    draft = make.need(hospital, publish=False)
    assert author.post(f"/needs/{draft.id}/releases", data=data).status_code == 409
    foreign = make.need(make.hospital())
    assert author.post(f"{url}/releases/{'0' * 16}/revoke").status_code == 404
    assert author.get(f"/needs/{foreign.id}/releases").status_code == 404


def test_a_member_of_a_second_unverified_organisation_reads_through_the_verified_one_alone(
    author: TestClient, url: str, make: Factory, sign_in: SignIn, database: Database, company: Party
) -> None:
    """The release counts for the organisation that was verified, not for whatever else its reader belongs to."""
    opened(author, url, company)
    with database.session(write=True) as session:
        stored_company = session.get(type(company.organisation), company.organisation.id)
        assert stored_company
        stored_company.status = OrganisationStatus.WAITING
        session.add(stored_company)
        other = organisations.create_organisation(
            session, name="示例·另一家", kind=company.organisation.kind, region=PUTUO, verified=True
        )
        organisations.add_member(session, company.user.id, other.id, MemberRole.EDITOR)
    assert PROBLEM not in sign_in(company).get(url).text


def test_readings_are_recorded_once_an_hour_and_shown_to_the_author(
    author: TestClient, reader: TestClient, url: str, company: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    opened(author, url, company, "annex")
    for _ in range(3):
        reader.get(url)
    broker = sign_in(make.reviewer(PUTUO))
    broker.get(url)
    with database.session() as session:
        rows = session.exec(select(AuditEvent).where(col(AuditEvent.event).contains(":read"))).all()
    assert sorted((row.event, row.actor_id) for row in rows if row.actor_id == company.user.id) == [
        ("need:annex:read", company.user.id),
        ("need:brief:read", company.user.id),
    ]
    page = page_of(author, f"{url}/releases")
    listed = page["readings"].parent
    assert listed is not None
    assert listed.text.count(company.organisation.name) == 2
    assert company.user.email not in page.text
    assert make.reviewer(PUTUO).organisation.name in listed.text
    assert "readings" not in page_of(broker, f"{url}/releases")
    with database.session(write=True) as session:
        for row in session.exec(select(AuditEvent).where(col(AuditEvent.event).contains(":read"))).all():
            row.at = row.at - timedelta(hours=2)
            session.add(row)
    reader.get(url)
    assert page_of(author, f"{url}/releases")["readings"].parent.text.count(company.organisation.name) == 4  # type: ignore[union-attr]


def test_an_edit_tells_the_readers_and_shows_them_what_changed_in_their_tiers(
    author: TestClient, reader: TestClient, url: str, company: Party, database: Database
) -> None:
    opened(author, url, company)
    reader.get(url)
    fields = page_of(author, f"{url}/edit").fields
    changes = {"problem": "详情里的另一句话。", "contact": "新的密件电话", "anonymous": "y"}
    author.post(f"{url}/edit", data={**fields, **changes})
    assert told(database, company) == [Notice.RELEASE_GRANTED, Notice.RELEASE_CHANGED]
    for _ in range(2):
        page = page_of(reader, url)
        assert [e.text for e in page.all("ins")] == ["另"]
        assert "新的密件电话" not in page.text and "匿名发布：对外" not in page.text
    with database.session() as session:
        mails = session.exec(select(Mail).where(Mail.recipient == company.user.email)).all()
    assert len(mails) == 2
    assert not any(word in str(mail.context) for mail in mails for word in ("房间隔", "详情里", "密件"))


def test_a_change_of_the_annex_alone_is_no_news_for_readers_of_the_brief(
    author: TestClient, reader: TestClient, url: str, company: Party, database: Database
) -> None:
    opened(author, url, company)
    reader.get(url)
    fields = page_of(author, f"{url}/edit").fields
    author.post(f"{url}/edit", data={**fields, "contact": "新的密件电话"})
    assert told(database, company) == [Notice.RELEASE_GRANTED]
    assert "changes" not in page_of(reader, url)


def test_a_broker_proposes_and_the_author_decides(
    author: TestClient,
    reader: TestClient,
    url: str,
    company: Party,
    make: Factory,
    sign_in: SignIn,
    hospital: Party,
    database: Database,
) -> None:
    broker = sign_in(make.reviewer(PUTUO))
    data = {"organisation_id": company.organisation.id, "tier": "annex", "note": "对方有同类产品。"}
    for _ in range(2):
        assert broker.post(f"{url}/proposals", data=data).status_code == 303
    assert stored(database) == []
    assert told(database, hospital).count(Notice.RELEASE_PROPOSED) == 1
    assert "撮合员建议向其他单位开放" in page_of(author, url).text
    page = page_of(author, f"{url}/releases")
    assert "对方有同类产品。" in page["proposals"].parent.text  # type: ignore[union-attr]
    accept = next(f.attributes["action"] for f in page.all("form") if f.attributes["action"].endswith("/accept"))
    assert broker.post(accept, data={"days": "30"}).status_code == 404
    for _ in range(2):
        assert author.post(accept, data={"days": "30"}).status_code == 303
    assert author.post(accept.replace("/accept", "/decline")).status_code == 409
    assert CONTACT in reader.get(url).text
    assert len(stored(database)) == 1
    assert "proposals" not in page_of(author, f"{url}/releases")


def test_a_declined_proposal_opens_nothing(
    author: TestClient, url: str, company: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    broker = sign_in(make.reviewer(PUTUO))
    broker.post(f"{url}/proposals", data={"organisation_id": company.organisation.id, "tier": "brief"})
    page = page_of(author, f"{url}/releases")
    decline = next(f.attributes["action"] for f in page.all("form") if f.attributes["action"].endswith("/decline"))
    assert author.post(decline).status_code == 303
    assert stored(database) == []
    assert sign_in(company).post(f"{url}/proposals", data={}).status_code == 404
    own = {"organisation_id": company.organisation.id, "tier": "brief"}
    assert author.post(f"{url}/proposals", data=own).status_code == 404


def test_matching_for_a_reader_goes_on_by_teasers(
    author: TestClient, reader: TestClient, url: str, company: Party, make: Factory
) -> None:
    make.capability(company)
    before = read(reader.get(f"{url}/suggestions").text)["main"].text
    opened(author, url, company, "annex")
    assert read(reader.get(f"{url}/suggestions").text)["main"].text == before
    assert PROBLEM not in before
