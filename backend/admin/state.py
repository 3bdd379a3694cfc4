"""What runs: mails and other work that waits, the database and versions, the indexes and models."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from sqlmodel import Session, col, func, select

from backend import mailer
from backend.admin import policy
from backend.audit.events import Event, record
from backend.config import Settings
from backend.db import Database, utc_now
from backend.errors import Conflict, NotFound
from backend.mailer import Mail
from backend.matching import ranker, status
from backend.matching.index_sync import EngineState, SearchEngine
from backend.monitoring.service import readiness
from backend.organisations.policy import Viewer
from backend.outbox import OutboxRow

LISTED = 100
OVERDUE_SECONDS = 600
"""Work that has waited for so long is not being done; the worker looks once a minute."""
PACKAGES = ("yiqiao", "fastapi", "sqlalchemy", "faiss-cpu", "tantivy", "ctranslate2", "torch")


@dataclass(frozen=True)
class Work:
    """What waits to be done beside the requests. `oldest` and `mail_since` are when the longest waiting was asked for.

    `is_overdue` says that nobody seems to be working.
    """

    by_worker: bool
    outbox: dict[str, int]
    oldest: datetime | None
    mails: int
    mail_since: datetime | None
    put_off: int
    given_up: int
    is_overdue: bool


@dataclass(frozen=True)
class MailRow:
    """A mail that was not sent; of its address the beginning and the host, by which an operator finds what is wrong."""

    id: str
    event: str
    recipient: str
    created_at: datetime
    due_at: datetime | None
    attempts: int
    may_retry: bool


@dataclass(frozen=True)
class Mails:
    """Mails that could not be sent, and those that will be tried again."""

    given_up: Sequence[MailRow]
    put_off: Sequence[MailRow]


@dataclass(frozen=True)
class System:
    """The database and versions."""

    database: str
    tables_ok: bool
    python: str
    packages: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Index:
    """The indexes and models, in the database and in this process; `served` is what the service of the vectors says.

    `service_problem` tells that it could not be asked.
    """

    state: EngineState
    problem: str | None
    found: status.IndexStatus
    sequence: int
    ranker: str
    served: Sequence[status.ServiceRow]
    service_problem: bool


def work(session: Session, settings: Settings) -> Work:
    """Count what waits."""
    topics = select(OutboxRow.topic, func.count()).where(col(OutboxRow.done_at).is_(None)).group_by(OutboxRow.topic)
    oldest = session.exec(select(func.min(OutboxRow.created_at)).where(col(OutboxRow.done_at).is_(None))).one()
    unsent = select(func.count(), func.min(Mail.created_at)).where(col(Mail.sent_at).is_(None))
    waiting, mail_since = session.exec(unsent.where(col(Mail.due_at).is_not(None))).one()
    due = session.exec(select(func.min(Mail.due_at)).where(col(Mail.sent_at).is_(None))).one()
    put_off, _first = session.exec(unsent.where(col(Mail.due_at).is_not(None), Mail.attempts > 0)).one()
    given_up, _first = session.exec(unsent.where(col(Mail.due_at).is_(None))).one()
    now = utc_now()
    return Work(
        by_worker=settings.worker != "inside",
        outbox=dict(session.exec(topics).all()),
        oldest=oldest,
        mails=waiting,
        mail_since=mail_since,
        put_off=put_off,
        given_up=given_up,
        is_overdue=any(moment and (now - moment).total_seconds() > OVERDUE_SECONDS for moment in (oldest, due)),
    )


def mails(session: Session, viewer: Viewer) -> Mails:
    """Mails that were not sent, newest first; raises Forbidden."""
    policy.check_can_administer(viewer)
    return Mails(
        given_up=[_mail_row(mail) for mail in mailer.given_up(session, LISTED)],
        put_off=[_mail_row(mail) for mail in mailer.put_off(session, LISTED)],
    )


def _mail_row(mail: Mail) -> MailRow:
    name, _at, host = mail.recipient.rpartition("@")
    masked = f"{name[:2]}…@{host}"
    return MailRow(mail.id, mail.event, masked, mail.created_at, mail.due_at, mail.attempts, mailer.can_retry(mail))


def retry(session: Session, viewer: Viewer, mail_id: str) -> None:
    """Send one mail again; raises Forbidden, NotFound, or Conflict where it cannot be sent (again)."""
    policy.check_can_administer(viewer)
    if session.get(Mail, mail_id) is None:
        raise NotFound
    if not mailer.retry(session, mail_id):
        raise Conflict(
            "这封邮件已发出，或内容已清除，不能重新发送。请由收件人重新申请。",
            "This mail was sent, or what it said is forgotten. Its recipient can ask for a new one.",
        )
    record(session, Event.MAIL_RETRY, "mail", mail_id, actor_id=viewer.user_id)


def retry_all(session: Session, viewer: Viewer) -> int:
    """Send all mails again that were given up and can be; returns how many. Raises Forbidden."""
    policy.check_can_administer(viewer)
    count = sum(mailer.retry(session, mail.id) for mail in mailer.given_up(session, LISTED))
    if count:
        record(session, Event.MAIL_RETRY, "mail", "", actor_id=viewer.user_id, count=count)
    return count


def system(session: Session, database: Database, engine: SearchEngine) -> System:
    """Which database, whether its tables are those of this program, and which versions run."""
    dialect = session.connection().dialect
    number = ".".join(str(part) for part in dialect.server_version_info or ())
    name = "SQLite" if database.is_sqlite else "PostgreSQL"
    return System(
        database=f"{name} {number}",
        tables_ok=readiness(database, engine).migrations == "ok",
        python=platform.python_version(),
        packages=[(package, found) for package in PACKAGES if (found := _version(package))],
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def index(session: Session, viewer: Viewer, engine: SearchEngine, settings: Settings) -> Index:
    """What `yiqiao index status` says, and how far this process is; a second or more for a million passages.

    Raises Forbidden.
    """
    policy.check_can_administer(viewer)
    served = status.of_service_if_possible(session, settings.index or None)
    return Index(
        state=engine.state,
        problem=engine.problem,
        found=status.of_database(session),
        sequence=engine.sequence,
        ranker=ranker.weights().version,
        served=served or (),
        service_problem=served is None or any(row.vectors is None for row in served),
    )
