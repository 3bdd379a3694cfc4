"""What forms save by themselves: into a draft itself, or beside a text that others may read.

Saving by itself makes no version that is kept, asks for no index, and leaves one audit event for each form that was
opened, however often it saves.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, delete, select

from backend.audit import events
from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.disclosure.models import SubjectKind, TieredSubject
from backend.disclosure.service import EditedElsewhere
from backend.errors import Conflict, Forbidden

EVENTS = {SubjectKind.NEED: events.Event.NEED_AUTOSAVE, SubjectKind.CAPABILITY: events.Event.CAPABILITY_AUTOSAVE}


class DraftCopy(SQLModel, table=True):
    """What one user's form has saved by itself.

    A draft takes the text itself; then `data` is None, and `version` is the one that this form has made, so that its
    own saving is not taken for an edit by others. For a text that others may read, `data` holds the fields of the form
    until their author takes them up, and `version` is the one that the form was opened with. `editing` is the form.
    """

    __tablename__ = "draft_copy"
    __table_args__ = (UniqueConstraint("subject_kind", "subject_id", "user_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    subject_kind: SubjectKind = Field(sa_type=enum_type(SubjectKind))
    subject_id: str = Field(max_length=16)
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    editing: str = Field(max_length=16)
    version: int
    data: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    saved_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class CopyWaits(Conflict):
    """Another form has left a copy that its author has not decided about."""

    zh = "另有一份未保存的修改，请先在页面上方选择继续编辑或放弃，再自动保存。"
    en = "Another copy of this text waits. Continue it or give it up first."


def find(session: Session, kind: SubjectKind, subject_id: str, user_id: str | None) -> DraftCopy | None:
    """What this user's forms have saved of a subject by themselves."""
    query = select(DraftCopy).where(
        DraftCopy.subject_kind == kind, DraftCopy.subject_id == subject_id, DraftCopy.user_id == user_id
    )
    return session.exec(query).first()


def waiting(session: Session, kind: SubjectKind, subject_id: str, user_id: str | None) -> DraftCopy | None:
    """A copy beside a text that others may read, if its author has not taken it up."""
    found = find(session, kind, subject_id, user_id)
    return found if found is not None and found.data is not None else None


def seen_version(
    session: Session, kind: SubjectKind, subject: TieredSubject, user_id: str | None, editing: str, version: int | None
) -> int | None:
    """The version that a form knows: the one it was opened with, or the one that it has made by saving itself.

    The answer to its last saving may not have reached it.
    """
    own = find(session, kind, subject.id, user_id)
    is_own = own is not None and own.data is None and own.version == subject.version
    return subject.version if is_own and own is not None and editing and own.editing == editing else version


def into_draft(
    session: Session,
    kind: SubjectKind,
    subject: TieredSubject,
    user_id: str | None,
    editing: str,
    *,
    changed: bool,
) -> DraftCopy:
    """Count what a form has written into a draft, and remember whose it was; the caller has checked the version."""
    own = find(session, kind, subject.id, user_id)
    if changed:
        subject.version += 1
        subject.updated_at = utc_now()
        session.add(subject)
        if own is None or own.editing != editing:
            event, version = EVENTS[kind], subject.version
            events.record(session, event, kind, subject.id, actor_id=user_id, version=version)
    return _store(session, own, kind, subject.id, user_id, editing, subject.version, None)


def beside(
    session: Session,
    kind: SubjectKind,
    subject: TieredSubject,
    user_id: str | None,
    editing: str,
    version: int,
    data: Mapping[str, Any],
) -> DraftCopy:
    """Keep the fields of a form beside a text that others may read.

    Raises EditedElsewhere where the text has changed since the form was opened, CopyWaits where another form has left
    a copy that would be lost.
    """
    if subject.version != version:
        raise EditedElsewhere
    own = find(session, kind, subject.id, user_id)
    if own is not None and own.data is not None and own.editing != editing:
        raise CopyWaits
    return _store(session, own, kind, subject.id, user_id, editing, version, dict(data))


def forget(session: Session, kind: SubjectKind, subject_id: str, user_id: str | None) -> None:
    """Drop the copy: it has been saved, or given up."""
    session.exec(
        delete(DraftCopy).where(
            DraftCopy.subject_kind == kind,  # type: ignore[arg-type]
            DraftCopy.subject_id == subject_id,  # type: ignore[arg-type]
            DraftCopy.user_id == user_id,  # type: ignore[arg-type]
        )
    )


def forget_all(session: Session, kind: SubjectKind, subject_id: str) -> None:
    """Drop what anybody's forms have kept of a subject that is given up."""
    found = (DraftCopy.subject_kind == kind, DraftCopy.subject_id == subject_id)
    session.exec(delete(DraftCopy).where(*found))  # type: ignore[arg-type]


def _store(
    session: Session,
    own: DraftCopy | None,
    kind: SubjectKind,
    subject_id: str,
    user_id: str | None,
    editing: str,
    version: int,
    data: dict[str, Any] | None,
) -> DraftCopy:
    if user_id is None:
        raise Forbidden
    own = own or DraftCopy(subject_kind=kind, subject_id=subject_id, user_id=user_id, editing=editing, version=version)
    own.editing, own.version, own.data, own.saved_at = editing, version, data, utc_now()
    session.add(own)
    session.flush()
    return own
