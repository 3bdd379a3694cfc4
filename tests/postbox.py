"""A mail server for tests: what the site has queued is handed over to it in a real SMTP conversation."""

import email
import email.policy
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from backend import mailer
from backend.config import Settings
from backend.db import Database
from backend.labels import LABELS
from backend.mailer import SmtpMailer
from backend.templating import make_environment


class _Keeper:
    """Keeps every mail that arrives."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The name is that of the library's hook."""
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        self.received.append(email.message_from_bytes(data, policy=email.policy.default))
        return "250 OK"


class Postbox:
    """The mails of a site whose worker is this test."""

    def __init__(self, settings: Settings, database: Database, keeper: _Keeper, url: str) -> None:
        self.settings, self.database, self.keeper, self.mailer = settings, database, keeper, SmtpMailer(url)
        self.environment = make_environment(LABELS)

    def collect(self) -> list[EmailMessage]:
        """The mails that were queued since the last time, sent and received."""
        self.keeper.received.clear()
        mailer.deliver(self.database, self.settings, self.environment, self.mailer)
        return list(self.keeper.received)

    def the_one(self, recipient: str) -> "Letter":
        """The only mail since the last time."""
        (message,) = self.collect()
        assert message["To"] == recipient
        return Letter(message)


class Letter:
    """A mail as its reader sees it."""

    def __init__(self, message: EmailMessage) -> None:
        self.subject = str(message["Subject"])
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None and html is not None
        self.text, self.html = plain.get_content(), html.get_content()

    def link(self, site_url: str) -> str:
        """The path of the link with a token; the same in both languages and both forms."""
        found: set[str] = set(re.findall(re.escape(site_url) + r"(/\S*\?token=[\w-]+)", self.text))
        assert len(found) == 1
        (link,) = found
        assert self.html.count(f'href="{site_url}{link}"') == 2
        return link


@contextmanager
def open_postbox(settings: Settings, database: Database) -> Iterator[Postbox]:
    """A mail server that runs as long as the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keeper = _Keeper()
    controller = Controller(keeper, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield Postbox(settings, database, keeper, f"smtp://127.0.0.1:{port}")
    finally:
        controller.stop()
