"""Mails that the site has sent, read from the folder that it writes them into without a mail server."""

import email
import email.policy
import re
import time
from email.message import EmailMessage

from sqlmodel import col, select

from backend.config import Settings
from backend.db import Database
from backend.mailer import Mail

PATIENCE = 10.0


def mails(database: Database, settings: Settings) -> list[EmailMessage]:
    """All mails in the order in which they were sent; waits until none is left to send."""
    until = time.monotonic() + PATIENCE
    while True:
        with database.session() as session:
            waiting = session.exec(select(Mail).where(col(Mail.due_at).is_not(None))).all()
        if not waiting:
            break
        assert time.monotonic() < until, [mail.event for mail in waiting]
        time.sleep(0.02)
    with database.session() as session:
        assert session.exec(select(Mail).where(col(Mail.sent_at).is_(None))).all() == []
    files = sorted(settings.mail_dir.glob("*.eml")) if settings.mail_dir.exists() else []
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def to(found: list[EmailMessage], address: str) -> list[EmailMessage]:
    """Those to one address."""
    return [mail for mail in found if mail["To"] == address]


def text(mail: EmailMessage) -> str:
    """The plain text of a mail; its HTML holds the same links, or this fails."""
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None and html is not None
    found = str(plain.get_content())
    markup = str(html.get_content())
    for link in links(found):
        assert link.replace("&", "&amp;") in markup
    assert '<html lang="zh-CN">' in markup
    return found


def links(plain: str) -> list[str]:
    """The addresses in a text."""
    return re.findall(r"http://\S+", plain)


def path(link: str) -> str:
    """The part of an address of the site that a client asks for."""
    return re.sub(r"^http://[^/]+", "", link)
