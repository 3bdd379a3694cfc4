"""Notifications: the number in the header, the list, what reading does, mails and the choice of them."""

from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from time import sleep

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.config import Settings
from backend.db import Database, utc_now
from backend.jobs import lapse_texts
from backend.mailer import Mail
from backend.needs.models import Need
from backend.notifications.models import Notice, Notification
from backend.notifications.wordings import ENGLISH, NOTICES
from tests.conftest import SignIn
from tests.factories import PUTUO, Factory, Party
from tests.web import mails as sent
from tests.web.need_steps import page_of

MAIL = "请补充发生频度。"


@pytest.fixture
def hospital(make: Factory) -> Party:
    return make.hospital()


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    return sign_in(hospital)


@pytest.fixture
def broker(make: Factory, sign_in: SignIn) -> TestClient:
    return sign_in(make.reviewer(PUTUO))


def unread(client: TestClient, url: str = "/") -> str:
    """The number in the header."""
    found = page_of(client, url).all("span", "bell-count")
    return found[0].text.split("条")[0].strip() if found else ""


def mails(database: Database, party: Party) -> list[Mail]:
    with database.session() as session:
        return list(session.exec(select(Mail).where(Mail.recipient == party.user.email)).all())


def test_every_notice_is_worded_in_both_languages() -> None:
    assert set(NOTICES) == set(ENGLISH) == set(Notice)


def test_the_number_in_the_header_falls_with_what_is_read(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party
) -> None:
    assert unread(broker) == ""
    urls = [f"/needs/{make.need(hospital, publish=False).id}" for _ in range(2)]
    for url in urls:
        author.post(f"{url}/submit")
    assert unread(broker) == "2"
    assert unread(broker, urls[0]) == "1"
    page = page_of(broker, "/notifications")
    assert page.text.count("有内容等待审核") == 2
    assert urls[1] in page.links
    assert broker.post("/notifications/read").status_code == 303
    assert unread(broker) == ""
    assert unread(author) == ""
    broker.post(f"{urls[0]}/publish")
    assert unread(author) == "1"


def test_one_is_marked_by_its_own_reader_alone(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, database: Database, client: TestClient
) -> None:
    author.post(f"/needs/{make.need(hospital, publish=False).id}/submit")
    with database.session() as session:
        row = session.exec(select(Notification)).one()
    assert author.post(f"/notifications/{row.id}/read").status_code == 404
    assert client.post(f"/notifications/{row.id}/read").status_code == 303
    assert unread(broker) == "1"
    for _ in range(2):
        assert broker.post(f"/notifications/{row.id}/read").status_code == 303
    assert unread(broker) == ""
    assert client.get("/notifications").status_code == 303


def test_titles_are_looked_up_under_the_policy_of_the_moment(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party
) -> None:
    need = make.need(hospital, "会被取回的标题", publish=False)
    author.post(f"/needs/{need.id}/submit")
    assert "会被取回的标题" in page_of(broker, "/notifications").text
    author.post(f"/needs/{need.id}/take-back")
    page = page_of(broker, "/notifications")
    assert "会被取回的标题" not in page.text
    assert "这份内容目前没有向您开放" in page.text


def test_edits_of_a_published_text_reach_the_broker_once_until_read(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, database: Database
) -> None:
    url = f"/needs/{make.need(hospital).id}"
    broker.post("/notifications/read")
    for number in range(3):
        fields = page_of(author, f"{url}/edit").fields
        author.post(f"{url}/edit", data={**fields, "summary": f"第{number}次修改。"})
    assert unread(broker) == "1"
    assert "辖区内已发布的内容有修改" in page_of(broker, "/notifications").text
    told = [mail.context.get("zh") for mail in mails(database, make.reviewer(PUTUO))]
    assert "辖区内已发布的内容有修改" not in told


def test_mails_are_chosen_by_kind(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, database: Database
) -> None:
    page = page_of(author, "/notifications/preferences")
    offered = {e.attributes["value"]: "checked" in e.attributes for e in page.all("input")}
    assert offered["returned"] and offered["release_granted"] and not offered["matched"]
    assert "review_waiting" not in offered and "review_unassigned" not in offered
    assert "review_waiting" in [
        e.attributes["value"] for e in page_of(broker, "/notifications/preferences").all("input")
    ]
    answer = author.post("/notifications/preferences", data={"mail": ["published", "nothing"]})
    assert answer.status_code == 303
    page = page_of(author, "/notifications/preferences")
    assert [e.attributes["value"] for e in page.all("input") if "checked" in e.attributes] == ["published"]
    url = f"/needs/{make.need(hospital, publish=False).id}"
    author.post(f"{url}/submit")
    broker.post(f"{url}/return", data={"note": MAIL})
    assert unread(author) == "1"
    assert mails(database, hospital) == []
    author.post(f"{url}/submit")
    broker.post(f"{url}/publish")
    assert len(mails(database, hospital)) == 1


