"""Carries a plan out: many rows at once, in the transaction of the caller, with all that a single one would leave.

The same records as by hand: versions, requirements, steps of the life cycle, audit events, and outbox rows for the
index. An office publishes what it brings in for organisations that nobody has joined yet.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from sqlmodel import Session, col, delete, select

from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.capabilities import policy as capability_policy
from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability
from backend.capabilities.states import CapabilityAction, CapabilityStatus
from backend.db import new_id, utc_now
from backend.disclosure import releases, versions
from backend.disclosure.models import Release, StatusChange, SubjectKind, SubjectVersion, Tier
from backend.disclosure.service import SubjectType
from backend.needs import policy as need_policy
from backend.needs import service as needs
from backend.needs import texts
from backend.needs.models import Need, Requirement, RequirementSource
from backend.needs.requirements import Point, of_tier
from backend.needs.states import NeedAction, NeedStatus
from backend.organisations import service as organisations
from backend.organisations.models import Department, Organisation, OrganisationKind, name_key_of
from backend.outbox import OutboxRow, Topic
from backend.templating import LOCAL_ZONE
from backend.transfers.bulk import Bulk
from backend.transfers.models import RowAction, RowKind
from backend.transfers.plan_subjects import OPEN
from backend.transfers.planning import Planned
from backend.transfers.policy import Scope
from backend.transfers.values import folded
from backend.transfers.world import portions
from backend.transitions import Actor

PUBLISHED_NOTE = "由主管部门批量导入。"

Propose = Callable[[Need], tuple[Point, ...]]


@dataclass(frozen=True)
class Side:
    """What tells needs and capabilities apart here."""

    of: SubjectType
    kind: SubjectKind
    model: type[Need] | type[Capability]
    published: str
    draft: str
    publish: str
    facts: Callable[[Any], Any]


SIDES: Mapping[RowKind, Side] = {
    RowKind.NEED: Side(
        needs.TYPE,
        SubjectKind.NEED,
        Need,
        NeedStatus.PUBLISHED,
        NeedStatus.DRAFT,
        NeedAction.PUBLISH,
        need_policy.subject_of,
    ),
    RowKind.CAPABILITY: Side(
        capabilities.TYPE,
        SubjectKind.CAPABILITY,
        Capability,
        CapabilityStatus.PUBLISHED,
        CapabilityStatus.DRAFT,
        CapabilityAction.PUBLISH,
        capability_policy.subject_of,
    ),
}


@dataclass(eq=False)
class Written:
    """What has been written for one row: the subject, and its versions around it."""

    planned: Planned
    subject_id: str
    before: int | None = None
    after: int | None = None
    status: str = ""


@dataclass
class Writer:
    """One import being carried out. Ids of what it makes are kept, for the rows that name it."""

    session: Session
    scope: Scope
    import_id: str
    propose: Propose
    now: datetime = field(default_factory=utc_now)
    bulk: Bulk = field(init=False)
    organisation_ids: dict[str, str] = field(default_factory=dict)
    department_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    subject_ids: dict[tuple[RowKind, str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bulk = Bulk(self.session)

    def record(self, event: str, kind: str, subject_id: str, **detail: Any) -> None:
        """An audit event of whoever imports, that names the import; see `events.record`."""
        self.bulk.add(
            AuditEvent,
            event=event,
            subject_kind=kind,
            subject_id=subject_id,
            actor_id=self.scope.user_id,
            detail={"by_import": self.import_id, **detail},
        )

    def index(self, kind: str, subject_id: str) -> None:
        """Let the index follow; see `outbox.append`."""
        self.bulk.add(OutboxRow, topic=Topic.INDEX, subject_kind=kind, subject_id=subject_id)

    def organisation_id(self, planned: Planned) -> str:
        """The organisation of a row: one that was there, or one that this import has made."""
        return planned.organisation_id or self.organisation_ids[name_key_of(planned.parties["organisation"])]

    def version(
        self, side: Side, subject: Any, fields: Mapping[str, Any], user_id: str | None, at: datetime, *, shown: bool
    ) -> None:
        """Keep the present version of a subject; see `versions.keep`."""
        self.bulk.add(
            SubjectVersion,
            subject_kind=side.kind,
            subject_id=subject.id,
            number=subject.version,
            user_id=user_id,
            at=at,
            shown=shown,
            fields=dict(fields),
        )

    def step(self, side: Side, subject: Any, action: str, actor: Actor, note: str) -> None:
        """Record a step in the life of a subject; see `disclosure.service.act`."""
        self.bulk.add(
            StatusChange,
            subject_kind=side.kind,
            subject_id=subject.id,
            at=self.now,
            actor=actor.value,
            actor_id=self.scope.user_id,
            action=action,
            status=subject.status,
            version=subject.version,
            note=note,
        )


def write_organisations(writer: Writer, rows: Sequence[Planned]) -> list[Written]:
    """Organisations, verified by the office that brings them in."""
    session, written = writer.session, []
    for planned in rows:
        if planned.action is RowAction.CREATE:
            organisation = Organisation(id=new_id(), **planned.wanted)
            writer.organisation_ids[name_key_of(organisation.name)] = organisation.id
            writer.record(Event.ORGANISATION_CREATE, organisations.SUBJECT, organisation.id)
        else:
            found = session.get(Organisation, planned.subject_id)
            assert found is not None
            organisation = found
            for name, value in planned.wanted.items():
                setattr(organisation, name, value)
            if planned.wanted:
                writer.record(Event.ORGANISATION_EDIT, organisations.SUBJECT, organisation.id)
        if not organisation.is_verified:
            organisations.mark_verified(organisation)
            writer.record(Event.ORGANISATION_VERIFY, organisations.SUBJECT, organisation.id)
        session.add(organisation)
        written.append(Written(planned, organisation.id, status=organisation.status))
    writer.bulk.flush()
    return written


def write_subjects(writer: Writer, kind: RowKind, rows: Sequence[Planned]) -> list[Written]:
    """Needs or capabilities: new ones, and changes of those that are there."""
    _departments(writer, rows)
    new = [planned for planned in rows if planned.action is RowAction.CREATE]
    changed = [planned for planned in rows if planned.action is RowAction.CHANGE]
    return [*_create(writer, SIDES[kind], new), *_change(writer, SIDES[kind], changed)]


def _departments(writer: Writer, rows: Iterable[Planned]) -> None:
    """Departments that hospitals without members lack."""
    session = writer.session
    kinds: dict[str, OrganisationKind] = {}
    for planned in rows:
        name = planned.parties.get("department")
        if not name:
            continue
        home = writer.organisation_id(planned)
        if home not in kinds:
            organisation = session.get(Organisation, home)
            assert organisation is not None
            kinds[home] = organisation.kind
        if kinds[home] is not OrganisationKind.HOSPITAL:
            continue
        if (home, folded(name)) not in writer.department_ids:
            room = Department(id=new_id(), organisation_id=home, name=name, specialty=planned.wanted.get("specialty"))
            session.add(room)
            writer.department_ids[home, folded(name)] = room.id
            writer.record(Event.DEPARTMENT_ADD, organisations.SUBJECT, home, department=room.id)
        planned.wanted["department_id"] = writer.department_ids[home, folded(name)]
    session.flush()


def _create(writer: Writer, side: Side, rows: Sequence[Planned]) -> list[Written]:
    now, written = writer.now, []
    made: list[tuple[Planned, Any]] = []
    for planned in rows:
        published = _moment(planned.values.get("date"), now) if planned.publishes else None
        subject = writer.bulk.add(
            side.model,
            organisation_id=writer.organisation_id(planned),
            author_id=writer.scope.user_id,
            status=side.published if planned.publishes else side.draft,
            created_at=now,
            updated_at=now,
            published_at=published,
            confirmed_at=now if published else None,
            **planned.wanted,
        )
        made.append((planned, subject))
    # Before what refers to them.
    writer.bulk.flush()
    for planned, subject in made:
        _keep(writer, side, planned, subject, shown=planned.publishes)
        writer.record(side.of.create_event, side.kind, subject.id)
        if planned.publishes:
            writer.step(side, subject, side.publish, Actor.BROKER, PUBLISHED_NOTE)
            writer.record(side.of.table["submitted"][side.publish].event, side.kind, subject.id, version=1)
            writer.index(side.kind, subject.id)
        written.append(Written(planned, subject.id, after=1, status=subject.status))
    writer.bulk.flush()
    return written


def _change(writer: Writer, side: Side, rows: Sequence[Planned]) -> list[Written]:
    session, written = writer.session, []
    found = _loaded(session, side.model, [str(planned.subject_id) for planned in rows])
    kept = _kept_versions(session, side.kind, found)
    opened = _released(session, side.kind, found)
    for planned in rows:
        subject = found[str(planned.subject_id)]
        before, number, fields = _said(session, side, subject), subject.version, dict(planned.wanted)
        if (subject.id, number) not in kept:
            shown = subject.status in OPEN
            writer.version(side, subject, before, subject.author_id, subject.updated_at, shown=shown)
        for name, value in fields.items():
            setattr(subject, name, value)
        subject.version, subject.updated_at = number + 1, writer.now
        session.add(subject)
        after = _keep(writer, side, planned, subject, shown=subject.status in OPEN)
        writer.record(side.of.edit_event, side.kind, subject.id, version=subject.version)
        if subject.status in OPEN:
            writer.index(side.kind, subject.id)
            tiers = versions.changed_tiers(before, after, side.of.tiers)
            if subject.id in opened and tiers:
                releases.tell_of_edit(session, side.facts(subject), tiers)
        written.append(Written(planned, subject.id, number, subject.version, subject.status))
    writer.bulk.flush()
    return written


def _keep(writer: Writer, side: Side, planned: Planned, subject: Any, *, shown: bool) -> dict[str, Any]:
    """Keep the version of a subject as it is now, and the requirements of a need; returns what it says."""
    session = writer.session
    if side.model is Need:
        lines = planned.values.get("requirements")
        points = of_tier(lines, Tier.BRIEF) if lines else None
        stored = _points(session, subject.id) if planned.action is RowAction.CHANGE else ()
        if points is None and any(point.source is RequirementSource.AUTHOR for point in stored):
            points = stored
        points = writer.propose(subject) if points is None else points
        if points != stored:
            if stored:
                session.exec(delete(Requirement).where(col(Requirement.need_id) == subject.id))
            for n, p in enumerate(points):
                writer.bulk.add(Requirement, need_id=subject.id, position=n, text=p.text, tier=p.tier, source=p.source)
        fields = texts.fields_with(subject, points)
    else:
        fields = versions.plain(subject, side.of.tiers)
    writer.version(side, subject, fields, writer.scope.user_id, writer.now, shown=shown)
    return fields


def _points(session: Session, need_id: str) -> tuple[Point, ...]:
    query = select(Requirement).where(Requirement.need_id == need_id).order_by(col(Requirement.position))
    return tuple(Point(row.text, row.tier, row.source) for row in session.exec(query).all())


def _said(session: Session, side: Side, subject: Any) -> dict[str, Any]:
    if isinstance(subject, Need):
        return texts.fields_with(subject, _points(session, subject.id))
    return versions.plain(subject, side.of.tiers)


def _moment(day: date | None, now: datetime) -> datetime:
    """Noon of a day in local time, and never in the future."""
    if day is None:
        return now
    return min(datetime.combine(day, time(12), LOCAL_ZONE), now)


def _loaded(session: Session, model: type[Need] | type[Capability], ids: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for some in portions(ids):
        query = select(model).where(col(model.id).in_(some)).with_for_update()
        found |= {row.id: row for row in session.exec(query).all()}
    return found


def _kept_versions(session: Session, kind: SubjectKind, ids: Iterable[str]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for some in portions(ids):
        query = select(SubjectVersion.subject_id, SubjectVersion.number).where(
            SubjectVersion.subject_kind == kind, col(SubjectVersion.subject_id).in_(some)
        )
        found |= set(session.exec(query).all())
    return found


def _released(session: Session, kind: SubjectKind, ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for some in portions(ids):
        query = select(Release.subject_id).where(
            Release.subject_kind == kind, col(Release.subject_id).in_(some), col(Release.revoked_at).is_(None)
        )
        found |= set(session.exec(query).all())
    return found
