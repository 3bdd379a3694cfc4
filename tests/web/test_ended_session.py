"""A session that ends in the middle of a form: what was typed stays, and is sent once more after signing in."""

from collections.abc import Callable

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.accounts import sessions
from backend.conversations.models import CaseMessage
from backend.db import Database, new_id
from tests.case_steps import Table
from tests.conftest import SignIn
from tests.factories import Factory
from tests.web.pages import read

TEXT = "可以先到科室观摩两台手术。\r\n第二段：<b>样机</b>“弯度” 🫀\r\n\r\n" + "长" * 3900
EndSession = Callable[[TestClient], None]


@pytest.fixture
def table(make: Factory, database: Database) -> Table:
    return Table(make, database)


@pytest.fixture
def end(database: Database) -> EndSession:
    """Ends the session of a browser, which keeps its cookie."""

    def work(client: TestClient) -> None:
        with database.session(write=True) as session:
            sessions.revoke(session, client.cookies[sessions.COOKIE])

    return work


def messages(database: Database) -> list[str]:
    with database.session() as session:
        return [m.text for m in session.exec(select(CaseMessage)).all()]


def test_a_message_is_kept_and_sent_after_signing_in(
    table: Table, sign_in: SignIn, end: EndSession, database: Database
) -> None:
    client = sign_in(table.hospital)
    end(client)
    url = f"/introductions/{table.case.id}/conversation"
    data = {"key": new_id(), "audience": "all", "text": TEXT}
    answer = client.post(url, data=data, files={"files": ("说明.txt", b"text")})
    page = read(answer.text)
    assert answer.status_code == 401 and "登录已过期" in page.text and "附件没有保留" in page.text
    assert messages(database) == []
    # Signing in happens in another window; the form is then sent from where it is, also pressed twice.
    cookies = dict(sign_in(table.hospital).cookies)
    client.cookies.clear()
    client.cookies.update(cookies)
    sent = {name: str(page.fields[name]) for name in data}
    assert [client.post(url, data=sent).status_code for _twice in range(2)] == [303, 303]
    assert [text.split() for text in messages(database)] == [TEXT.split()]


def test_the_page_sends_where_the_form_was_sent(table: Table, sign_in: SignIn, end: EndSession) -> None:
    client = sign_in(table.hospital)
    end(client)
    url = f"/introductions/{table.case.id}/withdraw"
    page = client.post(f"{url}?from=desk", data={"note": "已经 自行解决"}).text
    assert f'action="{url}?from=desk" method="post"' in page and "已经 自行解决" in page


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/account/password", {"present": "my secret words", "password": "new secret words"}),
        ("/introductions", {"need": "0123456789abcdef"}),
        ("/introductions", {"message": "很长的话" * 300_000}),
    ],
)
def test_what_holds_nothing_written_or_is_private_leads_to_signing_in(
    path: str, data: dict[str, str], table: Table, sign_in: SignIn, end: EndSession
) -> None:
    client = sign_in(table.hospital)
    end(client)
    answer = client.post(path, data=data)
    assert "secret" not in answer.text and "很长的话" not in answer.text
    assert answer.status_code in (303, 413)


def test_who_never_signed_in_is_sent_to_the_form(client: TestClient, table: Table) -> None:
    answer = client.post(f"/introductions/{table.case.id}/conversation", data={"text": "陌生人的话"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/")


def test_another_site_gets_nothing_back(table: Table, sign_in: SignIn, end: EndSession) -> None:
    client = sign_in(table.hospital)
    end(client)
    answer = client.post(
        "/introductions", data={"message": "别处的话"}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 403 and "别处的话" not in answer.text
