"""Who is told of what happens to a subject, and what their mail may say."""

from collections.abc import Sequence

from sqlmodel import Session

from backend.accounts.models import User
from backend.disclosure.cards import PATHS
from backend.disclosure.models import SubjectKind, TieredSubject
from backend.disclosure.policy import Subject
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer

TO_BROKERS = frozenset({Notice.REVIEW_WAITING, Notice.TEXT_EDITED, Notice.FULFILLED})
TO_AUTHOR = frozenset(
    {
        Notice.PUBLISHED,
        Notice.RETURNED,
        Notice.REJECTED,
        Notice.MATCHED,
        Notice.FULFILLED,
        Notice.CLOSED,
        Notice.EXPIRING,
        Notice.EXPIRED,
        Notice.RELEASE_PROPOSED,
        Notice.SUPPORTED,
    }
)
NOTIFICATIONS = "/notifications"


def path_of(kind: SubjectKind, subject_id: str) -> str:
    """The address of a subject's page."""
    return f"{PATHS[kind]}/{subject_id}"


def announce(
    session: Session, subject: TieredSubject, facts: Subject, notice: str | None, actor_id: str | None
) -> None:
    """Tell those whom a notice concerns; nobody for None.

    Mails bear the title: they go to the subject's own organisation and to the brokers of its region alone. Where a
    region has no broker, administrators learn that something waits, and not what.
    """
    if notice is None:
        return
    told: list[User] = []
    if notice in TO_BROKERS:
        told += recipients.brokers_of(session, facts.region)
        if not told and notice == Notice.REVIEW_WAITING:
            admins = recipients.admins(session)
            tell(session, admins, Notice.REVIEW_UNASSIGNED, facts.kind, facts.id, path=NOTIFICATIONS)
    if notice in TO_AUTHOR:
        told += _authors(session, subject)
    path = path_of(facts.kind, facts.id)
    tell(session, told, Notice(notice), facts.kind, facts.id, path=path, title=subject.title, actor_id=actor_id)


def _authors(session: Session, subject: TieredSubject) -> Sequence[User]:
    """Who wrote and who submitted the subject, as far as they still write for its organisation; else all who do."""
    writers = recipients.writers_of(session, subject.organisation_id)
    return [user for user in writers if user.id in (subject.author_id, subject.submitted_by)] or writers


def announce_to_organisation(session: Session, facts: Subject, notice: Notice, organisation_id: str) -> None:
    """Tell an organisation of a release; its mail bears neither title nor text, which a withdrawal would not undo."""
    users = recipients.writers_of(session, organisation_id)
    tell(session, users, notice, facts.kind, facts.id, path=path_of(facts.kind, facts.id))


def announce_to_owners(
    session: Session, subject: TieredSubject, facts: Subject, notice: Notice, actor_id: str | None
) -> None:
    """Tell those who manage the subject's organisation, or where nobody does, those who write for it."""
    told = organisations.owners_of(session, facts.organisation_id) or recipients.writers_of(
        session, facts.organisation_id
    )
    path = f"{path_of(facts.kind, facts.id)}/releases#readings"
    tell(session, told, notice, facts.kind, facts.id, path=path, title=subject.title, actor_id=actor_id)


def has_reviewer(session: Session, facts: Subject) -> bool:
    """Whether any broker is responsible for the region of a subject."""
    return bool(recipients.brokers_of(session, facts.region))


def passes_directly(session: Session, viewer: Viewer, facts: Subject) -> bool:
    """Whether the viewer is the only broker of the region: nobody else could review what they submit."""
    return [user.id for user in recipients.brokers_of(session, facts.region)] == [viewer.user_id]
