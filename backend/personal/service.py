"""One's own data: a copy of it, and the end of an account (Personal Information Protection Law, articles 45 and 47).

Every column that refers to a user is named in one of the three lists below; a test fails for one that is not.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import case, union_all
from sqlmodel import Session, SQLModel, col, delete, func, or_, select, update

from backend import mailer
from backend.accounts.models import (
    AccountToken,
    ExternalIdentity,
    RecoveryCode,
    SecondFactor,
    User,
    UserSession,
)
from backend.accounts.users import SUBJECT
from backend.api.models import ApiToken
from backend.attachments.models import Attachment
from backend.audit import events
from backend.audit.models import AuditEvent
from backend.capabilities.models import Capability
from backend.conversations.models import CaseMessage, ConversationRead, MessageMention
from backend.db import utc_now
from backend.decisions.models import Decision
from backend.desk.models import DeskMark
from backend.disclosure.drafts import DraftCopy
from backend.disclosure.models import ReasonedAccess, Release, ReleaseProposal, StatusChange, SubjectVersion
from backend.errors import Conflict
from backend.introductions.models import CaseBroker, CaseEvent, CaseParty, Introduction, Signature
from backend.ledger.models import LedgerStep
from backend.meetings.models import CaseMeeting, DockingEvent, DockingGuest, MeetingAnswer
from backend.needs.models import Need, Requirement
from backend.needs.support import NeedSupport
from backend.notifications.models import MailPreference, Notification
from backend.organisations.models import Invitation, MemberRole, Membership, MembershipRequest, Organisation
from backend.responses.models import CallResponse, ResponseCall, Review, Score
from backend.results.models import ReportRemark
from backend.transfers.models import Import

Reference = tuple[type[SQLModel], str]
Own = TypeVar("Own", UserSession, ExternalIdentity, MembershipRequest, ApiToken, Notification)

TEXTS: Mapping[str, type[Need] | type[Capability]] = {"needs": Need, "capabilities": Capability}
CLEARED: Sequence[Reference] = (
    (Need, "author_id"),
    (Need, "submitted_by"),
    (Capability, "author_id"),
    (Capability, "submitted_by"),
    (Attachment, "uploaded_by"),
    (NeedSupport, "user_id"),
    (CaseBroker, "user_id"),
    (Decision, "user_id"),
    (ResponseCall, "created_by"),
    (CallResponse, "created_by"),
    (CallResponse, "submitted_by"),
    (Import, "user_id"),
    (LedgerStep, "updated_by"),
    (DeskMark, "user_id"),
    (DeskMark, "handed_by"),
    (DeskMark, "deferred_by"),
    (CaseMessage, "user_id"),
    (MeetingAnswer, "user_id"),
    (CaseMeeting, "created_by"),
    (DockingEvent, "created_by"),
    (DockingGuest, "answered_by"),
)
"""What belongs to the organisation stays, without an author."""
REMOVED: Sequence[Reference] = (
    (Membership, "user_id"),
    (MembershipRequest, "user_id"),
    (DraftCopy, "user_id"),
    (ApiToken, "user_id"),
    (UserSession, "user_id"),
    (AccountToken, "user_id"),
    (RecoveryCode, "user_id"),
    (SecondFactor, "user_id"),
    (ExternalIdentity, "user_id"),
    (Notification, "user_id"),
    (MailPreference, "user_id"),
    (MessageMention, "user_id"),
    (ConversationRead, "user_id"),
)
"""What is about the person alone goes."""
KEPT: Sequence[Reference] = (
    (ReasonedAccess, "user_id"),
    (Release, "granted_by"),
    (ReleaseProposal, "proposed_by"),
    (StatusChange, "actor_id"),
    (SubjectVersion, "user_id"),
    (Invitation, "invited_by"),
    (ReportRemark, "updated_by"),
    (MembershipRequest, "answered_by"),
    (Introduction, "created_by"),
    (CaseParty, "answered_by"),
    (CaseEvent, "actor_id"),
    (Signature, "user_id"),
    (Review, "user_id"),
    (Review, "invited_by"),
)
"""What others rely on keeps the id, like the audit trail; it leads to an empty row."""

GONE = "已注销"


class OnlyOwner(Conflict):
    """Others would be left in an organisation that nobody manages."""

    def __init__(self, names: Sequence[str]) -> None:
        listed = "、".join(names)
        super().__init__(
            f"您是“{listed}”唯一的管理成员，该单位还有其他成员。请先在单位页面把管理成员交给他人，再注销账号。",
            "You are the only owner of an organisation that has other members. Make somebody else an owner first.",
        )


def only_owner_of(session: Session, user_id: str) -> Sequence[str]:
    """The names of organisations with several members whose only owner is this user."""
    owners = func.sum(case((col(Membership.role) == MemberRole.OWNER, 1), else_=0))
    own = select(Membership.organisation_id).where(
        Membership.user_id == user_id, col(Membership.role) == MemberRole.OWNER
    )
    query = (
        select(Organisation.name)
        .join(Membership, col(Membership.organisation_id) == col(Organisation.id))
        .where(col(Organisation.id).in_(own))
        .group_by(col(Organisation.id), col(Organisation.name))
        .having(owners == 1, func.count() > 1)
    )
    return session.exec(query.order_by(col(Organisation.name))).all()


def export(session: Session, user: User) -> dict[str, Any]:
    """Everything that is kept about a user, as plain data; taking it is written down."""
    events.record(session, events.Event.ACCOUNT_EXPORT, SUBJECT, user.id, actor_id=user.id)
    session.flush()
    memberships = (
        select(Membership, Organisation.name)
        .join(Organisation, col(Membership.organisation_id) == col(Organisation.id))
        .where(Membership.user_id == user.id)
    )
    factor = session.get(SecondFactor, user.id)
    trail = select(AuditEvent).where(or_(col(AuditEvent.actor_id) == user.id, col(AuditEvent.subject_id) == user.id))
    return {
        "exported_at": utc_now().isoformat(),
        "account": _plain(user, "password_hash"),
        "memberships": [
            _plain(membership, "user_id") | {"organisation_name": name}
            for membership, name in session.exec(memberships).all()
        ],
        "sessions": [_plain(row, "token_digest", "user_id") for row in _own(session, UserSession, user)],
        "second_factor": _plain(factor, "secret", "codes_seed", "last_step", "user_id") if factor else None,
        "membership_requests": [
            _plain(row, "user_id", "answered_by") for row in _own(session, MembershipRequest, user)
        ],
        "invitations": [_plain(row, "token_digest", "invited_by") for row in _invitations(session, user)],
        "api_tokens": [_plain(row, "digest", "user_id") for row in _own(session, ApiToken, user)],
        "files": [_plain(row, "stored_name", "uploaded_by") for row in _files(session, user)],
        "unsaved_texts": [_plain(row, "user_id") for row in _drafts(session, user)],
        "single_sign_on": [_plain(row, "user_id") for row in _own(session, ExternalIdentity, user)],
        "reviews": _reviews(session, user),
        "notifications": [_plain(row, "user_id") for row in _own(session, Notification, user)],
        "mail_preferences": [_plain(row, "user_id") for row in _preferences(session, user)],
        "mails": [_plain(mail, "context", "recipient") for mail in mailer.sent_to(session, user.email)],
        "audit": [_plain(row, "id") for row in session.exec(trail.order_by(col(AuditEvent.id))).all()],
        "undertakings": [_plain(row, "user_id") for row in _signed(session, user)],
        "introductions": _steps(session, user),
        "messages": _messages(session, user),
        "docking_answers": _docking_answers(session, user),
        "decisions": _decisions(session, user),
        "desk": [_plain(row, "id", "organisation_id") for row in _marks(session, user)],
        "imports": [_plain(row, "claim", "claimed_at", "user_id") for row in _imports(session, user)],
        "texts": {name: _texts(session, model, user) for name, model in TEXTS.items()},
    }


def delete_account(session: Session, user: User, *, actor_id: str | None, forced: bool = False) -> None:
    """End an account: nothing personal is left but an id without a name.

    Raises OnlyOwner, unless it is `forced` by an operator.
    """
    names = only_owner_of(session, user.id)
    if names and not forced:
        raise OnlyOwner(names)
    for model, name in CLEARED:
        column = col(getattr(model, name))
        session.exec(update(model).where(column == user.id).values({name: None}))
    for model, name in REMOVED:
        session.exec(delete(model).where(col(getattr(model, name)) == user.id))
    session.exec(delete(Invitation).where(col(Invitation.email) == user.email))
    email, called = user.email, user.name
    mailer.forget(session, email)
    user.email = f"{user.id}@deleted.invalid"
    user.name = GONE
    user.password_hash = ""
    user.is_active = user.is_admin = False
    user.deleted_at = utc_now()
    session.add(user)
    session.flush()
    mailer.queue(session, "account-deleted", email, name=called)
    events.record(session, events.Event.ACCOUNT_DELETE, SUBJECT, user.id, actor_id=actor_id)


def _preferences(session: Session, user: User) -> Sequence[MailPreference]:
    return session.exec(select(MailPreference).where(MailPreference.user_id == user.id)).all()


def _own(session: Session, model: type[Own], user: User) -> Sequence[Own]:
    return session.exec(select(model).where(col(model.user_id) == user.id).order_by(col(model.created_at))).all()


def _invitations(session: Session, user: User) -> Sequence[Invitation]:
    return session.exec(select(Invitation).where(Invitation.email == user.email)).all()


def _reviews(session: Session, user: User) -> list[dict[str, Any]]:
    """What the user was asked to review, and what they gave; the responses themselves are not theirs."""
    found = []
    for row in session.exec(select(Review).where(Review.user_id == user.id).order_by(col(Review.invited_at))).all():
        scores = session.exec(select(Score).where(Score.review_id == row.id).order_by(col(Score.id))).all()
        given = [_plain(score, "id", "review_id") for score in scores]
        found.append(_plain(row, "user_id", "invited_by") | {"scores": given})
    return found


def _drafts(session: Session, user: User) -> Sequence[DraftCopy]:
    """What forms have saved beside texts that the user may still read: it holds words of colleagues as well."""
    query = select(DraftCopy).where(DraftCopy.user_id == user.id, col(DraftCopy.subject_id).in_(_readable_ids(user)))
    return session.exec(query).all()


def _files(session: Session, user: User) -> Sequence[Attachment]:
    """Names, sizes and dates of files that the user has brought along, to texts that they may still read."""
    readable = _readable_ids(user)
    query = select(Attachment).where(Attachment.uploaded_by == user.id, col(Attachment.subject_id).in_(readable))
    return session.exec(query).all()


def _readable_ids(user: User) -> Any:
    """The texts of the organisations that the user is a member of now."""
    homes = select(Membership.organisation_id).where(Membership.user_id == user.id)
    return union_all(*(select(model.id).where(col(model.organisation_id).in_(homes)) for model in TEXTS.values()))


def _texts(session: Session, model: type[Need] | type[Capability], user: User) -> list[dict[str, Any]]:
    """The texts that the user has begun, those of needs with their requirements.

    A text belongs to its organisation, and colleagues go on writing: whoever has left it learns no more than which ones
    there are.
    """
    rows = session.exec(select(model).where(col(model.author_id) == user.id).order_by(col(model.created_at))).all()
    member_of = set(session.exec(select(Membership.organisation_id).where(Membership.user_id == user.id)).all())
    texts = []
    for row in rows:
        if row.organisation_id not in member_of:
            texts.append({"id": row.id, "created_at": row.created_at.isoformat(), "left_with_the_organisation": True})
            continue
        text = _plain(row, "author_id", "key")
        if isinstance(row, Need):
            points = select(Requirement.text).where(Requirement.need_id == row.id)
            text["requirements"] = list(session.exec(points.order_by(col(Requirement.position))).all())
        texts.append(text)
    return texts


def _signed(session: Session, user: User) -> Sequence[Signature]:
    query = select(Signature).where(Signature.user_id == user.id).order_by(col(Signature.signed_at))
    return session.exec(query).all()


def _steps(session: Session, user: User) -> list[dict[str, Any]]:
    """What the user has done in introductions; their words there while they are of the organisation they wrote for.

    A broker's steps bear no organisation: their words stay with whoever is a member of an agency of the case.
    """
    homes = set(session.exec(select(Membership.organisation_id).where(Membership.user_id == user.id)).all())
    led = select(CaseBroker.introduction_id).where(col(CaseBroker.organisation_id).in_(homes))
    brokered = set(session.exec(led).all())
    query = select(CaseEvent).where(CaseEvent.actor_id == user.id).order_by(col(CaseEvent.id))
    return [
        {
            "introduction_id": row.introduction_id,
            "at": row.at.isoformat(),
            "what": row.what,
            "note": row.note if row.organisation_id in homes or row.introduction_id in brokered else "",
        }
        for row in session.exec(query).all()
    ]


def _decisions(session: Session, user: User) -> list[dict[str, Any]]:
    """What the user was shown, opened and decided, as the ranker learns from it; what it reckoned stays out."""
    query = select(Decision).where(Decision.user_id == user.id).order_by(col(Decision.id))
    without = ("id", "user_id", "organisation_id", "ranker", "grade", "probability")
    return [_plain(row, *without) for row in session.exec(query).all()]


def _marks(session: Session, user: User) -> Sequence[DeskMark]:
    """What the user has put off on the desk, handed to somebody, or has been handed."""
    about = (DeskMark.user_id, DeskMark.handed_by, DeskMark.deferred_by)
    query = select(DeskMark).where(or_(*(col(column) == user.id for column in about)))
    return session.exec(query.order_by(col(DeskMark.at))).all()


def _imports(session: Session, user: User) -> Sequence[Import]:
    return session.exec(select(Import).where(Import.user_id == user.id).order_by(col(Import.created_at))).all()


def _messages(session: Session, user: User) -> list[dict[str, Any]]:
    """What the user has said in introductions, while they are of the organisation that they said it for."""
    homes = set(session.exec(select(Membership.organisation_id).where(Membership.user_id == user.id)).all())
    query = select(CaseMessage).where(CaseMessage.user_id == user.id).order_by(col(CaseMessage.id))
    return [
        {
            "introduction_id": row.introduction_id,
            "at": row.created_at.isoformat(),
            "text": row.text if row.organisation_id in homes else "",
        }
        for row in session.exec(query).all()
    ]


def _docking_answers(session: Session, user: User) -> list[dict[str, Any]]:
    """What the user has answered to docking events, while they are of the organisation that they answered for."""
    homes = select(Membership.organisation_id).where(Membership.user_id == user.id)
    query = select(DockingGuest).where(
        DockingGuest.answered_by == user.id, col(DockingGuest.organisation_id).in_(homes)
    )
    kept = {"event_id", "answered_at", "answer", "reason", "note"}
    rows = session.exec(query.order_by(col(DockingGuest.answered_at))).all()
    return [row.model_dump(mode="json", include=kept) for row in rows]


def _plain(row: SQLModel, *without: str) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude=set(without))
