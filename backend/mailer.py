"""Mails: queued in the transaction of what they tell of, sent after its commit by SMTP, tried again when that fails.

A mail is a row with the name of its templates and what they need. What was needed is forgotten as soon as the mail has
gone out. Of one that was given up it stays, so that an administrator can have it sent again; not where it holds the
token of a link. A process that dies between sending and noting it sends
the mail a second time; none is lost.
"""

import logging
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from jinja2 import Environment
from sqlalchemy import JSON
from sqlmodel import Field, Session, SQLModel, col, delete, select

from backend.config import Settings
from backend.db import Database, UtcDateTime, new_id, utc_now

log = logging.getLogger(__name__)

SENDER_NAME = "医桥 Yiqiao"
AT_ONCE = 20
"""Mails that one process takes on at a time."""
LEASE = timedelta(minutes=5)
"""After that long another process takes over a mail that was taken on and neither sent nor put off."""
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=12))
"""How long a mail waits after each failure; after the last one it is given up."""
KEPT = timedelta(days=30)
"""After that long the row of a mail is forgotten: to whom something was sent is personal."""
SECONDS = 30
"""Patience with a mail server."""


class Mail(SQLModel, table=True):
    """One mail. `event` names its templates; `context` is empty once it has gone out, or was given up with a token."""

    __tablename__ = "mail"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    event: str = Field(max_length=60)
    recipient: str = Field(max_length=254)
    context: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    due_at: datetime | None = Field(default_factory=utc_now, sa_type=UtcDateTime, index=True)
    attempts: int = 0
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MailRefused(Exception):
    """The mail server does not take this mail, now or ever."""


class MailServerUnavailable(Exception):
    """The mail could not be handed over; it may work later."""


class Mailer(Protocol):
    """Hands a mail over; raises MailRefused or MailServerUnavailable."""

    def send(self, message: EmailMessage) -> None: ...


@dataclass(frozen=True)
class SmtpMailer:
    """A mail server by its address: `smtp://`, `smtps://`, or `smtp+starttls://user:password@host:port`."""

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname:
            raise ValueError("YIQIAO_SMTP_URL has the form smtp://host:port, smtps://… or smtp+starttls://…")
        if parts.username and parts.scheme == "smtp" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("YIQIAO_SMTP_URL would send a password unencrypted; use smtps:// or smtp+starttls://")

    def send(self, message: EmailMessage) -> None:
        try:
            with self._connect() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _text in error.recipients.values()]
            raise (MailRefused if min(codes) >= 500 else MailServerUnavailable) from None
        except smtplib.SMTPResponseException as error:
            raise (MailRefused if error.smtp_code in (550, 551, 552, 553) else MailServerUnavailable) from None
        except (smtplib.SMTPException, OSError):
            raise MailServerUnavailable from None

    def _connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or 0
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=self._tls())
        else:
            server = smtplib.SMTP(host, port, timeout=SECONDS)
        try:
            if parts.scheme == "smtp+starttls":
                server.starttls(context=self._tls())
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def _tls(self) -> ssl.SSLContext:
        """Certificates are checked, against the file `?ca=` where the server has one of its own."""
        files = parse_qs(urlsplit(self.url).query).get("ca")
        return ssl.create_default_context(cafile=files[0] if files else None)


@dataclass(frozen=True)
class FolderMailer:
    """Writes mails into a folder, for trying the site without a mail server."""

    folder: Path

    def send(self, message: EmailMessage) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = f"{utc_now():%Y%m%dT%H%M%S%f}-{new_id()[:4]}.eml"
            (self.folder / name).write_bytes(message.as_bytes())
        except OSError:
            raise MailServerUnavailable from None


def make_mailer(settings: Settings) -> Mailer:
    """The mailer of the settings; raises ValueError for an address that none can be made of."""
    if settings.smtp_url is None:
        return FolderMailer(settings.mail_dir)
    return SmtpMailer(settings.smtp_url.get_secret_value())


def queue(session: Session, event: str, recipient: str, **context: str | int | Sequence[str]) -> None:
    """Note a mail in the transaction of what it tells of; `event` is a folder of templates/email."""
    session.add(Mail(event=event, recipient=recipient, context=dict(context)))


def write(environment: Environment, settings: Settings, mail: Mail) -> EmailMessage:
    """The message of a mail: Chinese and English, as text and as HTML."""
    context = {**mail.context, "site_url": settings.site_url}

    def part(name: str) -> str:
        return environment.get_template(f"email/{mail.event}/{name}").render(context)

    message = EmailMessage()
    message["From"] = formataddr((SENDER_NAME, settings.mail_from))
    message["To"] = mail.recipient
    message["Subject"] = " ".join(part("subject.txt").split())
    message["Date"] = formatdate(mail.created_at.timestamp(), localtime=False)
    # The same for every attempt, so that a mail that arrives twice can be recognised.
    message["Message-ID"] = f"<{mail.id}@{urlsplit(settings.site_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(part("body.txt").strip() + "\n")
    message.add_alternative(part("body.html"), subtype="html")
    if calendar := mail.context.get("calendar"):
        # For programs that read it in place, and as a file for all others (RFC 6047, 2.4).
        method = {"method": str(mail.context["method"])}
        message.add_alternative(str(calendar), subtype="calendar", params=method)
        message.add_attachment(str(calendar), subtype="calendar", params=method, filename="meeting.ics")
    return message


