"""The pages of administration: who sees them, accounts, mails that were not sent, the state of the system."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.accounts import sessions
from backend.accounts.models import SecondFactor, User
from backend.api import service as tokens
from backend.api.scopes import Scope
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database, new_id, utc_now
from backend.mailer import Mail
from backend.organisations.models import MemberRole
from backend.outbox import OutboxRow
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory, Party
from tests.web.mails import mails, text, to
from tests.web.need_steps import page_of
from tests.web.pages import read

PAGES = ("/admin", "/admin/users", "/admin/audit", "/admin/audit.csv", "/admin/mails", "/admin/system", "/admin/index")
REASON = "账号被他人使用，停用核查。"


@pytest.fixture
def operator(make: Factory) -> Party:
    return make.somebody(is_admin=True)


@pytest.fixture
def admin(operator: Party, sign_in: SignIn) -> TestClient:
    return sign_in(operator)


@pytest.fixture
def member(make: Factory) -> Party:
    return make.party(name="示例·有账号的单位")


def trail(database: Database, event: str) -> list[AuditEvent]:
    with database.session() as session:
        return list(session.exec(select(AuditEvent).where(AuditEvent.event == event)).all())


@pytest.mark.parametrize("url", PAGES)
def test_administrators_alone_see_the_pages(
    url: str, admin: TestClient, client: TestClient, member: Party, make: Factory, sign_in: SignIn
) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        assert admin.get(url, headers=headers).status_code == 200
        for other in (member, make.broker(), make.owner(), make.somebody()):
            assert sign_in(other).get(url, headers=headers).status_code == 403
    assert client.get(url).headers["location"].startswith("/sign-in")


def test_writes_are_for_administrators_alone(
    client: TestClient, member: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    urls = ("/admin/mails/retry", f"/admin/mails/{new_id()}/retry", f"/admin/users/{member.user.id}/suspend")
    for url in urls:
        for other in (make.broker(), make.owner()):
            assert sign_in(other).post(url, data={"reason": REASON}).status_code == 403
        assert client.post(url, data={"reason": REASON}).status_code == 303
    with database.session() as session:
        assert session.get_one(User, member.user.id).is_active


def test_without_a_second_factor_there_is_no_administration(
    operator: Party, member: Party, sign_in: SignIn, database: Database
) -> None:
    with database.session(write=True) as session:
        session.delete(session.get(SecondFactor, operator.user.id))
    client = sign_in(operator)
    for url in PAGES:
        assert client.get(url).headers["location"] == "/account/second-factor"
    assert client.post(f"/admin/users/{member.user.id}/suspend", data={"reason": REASON}).status_code == 403


def test_the_way_to_the_pages_is_shown_to_administrators(admin: TestClient, member: Party, sign_in: SignIn) -> None:
    assert "/admin" in page_of(admin, "/needs").links
    assert "/admin" not in page_of(sign_in(member), "/needs").links


def test_home_counts_what_needs_attention(admin: TestClient, make: Factory, database: Database) -> None:
    make.party(verified=False)
    given_up(database)
    figures = [element.text.split()[0] for element in page_of(admin, "/admin").all("dd")]
    waiting, _active, _unconfirmed, suspended, _mails, not_sent = figures[:6]
    assert (waiting, suspended, not_sent) == ("1", "0", "1")


def test_accounts_are_found_by_name_address_and_state(
    admin: TestClient, member: Party, make: Factory, database: Database, operator: Party
) -> None:
    other = make.somebody(email="someone.else@test.example")
    with database.session(write=True) as session:
        session.add(
            AuditEvent(event="account:session:start", subject_kind="user", subject_id=member.user.id, detail={})
        )
    page = page_of(admin, f"/admin/users?q={member.user.email}")
    assert f"/admin/users/{member.user.id}" in page.links and f"/admin/users/{other.user.id}" not in page.links
    row = page["results"].text
    assert "示例·有账号的单位" in row and "正常" in row and "未启用" in row and "尚未登录" not in row
    assert "已启用" in page_of(admin, f"/admin/users?q={operator.user.email}")["results"].text
    assert "尚未登录" in page_of(admin, "/admin/users?q=someone.else")["results"].text
    assert "没有符合条件的账号" in page_of(admin, "/admin/users?state=suspended").text
    assert "没有符合条件的账号" in page_of(admin, "/admin/users?q=100%25").text
    part = read(admin.get("/admin/users?q=someone", headers={"HX-Request": "true"}).text)
    assert "results" in part and "main" not in part


def test_suspending_ends_sessions_and_tokens_at_once_and_is_told(
    admin: TestClient, operator: Party, member: Party, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    theirs = sign_in(member)
    with database.session(write=True) as session:
        user = session.get_one(User, member.user.id)
        token = tokens.create(session, user, new_id(), name="t", scopes=tuple(Scope), days=1)
    bearer = {"Authorization": f"Bearer {token}"}
    assert theirs.get("/api/v1/me", headers=bearer).status_code == 200
    url = f"/admin/users/{member.user.id}"
    answer = admin.post(f"{url}/suspend", data={"reason": REASON})
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    assert theirs.get("/api/v1/me", headers=bearer).status_code == 401
    assert theirs.get("/needs").headers["location"].startswith("/sign-in")
    refused = theirs.post("/sign-in", data={"email": member.user.email, "password": PASSWORD})
    assert refused.status_code == 422
    (event,) = trail(database, "account:suspend")
    assert (event.actor_id, event.subject_id, event.detail["reason"]) == (operator.user.id, member.user.id, REASON)
    (mail,) = [m for m in to(mails(database, settings), member.user.email) if "已停用" in m["Subject"]]
    assert REASON in text(mail) and "suspended" in text(mail)
    assert admin.post(f"{url}/suspend", data={"reason": REASON}).status_code == 409, "sent twice it happens once"
    assert len(trail(database, "account:suspend")) == 1


def test_a_reactivated_account_signs_in_anew_and_nothing_old_comes_back(
    admin: TestClient, member: Party, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    theirs = sign_in(member)
    url = f"/admin/users/{member.user.id}"
    assert admin.post(f"{url}/reactivate", data={"reason": REASON}).status_code == 409
    admin.post(f"{url}/suspend", data={"reason": REASON})
    assert "恢复账号" in page_of(admin, url).text
    assert admin.post(f"{url}/reactivate", data={"reason": "核查完毕。"}).status_code == 303
    assert theirs.get("/needs").status_code == 303
    answer = theirs.post("/sign-in", data={"email": member.user.email, "password": PASSWORD})
    assert answer.status_code == 303
    assert trail(database, "account:reactivate")[0].detail["reason"] == "核查完毕。"
    assert [m for m in to(mails(database, settings), member.user.email) if "已恢复" in m["Subject"]]


def test_refusals_of_a_suspension(
    admin: TestClient, operator: Party, member: Party, make: Factory, database: Database
) -> None:
    url = f"/admin/users/{member.user.id}"
    answer = admin.post(f"{url}/suspend", data={"reason": ""})
    assert answer.status_code == 422 and read(answer.text).error("reason") == "请写明理由。"
    answer = admin.post(f"{url}/suspend", data={"reason": "长" * 501})
    assert answer.status_code == 422 and "长" * 501 in answer.text
    own = admin.post(f"/admin/users/{operator.user.id}/suspend", data={"reason": REASON})
    assert own.status_code == 409 and "不能停用自己的账号" in own.text
    assert "须由另一位管理员办理" in page_of(admin, f"/admin/users/{operator.user.id}").text
    assert admin.post(f"/admin/users/{new_id()}/suspend", data={"reason": REASON}).status_code == 404
    assert admin.post(f"{url}/delete", data={"reason": REASON}).status_code == 404
    gone = make.somebody()
    with database.session(write=True) as session:
        user = session.get_one(User, gone.user.id)
        user.deleted_at, user.is_active = utc_now(), False
        session.add(user)
    assert admin.get(f"/admin/users/{gone.user.id}").status_code == 404
    assert admin.post(f"/admin/users/{gone.user.id}/reactivate", data={"reason": REASON}).status_code == 404
    assert trail(database, "account:suspend") == []


def test_the_page_of_an_account_names_what_would_be_left_without_owner(admin: TestClient, make: Factory) -> None:
    owner = make.owner(name="示例·一人管理")
    assert "唯一的管理成员" not in page_of(admin, f"/admin/users/{owner.user.id}").text
    make.join(owner, MemberRole.EDITOR)
    assert "“示例·一人管理”唯一的管理成员" in page_of(admin, f"/admin/users/{owner.user.id}").text


def test_suspending_an_administrator_ends_what_he_does(admin: TestClient, make: Factory, sign_in: SignIn) -> None:
    other = make.somebody(is_admin=True)
    theirs = sign_in(other)
    assert admin.post(f"/admin/users/{other.user.id}/suspend", data={"reason": REASON}).status_code == 303
    assert theirs.get("/admin").headers["location"].startswith("/sign-in")


def given_up(database: Database, **fields: object) -> str:
    """A mail that could not be sent."""
    words = {"zh": "已发布", "en": "published", "title": "", "path": "/notifications"}
    made = {"event": "notification", "recipient": "someone@test.example", "context": words, "attempts": 6, **fields}
    with database.session(write=True) as session:
        mail = Mail.model_validate(made)
        session.add(mail)
        session.flush()
        if "due_at" not in fields:
            # A row that is written without one gets that of now.
            mail.due_at = None
        return mail.id


def test_a_mail_that_was_given_up_is_sent_again(admin: TestClient, database: Database, settings: Settings) -> None:
    id_ = given_up(database)
    page = page_of(admin, "/admin/mails")
    assert "so…@test.example" in page.text and "someone@test.example" not in page.text
    assert admin.post(f"/admin/mails/{id_}/retry").status_code == 303
    assert len(to(mails(database, settings), "someone@test.example")) == 1
    assert admin.post(f"/admin/mails/{id_}/retry").status_code == 409, "it has gone out"
    assert [event.subject_id for event in trail(database, "admin:mail:retry")] == [id_]
    assert admin.post(f"/admin/mails/{new_id()}/retry").status_code == 404


def test_a_mail_whose_link_is_forgotten_is_not_sent_again(admin: TestClient, database: Database) -> None:
    id_ = given_up(database, event="reset-password", context={})
    assert "已清除" in page_of(admin, "/admin/mails").text
    answer = admin.post(f"/admin/mails/{id_}/retry")
    assert answer.status_code == 409 and "内容已清除" in answer.text
    answer = admin.post("/admin/mails/retry")
    assert answer.status_code == 303 and trail(database, "admin:mail:retry") == []


def test_all_are_sent_again(admin: TestClient, database: Database, settings: Settings) -> None:
    for _ in range(3):
        given_up(database)
    assert admin.post("/admin/mails/retry").status_code == 303
    assert len(to(mails(database, settings), "someone@test.example")) == 3
    assert trail(database, "admin:mail:retry")[0].detail["count"] == 3


def test_a_mail_that_is_put_off_is_tried_at_once(admin: TestClient, database: Database, settings: Settings) -> None:
    id_ = given_up(database, due_at=utc_now() + timedelta(hours=12), attempts=4)
    assert "稍后重试" in page_of(admin, "/admin/mails").text
    assert admin.post(f"/admin/mails/{id_}/retry").status_code == 303
    assert len(to(mails(database, settings), "someone@test.example")) == 1


def test_work_that_nobody_does_is_noticed(admin: TestClient, database: Database) -> None:
    assert "后台任务可能没有运行" not in page_of(admin, "/admin/system").text
    with database.session(write=True) as session:
        session.add(
            OutboxRow(topic="other", subject_kind="x", subject_id="x", created_at=utc_now() - timedelta(minutes=11))
        )
    for url in ("/admin", "/admin/system", "/admin/mails"):
        assert "后台任务可能没有运行" in page_of(admin, url).text


def test_the_system_tells_database_versions_and_indexes(admin: TestClient, make: Factory, database: Database) -> None:
    make.need(make.hospital())
    admin.app.state.engine.follow()  # type: ignore[attr-defined]
    page = page_of(admin, "/admin/system")
    assert ("SQLite 3." if database.is_sqlite else "PostgreSQL 1") in page.text
    assert "与程序一致" in page.text and "网站进程内" in page.text and "/admin/index" in page.links
    part = read(admin.get("/admin/index", headers={"HX-Request": "true"}).text)
    assert "main" not in part and "正常" in part["index"].text
    assert "需求 · 摘要" in part.text and "需求 · 摘要和详情" in part.text
    assert "main" in page_of(admin, "/admin/index")


def test_sessions_of_the_suspended_are_counted(admin: TestClient, member: Party, database: Database) -> None:
    with database.session(write=True) as session:
        for _ in range(2):
            sessions.start(session, member.user, days=1, user_agent="test")
    assert "2 处" in page_of(admin, f"/admin/users/{member.user.id}").text
    admin.post(f"/admin/users/{member.user.id}/suspend", data={"reason": REASON})
    assert "0 处" in page_of(admin, f"/admin/users/{member.user.id}").text
    with database.session() as session:
        query = select(AuditEvent).where(col(AuditEvent.event) == "account:suspend")
        assert session.exec(query).one().detail["count"] == 2
