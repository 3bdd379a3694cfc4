"""The teaser of a need or capability as lists and matches show it, already cut to what the viewer may read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from backend.disclosure.models import Audience, SubjectKind, TieredSubject
from backend.disclosure.policy import Subject, knows_author
from backend.organisations.policy import Viewer
from backend.organisations.service import Author

PATHS = {SubjectKind.NEED: "/needs", SubjectKind.CAPABILITY: "/capabilities"}


@dataclass(frozen=True)
class Card:
    """One teaser. Organisation and department are None where the viewer must not learn them.

    `organisation_url` is None besides where the page of the organisation is not for this viewer.
    """

    subject_kind: SubjectKind
    id: str
    kind: str
    status: str
    title: str
    summary: str
    specialty: str | None
    device_category: str | None
    region: str
    audience: Audience
    anonymous: bool
    organisation_id: str | None
    organisation_name: str | None
    organisation_url: str | None
    department_name: str | None
    is_own: bool
    published_at: datetime | None
    updated_at: datetime
    supporters: int = 0
    """How many others lack the same, of a need."""

    @property
    def url(self) -> str:
        """The page of the subject."""
        return f"{PATHS[self.subject_kind]}/{self.id}"


def card(
    subject: TieredSubject,
    facts: Subject,
    kind: str,
    status: str,
    viewer: Viewer,
    authors: Mapping[str, Author],
    department_name: str | None = None,
) -> Card:
    """The teaser of a subject for a viewer who may read it."""
    known = knows_author(viewer, facts, anonymous=subject.anonymous)
    author = authors[subject.organisation_id]
    is_near = subject.organisation_id in viewer.organisation_ids or author.region in viewer.jurisdictions
    has_page = author.is_listed or is_near or viewer.is_admin
    return Card(
        subject_kind=facts.kind,
        id=subject.id,
        kind=kind,
        status=status,
        title=subject.title,
        summary=subject.summary,
        specialty=subject.specialty,
        device_category=subject.device_category,
        region=subject.region,
        audience=subject.audience,
        anonymous=subject.anonymous,
        organisation_id=subject.organisation_id if known else None,
        organisation_name=author.name if known else None,
        organisation_url=f"/organisations/{subject.organisation_id}" if known and has_page else None,
        department_name=department_name if known else None,
        is_own=subject.organisation_id in viewer.organisation_ids,
        published_at=subject.published_at,
        updated_at=subject.updated_at,
    )