def deliver(database: Database, settings: Settings, environment: Environment, mailer: Mailer) -> int:
    """Send what is due; returns how many went out. What could not be sent waits, or is given up at last."""
    sent = 0
    while taken := _take(database):
        for mail in taken:
            sent += _deliver_one(database, mail, lambda m: mailer.send(write(environment, settings, m)))
        if len(taken) < AT_ONCE:
            break
    return sent


def _take(database: Database) -> Sequence[Mail]:
    """Mails that are due, put off by the lease for all other processes."""
    now = utc_now()
    with database.session(write=True, alone=False) as session:
        query = select(Mail).where(col(Mail.due_at) <= now).order_by(col(Mail.due_at)).limit(AT_ONCE)
        mails = session.exec(query.with_for_update(skip_locked=True)).all()
        for mail in mails:
            mail.due_at = now + LEASE
            session.add(mail)
        return mails


def _deliver_one(database: Database, mail: Mail, send: Callable[[Mail], None]) -> bool:
    try:
        send(mail)
    except MailServerUnavailable:
        given_up = mail.attempts >= len(PAUSES)
        _note(database, mail.id, None if given_up else utc_now() + PAUSES[mail.attempts])
        log.warning("mail %s (%s) could not be sent%s", mail.id, mail.event, ", given up" if given_up else "")
    except Exception as error:
        # A refused address, or a template that fails: trying again would change nothing.
        _note(database, mail.id, None)
        log.error("mail %s (%s) was given up: %s", mail.id, mail.event, type(error).__name__)
    else:
        _note(database, mail.id, None, sent=True)
        return True
    return False


def _note(database: Database, mail_id: str, due_at: datetime | None, *, sent: bool = False) -> None:
    with database.session(write=True, alone=False) as session:
        mail = session.get(Mail, mail_id, with_for_update=True)
        if mail is None:
            return
        mail.attempts += 1
        mail.due_at = due_at
        if sent:
            mail.sent_at = utc_now()
        if sent or (due_at is None and _holds_token(mail)):
            mail.context = {}
        session.add(mail)


def _holds_token(mail: Mail) -> bool:
    """Whether what a mail needs opens something: the token of a link, by itself or in an address."""
    return any(name == "token" or "token=" in str(value) for name, value in mail.context.items())


def given_up(session: Session, limit: int) -> Sequence[Mail]:
    """Mails that could not be sent at all, newest first."""
    query = select(Mail).where(col(Mail.due_at).is_(None), col(Mail.sent_at).is_(None))
    return session.exec(query.order_by(col(Mail.created_at).desc(), col(Mail.id)).limit(limit)).all()


def put_off(session: Session, limit: int) -> Sequence[Mail]:
    """Mails whose sending failed and will be tried again, the next one first."""
    query = select(Mail).where(col(Mail.due_at).is_not(None), Mail.attempts > 0)
    return session.exec(query.order_by(col(Mail.due_at), col(Mail.id)).limit(limit)).all()


def can_retry(mail: Mail) -> bool:
    """Whether a mail that was not sent can be sent again: what it needs is still known."""
    return mail.sent_at is None and bool(mail.context)


def retry(session: Session, mail_id: str) -> bool:
    """Send a mail again now, with all its attempts; False where it was sent, or what it needs is forgotten."""
    mail = session.get(Mail, mail_id, with_for_update=True)
    if mail is None or not can_retry(mail):
        return False
    mail.due_at, mail.attempts = utc_now(), 0
    session.add(mail)
    return True


def forget_old(database: Database) -> int:
    """Forget mails that went out, or were given up, long ago; returns how many."""
    statement = delete(Mail).where(col(Mail.due_at).is_(None), col(Mail.created_at) < utc_now() - KEPT)
    with database.session(write=True) as session:
        return session.exec(statement).rowcount


def forget(session: Session, recipient: str) -> None:
    """Forget all mails to an address, those too that wait to be sent."""
    session.exec(delete(Mail).where(col(Mail.recipient) == recipient))


def sent_to(session: Session, recipient: str) -> Sequence[Mail]:
    """The mails to an address that are remembered, oldest first."""
    return session.exec(select(Mail).where(Mail.recipient == recipient).order_by(col(Mail.created_at))).all()
