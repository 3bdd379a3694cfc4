"""A mail server for tests: the site hands its mails over to it in a real SMTP conversation."""

import email
import email.policy
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlmodel import col, select

from backend.db import Database
from backend.mailer import Mail
from tests.ports import free_port

PATIENCE = 30.0
"""Seconds; generous, as the machine may be busy."""


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
    """The mails of a site that sends them by itself, soon after the write that they tell of."""

    def __init__(self, database: Database, keeper: _Keeper, url: str) -> None:
        self.database, self.keeper, self.url = database, keeper, url

    def collect(self) -> list[EmailMessage]:
        """The mails since the last time; waits until none is left to send."""
        until = time.monotonic() + PATIENCE
        while waiting := self._waiting():
            assert time.monotonic() < until, waiting
            time.sleep(0.02)
        received, self.keeper.received = self.keeper.received, []
        return received

    def the_one(self, recipient: str) -> "Letter":
        """The only mail since the last time."""
        (message,) = self.collect()
        assert message["To"] == recipient
        return Letter(message)

    def _waiting(self) -> list[str]:
        with self.database.session() as session:
            return list(session.exec(select(Mail.event).where(col(Mail.due_at).is_not(None))).all())


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
def open_postbox(database: Database) -> Iterator[Postbox]:
    """A mail server that runs as long as the block."""
    port = free_port()
    keeper = _Keeper()
    controller = Controller(keeper, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield Postbox(database, keeper, f"smtp://127.0.0.1:{port}")
    finally:
        controller.stop()
