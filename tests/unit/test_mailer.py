"""Mails: written in two languages, handed over in a real SMTP conversation, tried again, never lost, soon forgotten."""

import email
import email.policy
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape
from pydantic import SecretStr, ValidationError
from sqlmodel import col, select

from backend import mailer
from backend.config import Settings
from backend.db import Database, utc_now
from backend.mailer import FolderMailer, Mail, MailRefused, MailServerUnavailable, SmtpMailer

TOKEN = "canary-of-a-link"
TEMPLATES = {
    "email/greeting/subject.txt": "医桥：{{ name }} 您好\n Hello",
    "email/greeting/body.txt": "{{ name }} 您好：\n{{ site_url }}/confirm?token={{ token }}\n---\nHello {{ name }}",
    "email/greeting/body.html": "<p>{{ name }} 您好</p>",
    "email/broken/subject.txt": "{{ missing }}",
}


class Postbox:
    """What a mail server does with a mail: keeps it, or answers as it was told to."""

    def __init__(self) -> None:
        self.answer = "250 OK"
        self.received: list[EmailMessage] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The name is that of the library's hook."""
        envelope.rcpt_tos.append(address)
        return self.answer if self.answer.startswith("550") else "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Likewise."""
        if self.answer.startswith("2"):
            content = envelope.content or b""
            data = content if isinstance(content, bytes) else content.encode()
            self.received.append(email.message_from_bytes(data, policy=email.policy.default))
        return self.answer


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[str]:
    """The address of a running mail server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield f"smtp://127.0.0.1:{port}"
    controller.stop()


@pytest.fixture
def environment() -> Environment:
    return Environment(
        loader=DictLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
    )


def queue(database: Database, event: str = "greeting", name: str = "测试账号 <&>") -> None:
    with database.session(write=True) as session:
        mailer.queue(session, event, "reader@test.example", name=name, token=TOKEN)


def the_mail(database: Database) -> Mail:
    with database.session() as session:
        return session.exec(select(Mail)).one()


def make_due(database: Database) -> None:
    with database.session(write=True) as session:
        for mail in session.exec(select(Mail)).all():
            assert mail.due_at is not None and mail.due_at > utc_now()
            mail.due_at = utc_now() - timedelta(seconds=1)
            session.add(mail)


def test_a_mail_arrives_as_text_and_html_and_its_token_is_forgotten(
    database: Database, settings: Settings, environment: Environment, server: str, postbox: Postbox
) -> None:
    queue(database)
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == 1
    (message,) = postbox.received
    assert message["To"] == "reader@test.example"
    assert message["Subject"] == "医桥：测试账号 <&> 您好 Hello"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None and html is not None
    assert "测试账号 <&> 您好：" in text.get_content() and TOKEN in text.get_content()
    assert f"{settings.site_url}/confirm" in text.get_content()
    assert "测试账号 &lt;&amp;&gt;" in html.get_content()
    mail = the_mail(database)
    assert mail.sent_at and mail.due_at is None and mail.context == {}
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == 0


def test_nothing_is_queued_by_a_transaction_that_fails(database: Database) -> None:
    def fail() -> None:
        with database.session(write=True) as session:
            mailer.queue(session, "greeting", "reader@test.example", name="", token="")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.session() as session:
        assert session.exec(select(Mail)).all() == []


def test_a_server_that_is_busy_or_gone_is_asked_again_later(
    database: Database, settings: Settings, environment: Environment, server: str, postbox: Postbox
) -> None:
    queue(database)
    postbox.answer = "451 try again later"
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == 0
    assert the_mail(database).attempts == 1 and the_mail(database).context["token"] == TOKEN
    make_due(database)
    assert mailer.deliver(database, settings, environment, SmtpMailer("smtp://127.0.0.1:1")) == 0
    make_due(database)
    postbox.answer = "250 OK"
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == 1
    assert [message["Message-ID"] for message in postbox.received] == [f"<{the_mail(database).id}@127.0.0.1>"]


def test_a_mail_is_given_up_after_its_last_attempt(
    database: Database, settings: Settings, environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    queue(database)
    for _ in mailer.PAUSES:
        mailer.deliver(database, settings, environment, SmtpMailer("smtp://127.0.0.1:1"))
        make_due(database)
    with caplog.at_level(logging.DEBUG):
        mailer.deliver(database, settings, environment, SmtpMailer("smtp://127.0.0.1:1"))
    mail = the_mail(database)
    assert mail.due_at is None and mail.sent_at is None and mail.context == {}
    assert "given up" in caplog.text
    assert "reader@test.example" not in caplog.text and TOKEN not in caplog.text


def test_a_mail_without_a_link_that_was_given_up_can_be_sent_again(
    database: Database, settings: Settings, environment: Environment, server: str, postbox: Postbox
) -> None:
    with database.session(write=True) as session:
        mailer.queue(session, "greeting", "reader@test.example", name="测试", token="")
        mailer.queue(session, "greeting", "second@test.example", name="测试", path="/confirm?token=x")
        first, second = session.exec(select(Mail).order_by(col(Mail.recipient))).all()
        first.context = {"name": "测试"}
        session.add(first)
    postbox.answer = "550 no such user"
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == 0
    with database.session(write=True) as session:
        given_up = {mail.recipient: mail for mail in mailer.given_up(session, 10)}
        assert given_up[first.recipient].context == {"name": "测试"} and given_up[second.recipient].context == {}
        assert mailer.retry(session, first.id) and not mailer.retry(session, second.id)
        assert not mailer.retry(session, "0" * 16)
    with database.session() as session:
        again = session.get_one(Mail, first.id)
        assert again.attempts == 0 and again.due_at is not None and again.due_at <= utc_now()


@pytest.mark.parametrize(("event", "answer"), [("greeting", "550 no such user"), ("broken", "250 OK")])
def test_what_will_never_work_is_not_tried_again(
    database: Database,
    settings: Settings,
    environment: Environment,
    server: str,
    postbox: Postbox,
    event: str,
    answer: str,
) -> None:
    queue(database, event)
    postbox.answer = answer
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == 0
    assert the_mail(database).due_at is None and the_mail(database).context == {}


def test_one_mail_that_fails_does_not_keep_back_the_others(
    database: Database, settings: Settings, environment: Environment, server: str, postbox: Postbox
) -> None:
    queue(database, "broken")
    for number in range(mailer.AT_ONCE + 5):
        queue(database, name=str(number))
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == mailer.AT_ONCE + 5


def test_two_processes_send_no_mail_twice(
    database: Database, settings: Settings, environment: Environment, server: str, postbox: Postbox
) -> None:
    for number in range(30):
        queue(database, name=str(number))
    other = Database(settings.resolved_database_url)
    threads = [
        threading.Thread(target=mailer.deliver, args=(db, settings, environment, SmtpMailer(server)))
        for db in (database, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.dispose()
    assert sorted(m["Message-ID"] for m in postbox.received) == sorted({m["Message-ID"] for m in postbox.received})
    assert len(postbox.received) == 30


def test_a_process_that_dies_while_sending_loses_nothing(
    database: Database, settings: Settings, environment: Environment, server: str
) -> None:
    queue(database)
    assert len(mailer._take(database)) == 1
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == 0
    make_due(database)
    assert mailer.deliver(database, settings, environment, SmtpMailer(server)) == 1


def test_without_a_server_mails_lie_in_a_folder(
    database: Database, settings: Settings, environment: Environment
) -> None:
    queue(database)
    post = mailer.make_mailer(settings)
    assert isinstance(post, FolderMailer)
    assert mailer.deliver(database, settings, environment, post) == 1
    (path,) = settings.mail_dir.iterdir()
    assert settings.mail_dir.stat().st_mode & 0o077 == 0
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["To"] == "reader@test.example"


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MailServerUnavailable):
        FolderMailer(tmp_path / "file" / "mail").send(EmailMessage())


@pytest.mark.parametrize("url", ["", "http://host", "smtp://", "smtp://user:password@mail.test.example"])
def test_an_address_that_is_none_or_unsafe_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="YIQIAO_SMTP_URL"):
        SmtpMailer(url)


def test_the_password_of_the_server_is_not_in_the_settings_as_they_print() -> None:
    settings = Settings(smtp_url=SecretStr("smtps://user:canary@host"), _env_file=None)
    assert "canary" not in repr(settings)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "https://host/path", "https://"])
def test_the_address_of_the_site_has_to_be_one(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(site_url=url, _env_file=None)


def test_a_refusal_of_the_sender_is_final_and_a_wrong_password_is_not(postbox: Postbox, server: str) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "a@test.example", "b@test.example"
    postbox.answer = "552 too large"
    with pytest.raises(MailRefused):
        SmtpMailer(server).send(message)
    with pytest.raises(MailServerUnavailable):
        SmtpMailer(server.replace("//", "//user:wrong@")).send(message)


def test_to_whom_something_was_sent_is_forgotten_after_a_while(database: Database) -> None:
    for _ in range(3):
        queue(database)
    with database.session(write=True) as session:
        sent, waiting, recent = session.exec(select(Mail)).all()
        sent.due_at = recent.due_at = None
        sent.created_at = waiting.created_at = utc_now() - mailer.KEPT - timedelta(days=1)
        session.add_all([sent, waiting, recent])
    assert mailer.forget_old(database) == 1
    with database.session() as session:
        assert {mail.id for mail in session.exec(select(Mail)).all()} == {waiting.id, recent.id}
