"""Reasoned access through the pages: an administrator says why, reads a brief for half an hour; the author knows."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.accounts.models import SecondFactor
from backend.api import service as tokens
from backend.api.scopes import Scope
from backend.audit.models import AuditEvent
from backend.db import Database, new_id, utc_now
from backend.disclosure import readings
from backend.disclosure.models import ReasonedAccess
from backend.mailer import Mail
from backend.notifications.models import Notice, Notification
from backend.organisations.models import MemberRole
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.web.need_steps import page_of
from tests.web.pages import read

PROBLEM, CONTACT, CANARY = "详情里的一句话。", "密件里的电话", "briefcanary007z"
REASON = "有人举报该需求包含患者信息，需核对原文。"
GIVEN = {"purpose": "complaint", "reason": REASON}


@pytest.fixture
def hospital(make: Factory) -> Party:
    return make.owner(make.hospital().organisation.kind, name="示例·作者医院")


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    return sign_in(hospital)


@pytest.fixture
def operator(make: Factory) -> Party:
    return make.somebody(is_admin=True)


@pytest.fixture
def admin(operator: Party, sign_in: SignIn) -> TestClient:
    return sign_in(operator)


@pytest.fixture
def need_id(make: Factory, hospital: Party) -> str:
    """A published need with a word of its own in the brief."""
    return make.need(hospital, problem=PROBLEM, procedure=CANARY, contact=CONTACT, anonymous=True).id


@pytest.fixture
def url(need_id: str) -> str:
    return f"/needs/{need_id}"


@pytest.fixture
def capability_url(make: Factory, hospital: Party) -> str:
    return f"/capabilities/{make.capability(hospital, principle=PROBLEM, contact=CONTACT).id}"


def given(admin: TestClient, url: str, **data: str) -> None:
    """Give a reason by the form."""
    answer = admin.post(f"{url}/reasoned-access", data=GIVEN | data)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{url}#brief")


def accesses(database: Database) -> list[ReasonedAccess]:
    with database.session() as session:
        return list(session.exec(select(ReasonedAccess)).all())


def trail(database: Database, like: str) -> list[AuditEvent]:
    with database.session() as session:
        query = select(AuditEvent).where(col(AuditEvent.event).contains(like)).order_by(col(AuditEvent.id))
        return list(session.exec(query).all())


@pytest.mark.parametrize("side", ["url", "capability_url"])
def test_a_reason_opens_the_brief_and_neither_contact_nor_files(
    side: str, admin: TestClient, database: Database, request: pytest.FixtureRequest
) -> None:
    url: str = request.getfixturevalue(side)
    closed = page_of(admin, url)
    assert PROBLEM not in closed.text and "查看详情需说明理由" in closed.text
    assert f"{url}/reasoned-access" in closed.links
    assert PROBLEM not in page_of(admin, f"{url}/reasoned-access").text
    given(admin, url)
    text = admin.get(url).text
    assert PROBLEM in text and CONTACT not in text
    assert "您已说明理由，可查看至" in text and "reasoned-access" not in text
    assert trail(database, "reasoned-access:grant")[0].detail["reason"] == REASON
    (reading,) = trail(database, "brief:read")
    assert (reading.detail["reason"], reading.detail["purpose"], reading.detail["version"]) == (REASON, "complaint", 1)
    assert trail(database, "annex:read") == []


def test_the_form_is_a_fragment_for_htmx_and_a_page_without_it(admin: TestClient, url: str) -> None:
    page = page_of(admin, f"{url}/reasoned-access")
    assert "main" in page and {"purpose", "reason"} <= set(page.fields)
    part = read(admin.get(f"{url}/reasoned-access", headers={"HX-Request": "true"}).text)
    assert "main" not in part and {"purpose", "reason"} <= set(part.fields)
    answer = admin.post(f"{url}/reasoned-access", data=GIVEN, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, f"{url}#brief")


@pytest.mark.parametrize(
    ("data", "field", "message"),
    [
        ({"reason": ""}, "reason", "请写明查看详情的理由。"),
        ({"reason": "看一下。"}, "reason", "理由不少于 10 个字，请写得具体一些。"),
        ({"reason": " 看 \n\n\n\n\n\n 下 "}, "reason", "理由不少于 10 个字，请写得具体一些。"),
        ({"reason": "长" * 501}, "reason", "最多 500 个字，现有 501 个字，请删减。"),
        ({"purpose": ""}, "purpose", "请选择用途。"),
        ({"purpose": "curiosity"}, "purpose", "请从列表中选择一项。"),
    ],
)
def test_no_reason_no_brief_and_nothing_typed_is_lost(
    data: dict[str, str], field: str, message: str, admin: TestClient, url: str, database: Database
) -> None:
    answer = admin.post(f"{url}/reasoned-access", data=GIVEN | data)
    page = read(answer.text)
    assert answer.status_code == 422 and page.error(field) == message
    if field == "purpose":
        assert page.fields["reason"] == REASON
    assert PROBLEM not in answer.text and accesses(database) == []
    assert PROBLEM not in admin.get(url).text


def test_sent_twice_it_is_one_access_and_one_notice(
    admin: TestClient, url: str, hospital: Party, database: Database
) -> None:
    page = read(admin.get(f"{url}/reasoned-access").text)
    assert page.fields["reason"] == ""
    for _ in range(2):
        given(admin, url)
    assert len(accesses(database)) == 1 and len(trail(database, "reasoned-access")) == 1
    with database.session() as session:
        told = session.exec(select(Notification).where(Notification.notice == Notice.ADMIN_ACCESS)).all()
        mails = session.exec(select(Mail).where(Mail.recipient == hospital.user.email)).all()
    assert [row.user_id for row in told] == [hospital.user.id]
    assert [m for m in mails if m.context.get("path") == f"{url}/releases#readings" or m.sent_at]


def test_it_ends_after_half_an_hour_and_the_next_reason_is_another_reading(
    admin: TestClient, url: str, database: Database
) -> None:
    given(admin, url)
    assert PROBLEM in admin.get(url).text
    (access,) = accesses(database)
    assert access.expires_at - access.created_at == timedelta(minutes=30)
    with database.session(write=True) as session:
        access.expires_at = utc_now() - timedelta(seconds=1)
        session.add(access)
    assert PROBLEM not in admin.get(url).text
    given(admin, url, reason="发布单位来电请求核对详情的显示。", purpose="support")
    for _ in range(2):
        assert PROBLEM in admin.get(url).text
    assert [event.detail["purpose"] for event in trail(database, "brief:read")] == ["complaint", "support"]


def test_it_is_for_one_subject_and_one_administrator(
    admin: TestClient, url: str, make: Factory, hospital: Party, sign_in: SignIn
) -> None:
    given(admin, url)
    other = make.need(hospital, problem=PROBLEM)
    assert PROBLEM not in admin.get(f"/needs/{other.id}").text
    assert PROBLEM not in sign_in(make.somebody(is_admin=True)).get(url).text


def test_what_is_withdrawn_is_closed_to_it(admin: TestClient, author: TestClient, url: str) -> None:
    given(admin, url)
    author.post(f"{url}/withdraw")
    assert admin.get(url).status_code == 404
    assert admin.get(f"{url}/reasoned-access").status_code == 404


def test_nobody_else_may_give_a_reason(
    url: str, client: TestClient, author: TestClient, make: Factory, sign_in: SignIn, database: Database
) -> None:
    for reader in (author, sign_in(make.party()), sign_in(make.broker()), sign_in(make.somebody())):
        assert reader.get(f"{url}/reasoned-access").status_code == 404
        assert reader.post(f"{url}/reasoned-access", data=GIVEN).status_code == 404
    assert client.get(f"{url}/reasoned-access").headers["location"].startswith("/sign-in")
    assert client.post(f"{url}/reasoned-access", data=GIVEN).status_code == 303
    assert accesses(database) == []


def test_an_administrator_who_reads_it_anyway_gives_no_reason(
    url: str, make: Factory, hospital: Party, sign_in: SignIn, database: Database
) -> None:
    colleague = make.join(hospital, MemberRole.EDITOR)
    with database.session(write=True) as session:
        user = session.merge(colleague.user)
        user.is_admin = True
        session.add(user)
    with database.session(write=True) as session:
        session.add(SecondFactor(user_id=colleague.user.id, secret="not a key", confirmed_at=utc_now()))
    client = sign_in(colleague)
    assert PROBLEM in client.get(url).text
    assert client.get(f"{url}/reasoned-access").status_code == 404


def test_without_a_second_factor_there_is_no_reason(
    url: str, operator: Party, sign_in: SignIn, database: Database
) -> None:
    with database.session(write=True) as session:
        session.delete(session.get(SecondFactor, operator.user.id))
    client = sign_in(operator)
    assert client.get(f"{url}/reasoned-access").headers["location"] == "/account/second-factor"
    assert client.post(f"{url}/reasoned-access", data=GIVEN).status_code == 403
    assert accesses(database) == []


def test_no_other_way_leads_to_the_brief(
    admin: TestClient, operator: Party, url: str, need_id: str, database: Database
) -> None:
    """Search, suggestions, files, versions, releases and programs go by the policy without a reason."""
    given(admin, url)
    assert CANARY in admin.get(url).text
    assert f"<mark>{CANARY}" not in admin.get(f"/search?side=need&q={CANARY}").text
    for path, status in {
        f"{url}/versions": 404,
        f"{url}/versions/1": 404,
        f"{url}/releases": 404,
        f"{url}/edit": 404,
        f"/attachments/need/{need_id}": 404,
    }.items():
        answer = admin.get(path)
        assert (answer.status_code, PROBLEM in answer.text) == (status, False), path
    assert PROBLEM not in admin.get(f"{url}/suggestions").text
    with database.session(write=True) as session:
        token = tokens.create(session, operator.user, new_id(), name="t", scopes=tuple(Scope), days=1)
    answer = admin.get(f"/api/v1{url}", headers={"Authorization": f"Bearer {token}"})
    assert CANARY not in answer.text and PROBLEM not in answer.text


def test_the_author_sees_who_read_and_opened_files_and_why(
    admin: TestClient, author: TestClient, url: str, need_id: str, make: Factory, hospital: Party, database: Database
) -> None:
    given(admin, url)
    admin.get(url)
    company = make.party(name="示例·阅读单位")
    with database.session(write=True) as session:
        for who, organisation in ((company, company), (hospital, hospital)):
            session.add(
                AuditEvent(
                    event="attachment:open",
                    subject_kind="need",
                    subject_id=need_id,
                    actor_id=who.user.id,
                    detail={"version": 1, "organisation": organisation.organisation.id},
                )
            )
    text = page_of(author, f"{url}/releases")["readings"].parent
    assert text is not None
    assert "平台管理员：阅读详情，第 1 版" in text.text and f"投诉举报核查：{REASON}" in text.text
    assert "示例·阅读单位：打开附件，第 1 版" in text.text
    assert text.text.count("打开附件") == 1, "those of the own members are no news"


def test_readings_come_in_pages_and_for_writers_alone(
    author: TestClient, url: str, need_id: str, make: Factory, hospital: Party, sign_in: SignIn, database: Database
) -> None:
    with database.session(write=True) as session:
        for number in range(1, readings.PAGE_SIZE + 2):
            session.add(
                AuditEvent(event="need:brief:read", subject_kind="need", subject_id=need_id, detail={"version": number})
            )
    first, second = page_of(author, f"{url}/releases"), page_of(author, f"{url}/releases?page=2")
    assert "第 51 版" in first.text and "第 1 版" not in first.text
    assert "第 1 版" in second.text and "第 51 版" not in second.text
    reader = page_of(sign_in(make.join(hospital, MemberRole.VIEWER)), f"{url}/releases")
    assert "readings" not in reader and "第 51 版" not in reader.text
