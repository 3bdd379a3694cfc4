"""Versions of a text: each save is kept, with all tiers, and what others could read of it is marked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from backend.disclosure.models import SubjectKind, SubjectVersion, Tier, TieredSubject

Fields = Mapping[str, Any]

OWN_ONLY = frozenset({"audience", "anonymous", "department_id"})
"""Fields that are read by the own organisation and brokers alone, whatever tier they stand in."""


def plain(subject: TieredSubject, names: Iterable[str]) -> dict[str, Any]:
    """The named columns of a subject as JSON can hold them."""
    found = {name: getattr(subject, name) for name in names}
    return {name: value.value if isinstance(value, StrEnum) else value for name, value in found.items()}


def _find(session: Session, kind: SubjectKind, subject_id: str, number: int) -> SubjectVersion | None:
    query = select(SubjectVersion).where(
        SubjectVersion.subject_kind == kind, SubjectVersion.subject_id == subject_id, SubjectVersion.number == number
    )
    return session.exec(query).first()


def keep(
    session: Session,
    kind: SubjectKind,
    subject: TieredSubject,
    fields: Fields,
    *,
    user_id: str | None,
    at: datetime,
    shown: bool,
) -> None:
    """Keep the present version of a subject, once; `shown` is added to what is kept already, never taken away."""
    row = _find(session, kind, subject.id, subject.version)
    if row is None:
        row = SubjectVersion(
            subject_kind=kind,
            subject_id=subject.id,
            number=subject.version,
            user_id=user_id,
            at=at,
            fields=dict(fields),
        )
    row.shown = row.shown or shown
    session.add(row)
    session.flush()


def listing(session: Session, kind: SubjectKind, subject_id: str, *, all_of_them: bool) -> Sequence[SubjectVersion]:
    """The versions of a subject, newest first; without `all_of_them` those that others could read."""
    query = select(SubjectVersion).where(SubjectVersion.subject_kind == kind, SubjectVersion.subject_id == subject_id)
    if not all_of_them:
        query = query.where(col(SubjectVersion.shown).is_(True))
    return session.exec(query.order_by(col(SubjectVersion.number).desc())).all()


def shown_fields(session: Session, kind: SubjectKind, subject_id: str, number: int) -> Fields | None:
    """What a version said, if others could read it."""
    row = _find(session, kind, subject_id, number)
    return row.fields if row is not None and row.shown else None


def cut(fields: Fields, tiers: Mapping[str, Tier], readable: Iterable[Tier], *, own_only: bool) -> dict[str, Any]:
    """The fields of readable tiers, in the order of the form; `own_only` with those that outsiders never read."""
    may = set(readable)
    return {
        name: fields.get(name)
        for name, tier in tiers.items()
        if tier in may and (own_only or name not in OWN_ONLY) and name in fields
    }


def changed_tiers(before: Fields, after: Fields, tiers: Mapping[str, Tier]) -> set[Tier]:
    """The tiers in which two versions differ, without what outsiders never read."""
    return {tier for name, tier in tiers.items() if name not in OWN_ONLY and before.get(name) != after.get(name)}