def test_a_mail_names_the_title_and_a_link_and_nothing_else(
    author: TestClient, broker: TestClient, make: Factory, hospital: Party, database: Database, settings: Settings
) -> None:
    need = make.need(hospital, "会写进邮件的标题", publish=False, problem="详情里的一句话", contact="密件电话")
    author.post(f"/needs/{need.id}/submit")
    broker.post(f"/needs/{need.id}/return", data={"note": MAIL})
    expected = {hospital.user.email, make.reviewer(PUTUO).user.email}
    written: list[EmailMessage] = []
    # The site sends them by itself, after its answers.
    for _look in range(100):
        written = [message_from_bytes(path.read_bytes(), policy=default) for path in settings.mail_dir.glob("*.eml")]
        if expected <= {str(message["To"]) for message in written}:
            break
        sleep(0.1)
    assert {str(message["To"]) for message in written} == expected
    for message in written:
        text = "".join(part.get_content() for part in message.walk() if part.get_content_maintype() == "text")
        assert "会写进邮件的标题" in text and f"{settings.site_url}/needs/{need.id}" in text
        for secret in ("详情里", "密件", MAIL, hospital.organisation.name, "{{"):
            assert secret not in text + str(message["Subject"])


def set_confirmed(database: Database, need_id: str, days_ago: int) -> None:
    with database.session(write=True) as session:
        need = session.get(Need, need_id)
        assert need
        need.confirmed_at = utc_now() - timedelta(days=days_ago)
        session.add(need)


def test_an_author_is_reminded_once_may_extend_and_else_the_need_expires(
    author: TestClient, make: Factory, hospital: Party, database: Database, settings: Settings, sign_in: SignIn
) -> None:
    need = make.need(hospital)
    url = f"/needs/{need.id}"
    stranger = sign_in(make.party())
    extend = f"{url}/extend"
    lapse_texts(database, settings)
    assert extend not in [form.attributes["action"] for form in page_of(author, url).all("form")]
    author.post("/notifications/read")
    set_confirmed(database, need.id, 170)
    for _ in range(2):
        lapse_texts(database, settings)
    assert unread(author) == "1"
    page = page_of(author, url)
    assert "还有 9 天到期" in page.text
    assert extend in [form.attributes["action"] for form in page.all("form")]
    assert author.post(extend).status_code == 303
    assert extend not in [form.attributes["action"] for form in page_of(author, url).all("form")]
    lapse_texts(database, settings)
    assert unread(author) == ""

    set_confirmed(database, need.id, 181)
    lapse_texts(database, settings)
    assert stranger.get(url).status_code == 404
    page = page_of(author, url)
    assert "有效期已过" in page.text
    assert author.post(extend).status_code == 303
    assert stranger.get(url).status_code == 200


def test_a_capability_goes_stale_and_is_confirmed_by_one_button(
    make: Factory, database: Database, settings: Settings, sign_in: SignIn
) -> None:
    company = make.party()
    client, stranger = sign_in(company), sign_in(make.party())
    url = f"/capabilities/{make.capability(company).id}"
    for days, reminded, open_ in ((330, False, True), (340, True, True), (366, True, False)):
        with database.session(write=True) as session:
            from backend.capabilities import service as capabilities

            stored = capabilities.find(session, url.rsplit("/", 1)[1])
            assert stored
            stored.confirmed_at, stored.reminded_at = utc_now() - timedelta(days=days), None
            session.add(stored)
        lapse_texts(database, settings)
        page = page_of(client, url)
        assert (f"{url}/confirm" in [form.attributes["action"] for form in page.all("form")]) is reminded
        assert (stranger.get(url).status_code == 200) is open_
    assert "超过一年未确认" in page_of(client, url).text
    assert client.post(f"{url}/confirm").status_code == 303
    assert stranger.get(url).status_code == 200


@pytest.mark.parametrize(
    ("title", "is_sent"),
    [("请看 evil.example 的穿刺针", False), ("www.evil", False), ("DSA/CT 融合：1:5 缩放，5.0T", True)],
)
def test_a_mail_carries_no_title_with_a_link_in_it(
    title: str,
    is_sent: bool,
    author: TestClient,
    make: Factory,
    hospital: Party,
    database: Database,
    settings: Settings,
) -> None:
    """Mail programs would make a link of it, in a mail that comes from us."""
    reviewer = make.reviewer(PUTUO)
    author.post(f"/needs/{make.need(hospital, title, publish=False).id}/submit")
    (mail,) = sent.to(sent.mails(database, settings), reviewer.user.email)
    assert ("标题：" in sent.text(mail)) is (title in sent.text(mail)) is is_sent
