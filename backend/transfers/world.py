"""What the rows of an import may meet: organisations, texts and cases that are there already, loaded at once."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from sqlmodel import Session, col, or_, select

from backend.capabilities import states as capability_states
from backend.capabilities.models import Capability
from backend.disclosure.models import Tier
from backend.introductions.models import CaseParty, Introduction, Side
from backend.needs import states as need_states
from backend.needs.models import Need, Requirement, RequirementSource
from backend.organisations.models import Department, Membership, Organisation, name_key_of
from backend.templating import LOCAL_ZONE
from backend.transfers.models import Import, ImportRow, RowKind, RowOutcome
from backend.transfers.policy import Scope
from backend.transfers.values import folded

AT_ONCE = 400
Item = TypeVar("Item")


def portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Some at a time: a statement takes only so many values."""
    listed = list(items)
    for start in range(0, len(listed), AT_ONCE):
        yield listed[start : start + AT_ONCE]


@dataclass
class World:
    """What is there. `staffed` are organisations with members; `own` what this scope has taken in before."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    by_name: dict[str, Organisation] = field(default_factory=dict)
    by_code: dict[str, Organisation] = field(default_factory=dict)
    staffed: set[str] = field(default_factory=set)
    departments: dict[tuple[str, str], str] = field(default_factory=dict)
    subjects: dict[RowKind, dict[str, Any]] = field(default_factory=dict)
    by_title: dict[tuple[RowKind, str, str], Any] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    by_key: dict[tuple[RowKind, str], str] = field(default_factory=dict)
    cases: set[tuple[str, str, date]] = field(default_factory=set)
    open_keys: set[str] = field(default_factory=set)
    points: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def knows(self, scope: Scope, subject: Any) -> bool:
        """Whether rows of this scope may meet a text: nobody learns from an import what they could not read.

        An office knows what is public or before it, what it has taken in itself, and the texts of organisations that
        it looks after, since these have no members.
        """
        organisation = self.organisations[subject.organisation_id]
        if not scope.is_office:
            return organisation.id == scope.organisation_id
        if subject.id in self.own or organisation.id == scope.organisation_id:
            return True
        if organisation.id not in self.staffed and organisation.region == scope.region:
            return True
        open_to_all = need_states.OPEN | capability_states.OPEN
        if subject.status in open_to_all and (not subject.anonymous or subject.region == scope.region):
            return True
        submitted = need_states.SUBMITTED | capability_states.SUBMITTED
        return subject.status in submitted and bool(subject.region == scope.region)


MODELS: dict[RowKind, type[Need] | type[Capability]] = {RowKind.NEED: Need, RowKind.CAPABILITY: Capability}
GONE = frozenset({need_states.NeedStatus.DISCARDED, capability_states.CapabilityStatus.DISCARDED})


def load(
    session: Session,
    scope: Scope,
    names: Collection[str],
    codes: Collection[str],
    keys: Collection[str],
) -> World:
    """What rows with these names of organisations, credit codes and keys may meet."""
    world = World()
    _organisations(session, scope, world, {name_key_of(name) for name in names if name}, codes)
    _own(session, scope, world, keys)
    known = set(world.organisations)
    for kind, model in MODELS.items():
        world.subjects[kind] = {}
        ids = [id_ for (of, _key), id_ in world.by_key.items() if of is kind]
        found: dict[str, Any] = {}
        for some in portions(sorted(known)):
            query = select(model).where(col(model.organisation_id).in_(some), col(model.status).not_in(GONE))
            found |= {row.id: row for row in session.exec(query).all()}
        for some in portions(ids):
            query = select(model).where(col(model.id).in_(some), col(model.status).not_in(GONE))
            found |= {row.id: row for row in session.exec(query).all() if row.organisation_id in known}
        for row in sorted(found.values(), key=lambda r: (r.created_at, r.id)):
            world.subjects[kind][row.id] = row
            # Of two with one title the newer one, unless it may not be met.
            if world.knows(scope, row):
                world.by_title[kind, row.organisation_id, folded(row.title)] = row
    return world


def _organisations(session: Session, scope: Scope, world: World, keys: Collection[str], codes: Collection[str]) -> None:
    rows: list[Organisation] = [row for row in [session.get(Organisation, scope.organisation_id)] if row]
    for some in portions(sorted(keys)):
        rows += session.exec(select(Organisation).where(col(Organisation.name_key).in_(some))).all()
    for some in portions(sorted(codes)):
        rows += session.exec(select(Organisation).where(col(Organisation.credit_code).in_(some))).all()
    for row in rows:
        kept = session.get(Organisation, row.merged_into_id) if row.merged_into_id else row
        if kept is None:
            continue
        world.organisations[kept.id] = kept
        world.by_name[row.name_key] = kept
        if row.credit_code:
            world.by_code[row.credit_code] = kept
    for some in portions(sorted(world.organisations)):
        members = select(Membership.organisation_id).where(col(Membership.organisation_id).in_(some)).distinct()
        world.staffed |= set(session.exec(members).all())
        rooms = select(Department).where(col(Department.organisation_id).in_(some))
        world.departments |= {(d.organisation_id, folded(d.name)): d.id for d in session.exec(rooms).all()}


def _own(session: Session, scope: Scope, world: World, keys: Collection[str]) -> None:
    """What earlier imports of the same organisation have made, and under which keys."""
    mine = (
        select(ImportRow.kind, ImportRow.key, ImportRow.subject_id)
        .join(Import, col(Import.id) == col(ImportRow.import_id))
        .where(Import.organisation_id == scope.organisation_id, ImportRow.outcome == RowOutcome.DONE)
        .order_by(col(ImportRow.id))
    )
    wanted = set(keys)
    for row_kind, key, subject_id in session.exec(mine).all():
        if subject_id:
            world.own.add(subject_id)
            if key in wanted:
                world.by_key[RowKind(row_kind), key] = subject_id


def load_cases(session: Session, world: World) -> None:
    """Add the cases that the needs stand in."""
    for some in portions(sorted(world.subjects[RowKind.NEED])):
        query = (
            select(Introduction, CaseParty.organisation_id)
            .join(CaseParty, col(CaseParty.introduction_id) == col(Introduction.id))
            .where(col(Introduction.need_id).in_(some), CaseParty.side == Side.CAPABILITY)
        )
        for case, organisation_id in session.exec(query).all():
            at = case.proposed_at or case.created_at
            world.cases.add((case.need_id, organisation_id, at.astimezone(LOCAL_ZONE).date()))
            if case.open_key:
                world.open_keys.add(case.open_key)


def load_points(session: Session, world: World) -> None:
    """Add the requirements that authors have written."""
    for some in portions(sorted(world.subjects[RowKind.NEED])):
        query = select(Requirement).where(
            col(Requirement.need_id).in_(some),
            Requirement.source == RequirementSource.AUTHOR,
            Requirement.tier == Tier.BRIEF,
        )
        for point in session.exec(query.order_by(col(Requirement.need_id), col(Requirement.position))).all():
            world.points[point.need_id] = (*world.points.get(point.need_id, ()), point.text)


def referenced(session: Session, ids: Sequence[str]) -> set[str]:
    """Which of these needs and capabilities stand in a case."""
    found: set[str] = set()
    for some in portions(ids):
        cases = select(Introduction).where(
            or_(col(Introduction.need_id).in_(some), col(Introduction.capability_id).in_(some))
        )
        for case in session.exec(cases).all():
            found |= {case.need_id, case.capability_id or ""}
    return found & set(ids)
