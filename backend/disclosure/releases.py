"""Releases: a tier opened to an organisation, for a time, revocable at once; and proposals of brokers to open one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from backend.audit import events
from backend.audit.events import Event
from backend.db import utc_now
from backend.disclosure.announcing import announce_to_organisation
from backend.disclosure.models import Release, SubjectKind, Tier
from backend.disclosure.policy import Subject, check_can_release, check_can_write
from backend.errors import Conflict, NotFound
from backend.notifications.models import Notice
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer

GRANT: Mapping[SubjectKind, Event] = {
    SubjectKind.NEED: Event.NEED_RELEASE_GRANT,
    SubjectKind.CAPABILITY: Event.CAPABILITY_RELEASE_GRANT,
}
REVOKE: Mapping[SubjectKind, Event] = {
    SubjectKind.NEED: Event.NEED_RELEASE_REVOKE,
    SubjectKind.CAPABILITY: Event.CAPABILITY_RELEASE_REVOKE,
}


class NotToThisOrganisation(Conflict):
    """A tier is opened to verified organisations alone, and not to the author's own."""

    status = 422
    zh = "请选择一家已核验的单位，本单位除外。"
    en = "Choose a verified organisation other than your own."


def is_live() -> ColumnElement[bool]:
    """The condition for releases that count now."""
    unexpired = or_(col(Release.expires_at).is_(None), col(Release.expires_at) > utc_now())
    return and_(col(Release.revoked_at).is_(None), unexpired)


def opened_to(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str | None = None) -> Sequence[Release]:
    """The live releases to the viewer's verified organisations, newest first; of one subject, or of all of a kind."""
    verified = viewer.verified_organisation_ids
    if not verified:
        return []
    query = select(Release).where(Release.subject_kind == kind, col(Release.organisation_id).in_(verified), is_live())
    if subject_id is not None:
        query = query.where(Release.subject_id == subject_id)
    return session.exec(query.order_by(col(Release.created_at).desc())).all()


def tiers_of(releases: Sequence[Release]) -> frozenset[Tier]:
    """The tiers that these releases open; the annex includes the brief."""
    tiers = {release.tier for release in releases}
    return frozenset(tiers | {Tier.BRIEF} if Tier.ANNEX in tiers else tiers)


def released_tiers(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> frozenset[Tier]:
    """The tiers of a subject that are open to the viewer's organisations now."""
    return tiers_of(opened_to(session, viewer, kind, subject_id))


def of_subject(session: Session, kind: SubjectKind, subject_id: str, *, live: bool) -> Sequence[Release]:
    """The releases of a subject, newest first; with `live` those that count now."""
    query = select(Release).where(Release.subject_kind == kind, Release.subject_id == subject_id)
    if live:
        query = query.where(is_live())
    return session.exec(query.order_by(col(Release.created_at).desc(), col(Release.id))).all()


def grant(
    session: Session,
    viewer: Viewer | None,
    subject: Subject,
    tier: Tier,
    organisation_id: str,
    expires_at: datetime | None,
) -> Release:
    """Open a tier of an open subject to a verified organisation, until `expires_at` or without end.

    There is one live release for a subject and organisation: granting again changes its tier and end, so that a form
    that is sent twice makes one release. `viewer` is None where the system acts for both sides, as an accepted
    introduction does. Raises NotFound, Forbidden, Conflict, or NotToThisOrganisation.
    """
    if viewer is not None:
        check_can_release(viewer, subject)
    elif not subject.is_open:
        raise Conflict
    if tier is Tier.TEASER:
        raise Conflict
    check_recipient(session, subject, organisation_id)
    user_id = viewer.user_id if viewer is not None else None
    live = [r for r in of_subject(session, subject.kind, subject.id, live=True) if r.organisation_id == organisation_id]
    release = live[0] if live else None
    is_news = release is None or release.tier is not tier
    if release is None:
        release = Release(
            subject_kind=subject.kind,
            subject_id=subject.id,
            tier=tier,
            organisation_id=organisation_id,
            version=subject.version,
        )
    release.tier, release.expires_at = tier, expires_at
    release.version, release.granted_by = subject.version, user_id
    session.add(release)
    session.flush()
    _record(session, GRANT[subject.kind], release, user_id)
    if is_news:
        announce_to_organisation(session, subject, Notice.RELEASE_GRANTED, organisation_id)
    return release


def check_recipient(session: Session, subject: Subject, organisation_id: str) -> None:
    """Raise NotToThisOrganisation for one that is not verified, unknown, or the author's own."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or not organisation.is_verified or organisation.id == subject.organisation_id:
        raise NotToThisOrganisation


def revoke(session: Session, viewer: Viewer | None, subject: Subject, release_id: str) -> Release:
    """End a release at once; ending one that has ended changes nothing. Raises NotFound or Forbidden."""
    if viewer is not None:
        check_can_write(viewer, subject)
    release = session.get(Release, release_id)
    if release is None or (release.subject_kind, release.subject_id) != (subject.kind, subject.id):
        raise NotFound
    if release.revoked_at is None:
        release.revoked_at = utc_now()
        session.add(release)
        _record(session, REVOKE[subject.kind], release, viewer.user_id if viewer is not None else None)
        announce_to_organisation(session, subject, Notice.RELEASE_REVOKED, release.organisation_id)
    return release


def _record(session: Session, event: Event, release: Release, user_id: str | None) -> None:
    events.record(
        session,
        event,
        release.subject_kind,
        release.subject_id,
        actor_id=user_id,
        version=release.version,
        organisation=release.organisation_id,
        tier=release.tier.value,
        until=release.expires_at.isoformat() if release.expires_at else None,
    )


def tell_of_edit(session: Session, subject: Subject, tiers: set[Tier]) -> None:
    """Tell the organisations to which a changed tier is open; the teaser belongs to every release."""
    for release in of_subject(session, subject.kind, subject.id, live=True):
        if tiers & (tiers_of([release]) | {Tier.TEASER}):
            announce_to_organisation(session, subject, Notice.RELEASE_CHANGED, release.organisation_id)
