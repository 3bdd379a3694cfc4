"""Notifications: telling users, counting and reading them, and which of them come as mails too."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlmodel import Session, col, func, select, update

from backend import mailer
from backend.accounts.models import User
from backend.db import utc_now
from backend.errors import NotFound
from backend.forms import holds_link
from backend.notifications.models import MailPreference, Notice, Notification
from backend.notifications.wordings import ENGLISH, NOTICES
from backend.organisations.policy import Viewer

MAIL = "notification"
PAGE_SIZE = 30
QUIET = frozenset(
    {
        Notice.TEXT_EDITED,
        Notice.MATCHED,
        Notice.LEDGER_MOVED,
        Notice.MEETING_CHANGED,
        Notice.DOCKING_PUBLISHED,
        Notice.DOCKING_CANCELLED,
        Notice.DOCKING_ACCEPTED,
    }
)
"""Kinds that send no mail unless a user asks for it."""
ONCE_UNREAD = frozenset(
    {
        Notice.REVIEW_WAITING,
        Notice.REVIEW_UNASSIGNED,
        Notice.TEXT_EDITED,
        Notice.RELEASE_CHANGED,
        Notice.RESPONSE_SUBMITTED,
        Notice.LEDGER_MOVED,
        Notice.MESSAGE_NEW,
        Notice.MEETING_ANSWERED,
        Notice.DOCKING_ACCEPTED,
        Notice.DOCKING_DECLINED,
    }
)
"""Kinds that may come many times over: while one is unread, the next renews it and sends no further mail."""
OF_BROKERS = frozenset(
    {
        Notice.REVIEW_WAITING,
        Notice.TEXT_EDITED,
        Notice.INTRODUCTION_ASKED,
        Notice.INTRODUCTION_OVERDUE,
        Notice.INTRODUCTION_BROKER,
        Notice.LEDGER_STALLED,
        Notice.DESK_HANDED,
        Notice.DOCKING_ACCEPTED,
        Notice.DOCKING_DECLINED,
    }
)
OF_ADMINS = frozenset({Notice.REVIEW_UNASSIGNED})


class Shown(Protocol):
    """What a notification shows of its subject."""

    @property
    def title(self) -> str: ...
    @property
    def url(self) -> str: ...


Resolver = Callable[[Session, Viewer, Collection[str]], Mapping[str, Shown]]
"""Looks subjects of one kind up by id, and leaves out those that the viewer may not read now."""


@dataclass(frozen=True)
class Entry:
    """A notification as its page shows it; `subject` is None where the viewer may not read it (any more)."""

    notification: Notification
    subject: Shown | None


def tell(
    session: Session,
    users: Iterable[User],
    notice: Notice,
    subject_kind: str,
    subject_id: str,
    *,
    path: str,
    title: str | None = None,
    actor_id: str | None = None,
) -> None:
    """Tell users of an event, in the transaction of what it tells of; whoever did it is not told.

    Args:
        path: where the link of the mail leads.
        title: stands in the mail; given only where every one of these users may read the subject at any time. Texts
            of a brief or annex, and the name of an author, never go into a mail, nor does a title with a link in it.
    """
    recipients = {user.id: user for user in users if user.id != actor_id}
    unread = _unread_of(session, notice, subject_id) if notice in ONCE_UNREAD else {}
    unwanted = _without_mail(session, notice, recipients)
    for user in recipients.values():
        if user.id in unread:
            unread[user.id].created_at = utc_now()
            session.add(unread[user.id])
            continue
        session.add(Notification(user_id=user.id, notice=notice, subject_kind=subject_kind, subject_id=subject_id))
        if user.id not in unwanted:
            # Its author may be a stranger to whoever gets the mail.
            shown = "" if title is None or holds_link(title) else title
            words = {"zh": NOTICES[notice], "en": ENGLISH[notice], "title": shown, "path": path}
            mailer.queue(session, MAIL, user.email, **words)


def _unread_of(session: Session, notice: Notice, subject_id: str) -> dict[str, Notification]:
    query = select(Notification).where(
        Notification.subject_id == subject_id, Notification.notice == notice, col(Notification.read_at).is_(None)
    )
    return {row.user_id: row for row in session.exec(query).all()}


def _without_mail(session: Session, notice: Notice, user_ids: Collection[str]) -> set[str]:
    query = select(MailPreference).where(
        MailPreference.notice == notice, col(MailPreference.user_id).in_(list(user_ids))
    )
    chosen = {row.user_id: row.wanted for row in session.exec(query).all()}
    return {user_id for user_id in user_ids if not chosen.get(user_id, notice not in QUIET)}


def unread_count(session: Session, user_id: str) -> int:
    """How many notifications of a user are unread."""
    query = select(func.count()).where(Notification.user_id == user_id, col(Notification.read_at).is_(None))
    return session.exec(query).one()


def entries(session: Session, viewer: Viewer, resolvers: Mapping[str, Resolver], page: int) -> tuple[list[Entry], int]:
    """A page of the viewer's notifications, newest first, and how many there are in all."""
    mine = Notification.user_id == viewer.user_id
    total = session.exec(select(func.count()).select_from(Notification).where(mine)).one()
    query = select(Notification).where(mine).order_by(col(Notification.created_at).desc(), col(Notification.id))
    rows = session.exec(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    found: dict[tuple[str, str], Shown] = {}
    for kind in {row.subject_kind for row in rows} & set(resolvers):
        ids = {row.subject_id for row in rows if row.subject_kind == kind}
        found |= {(kind, id_): shown for id_, shown in resolvers[kind](session, viewer, ids).items()}
    return [Entry(row, found.get((row.subject_kind, row.subject_id))) for row in rows], total


def mark_read(session: Session, viewer: Viewer, notification_id: str) -> None:
    """Mark one of the viewer's notifications as read; raises NotFound for any other."""
    row = session.get(Notification, notification_id)
    if row is None or row.user_id != viewer.user_id:
        raise NotFound
    if row.read_at is None:
        row.read_at = utc_now()
        session.add(row)


def mark_all_read(session: Session, viewer: Viewer) -> int:
    """Mark all of the viewer's notifications as read; returns how many were unread."""
    return _mark(session, viewer)


def mark_subject_read(session: Session, viewer: Viewer, subject_id: str) -> int:
    """Whoever reads the page of a subject has seen what they were told of it; returns how many were unread."""
    return _mark(session, viewer, subject_id) if viewer.user_id else 0


def _mark(session: Session, viewer: Viewer, subject_id: str | None = None) -> int:
    unread = update(Notification).where(
        col(Notification.user_id) == viewer.user_id, col(Notification.read_at).is_(None)
    )
    if subject_id is not None:
        unread = unread.where(col(Notification.subject_id) == subject_id)
    return session.exec(unread.values(read_at=utc_now())).rowcount


def notices_for(viewer: Viewer) -> list[Notice]:
    """The kinds of event that can reach this viewer, in the order of their list."""
    hidden = (frozenset() if viewer.is_broker else OF_BROKERS) | (frozenset() if viewer.is_admin else OF_ADMINS)
    return [notice for notice in Notice if notice not in hidden]


def mail_choices(session: Session, viewer: Viewer) -> dict[Notice, bool]:
    """Which kinds come as mails to this viewer."""
    query = select(MailPreference).where(MailPreference.user_id == viewer.user_id)
    chosen = {row.notice: row.wanted for row in session.exec(query).all()}
    return {notice: chosen.get(notice, notice not in QUIET) for notice in notices_for(viewer)}


def choose_mails(session: Session, viewer: Viewer, wanted: Sequence[str]) -> None:
    """Keep which kinds shall come as mails; names of unknown kinds are passed over."""
    query = select(MailPreference).where(MailPreference.user_id == viewer.user_id)
    stored = {row.notice: row for row in session.exec(query).all()}
    for notice in notices_for(viewer):
        row = stored.get(notice) or MailPreference(user_id=str(viewer.user_id), notice=notice, wanted=True)
        row.wanted = notice.value in wanted
        session.add(row)
