"""Imports from the file to the preview and back: what a request does. What takes long is in work.py."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, delete, func, select

from backend.audit import events
from backend.db import Database, utc_now
from backend.errors import Conflict, NotFound
from backend.i18n import gettext as _
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer
from backend.outbox import OutboxRow, Topic
from backend.transfers import policy
from backend.transfers.bulk import Bulk
from backend.transfers.models import (
    FILE_NAME_LENGTH,
    Import,
    ImportRow,
    RowAction,
    RowKind,
    RowOutcome,
)
from backend.transfers.planning import Planned
from backend.transfers.plans import plan
from backend.transfers.policy import Scope
from backend.transfers.reading import UnreadableTable
from backend.transfers.states import TABLE, ImportAction, ImportStatus
from backend.transfers.tables import Row, Taken
from backend.transitions import transition

KIND = "import"
"""The name of an import in the audit trail."""
PAGE_SIZE = 50
KEPT_DAYS = 7
"""For how long a preview that nobody confirms is kept, and the cells of rows with errors."""
NOTHING_FOUND = _("没有认出表头。请确认表中有“需求名称”“单位名称”等列标题，或下载模板，把内容复制到模板中再导入。")
MOST_ROWS = 10_000
TOO_MANY = _("一次最多导入 10,000 行，请拆成几个文件。")


@dataclass(frozen=True)
class Shown:
    """A page of the rows of an import, narrowed to an action and a kind."""

    rows: Sequence[ImportRow]
    total: int
    page: int
    pages: int


@dataclass(frozen=True)
class Summary:
    """How many rows there are of each action, and of each kind and action; `waiting` are not in the index yet."""

    actions: Mapping[str, int]
    kinds: Mapping[str, Mapping[str, int]]
    waiting: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def to_write(self) -> int:
        """Rows that are created or changed on confirming."""
        return self.actions.get(RowAction.CREATE, 0) + self.actions.get(RowAction.CHANGE, 0)


def begin(
    session: Session, viewer: Viewer, import_id: str, organisation_id: str, file_name: str, taken: Taken
) -> Import:
    """Keep what a file holds as a preview: nothing of it has been taken in yet. A form sent twice makes one.

    Raises Forbidden, NotFound for an id that belongs to others, or UnreadableTable where the file holds no rows.
    """
    scope = policy.scope_of(viewer, organisation_id)
    existing = session.get(Import, import_id)
    if existing is not None:
        policy.check_can_see(viewer, existing)
        return existing
    if not taken.rows:
        raise UnreadableTable(NOTHING_FOUND)
    if len(taken.rows) > MOST_ROWS:
        raise UnreadableTable(TOO_MANY)
    ignored = [_("未认出表头的工作表：%(name)s") % {"name": name or _("（无名称）")} for name in taken.ignored]
    ignored += [
        _("“%(sheet)s”中未导入的列：%(columns)s") % {"sheet": sheet, "columns": "、".join(columns)}
        for sheet, columns in taken.unknown.items()
    ]
    batch = Import(
        id=import_id,
        organisation_id=organisation_id,
        user_id=viewer.user_id,
        file_name=file_name[-FILE_NAME_LENGTH:],
        ignored=[line[:300] for line in ignored[:20]],
    )
    session.add(batch)
    session.flush()
    keep(session, batch, plan(session, scope, taken.rows))
    events.record(session, events.Event.IMPORT_READ, KIND, batch.id, actor_id=viewer.user_id, rows=batch.total)
    return batch


def keep(session: Session, batch: Import, planned: Sequence[Planned]) -> None:
    """Put the rows of a plan in the place of those that an import had."""
    session.exec(delete(ImportRow).where(col(ImportRow.import_id) == batch.id))
    bulk = Bulk(session)
    for number, found in enumerate(planned, 1):
        bulk.add(ImportRow, **_row(batch, number, found))
    bulk.flush()
    batch.total, batch.done = len(planned), 0
    batch.counts = counted(planned)
    session.add(batch)
    session.flush()


def counted(planned: Sequence[Planned]) -> dict[str, Any]:
    """How many rows of each kind become what."""
    found: dict[str, Counter[str]] = {}
    for one in planned:
        found.setdefault(one.row.kind.value, Counter())[one.action.value] += 1
    return {kind: dict(counter) for kind, counter in found.items()}


def _row(batch: Import, number: int, planned: Planned) -> dict[str, Any]:
    cells = dict(planned.row.cells) | ({"derived": True} if planned.derived else {})
    return {
        "import_id": batch.id,
        "number": number,
        "kind": planned.row.kind,
        "sheet": planned.row.sheet,
        "line": planned.row.line,
        "key": planned.key,
        "title": planned.title,
        "action": planned.action,
        "subject_id": planned.subject_id,
        "problems": [list(problem) for problem in planned.problems],
        "note": planned.note[:200],
        "cells": cells if not planned.row.is_note else {},
    }


def rows_of(session: Session, batch: Import) -> list[ImportRow]:
    """All rows of an import, in their order."""
    query = select(ImportRow).where(ImportRow.import_id == batch.id).order_by(col(ImportRow.number))
    return list(session.exec(query).all())


def taken_from(stored: Sequence[ImportRow]) -> list[Row]:
    """The rows as they were read, without those that the plan had put in."""
    return [Row(row.kind, row.sheet, row.line, row.cells) for row in stored if row.cells and "derived" not in row.cells]


def scope_of_batch(session: Session, batch: Import) -> Scope:
    """The scope of an import after its request: that of its organisation; what it may was asked on confirming."""
    organisation = session.get(Organisation, batch.organisation_id)
    assert organisation is not None
    return Scope(batch.organisation_id, batch.user_id, organisation.jurisdiction)


def get(session: Session, viewer: Viewer, import_id: str, *, lock: bool = False) -> Import:
    """An import of one of the viewer's organisations; raises NotFound."""
    batch = session.get(Import, import_id, with_for_update=True if lock else None)
    if batch is None:
        raise NotFound
    policy.check_can_see(viewer, batch)
    return batch


def listing(session: Session, viewer: Viewer) -> Sequence[Import]:
    """The imports that the viewer sees, newest first; raises Forbidden for those who import nothing."""
    policy.check_can_import(viewer)
    query = select(Import).where(policy.visible_to(viewer), col(Import.status) != ImportStatus.DISCARDED)
    return session.exec(query.order_by(col(Import.created_at).desc()).limit(PAGE_SIZE)).all()


def summary(session: Session, batch: Import) -> Summary:
    """What the rows of an import become, or have become."""
    actions: Counter[str] = Counter()
    for of_kind in batch.counts.values():
        actions.update(of_kind)
    outcomes = select(ImportRow.outcome, func.count()).where(
        ImportRow.import_id == batch.id, col(ImportRow.outcome).is_not(None)
    )
    found = {str(outcome): count for outcome, count in session.exec(outcomes.group_by(col(ImportRow.outcome))).all()}
    waiting = 0
    if batch.status in (ImportStatus.DONE, ImportStatus.UNDONE):
        pending = (
            select(func.count(func.distinct(OutboxRow.subject_id)))
            .join(ImportRow, col(ImportRow.subject_id) == col(OutboxRow.subject_id))
            .where(ImportRow.import_id == batch.id, OutboxRow.topic == Topic.INDEX, col(OutboxRow.done_at).is_(None))
        )
        waiting = session.exec(pending).one()
    return Summary(actions, batch.counts, waiting, found)


def shown(session: Session, batch: Import, action: str, kind: str, page: int) -> Shown:
    """A page of rows; values that no link makes narrow nothing."""
    conditions = [col(ImportRow.import_id) == batch.id]
    if action in list(RowAction):
        conditions.append(col(ImportRow.action) == action)
    elif action in list(RowOutcome):
        conditions.append(col(ImportRow.outcome) == action)
    if kind in list(RowKind):
        conditions.append(col(ImportRow.kind) == kind)
    total = session.exec(select(func.count()).select_from(ImportRow).where(*conditions)).one()
    query = select(ImportRow).where(*conditions).order_by(col(ImportRow.number))
    rows = session.exec(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return Shown(rows, total, page, max(1, -(-total // PAGE_SIZE)))


def act(session: Session, viewer: Viewer, import_id: str, action: ImportAction) -> Import:
    """Confirm, discard or undo an import. Asked for twice, the second time changes nothing.

    Raises NotFound, Forbidden, or Conflict where the status does not allow it.
    """
    batch = get(session, viewer, import_id, lock=True)
    policy.check_can_import(viewer, batch.organisation_id)
    if batch.status in _AFTER[action]:
        return batch
    step(session, batch, action, viewer.user_id)
    if action is ImportAction.CONFIRM:
        if not summary(session, batch).to_write:
            raise Conflict(
                _("没有可以导入的行：请更正文件后重新上传。"), "There is no row to import. Please correct the file."
            )
        # From now on it is done in the name of whoever has confirmed it.
        batch.confirmed_at, batch.user_id, batch.changed_meanwhile = utc_now(), viewer.user_id, False
        batch.has_failed = False
    if action is ImportAction.UNDO:
        batch.user_id, batch.has_failed = viewer.user_id, False
    if action is ImportAction.DISCARD:
        session.exec(delete(ImportRow).where(col(ImportRow.import_id) == batch.id))
    batch.done = 0
    session.add(batch)
    session.flush()
    return batch


_AFTER: Mapping[ImportAction, frozenset[ImportStatus]] = {
    ImportAction.CONFIRM: frozenset({ImportStatus.WAITING, ImportStatus.DONE}),
    ImportAction.DISCARD: frozenset({ImportStatus.DISCARDED}),
    ImportAction.UNDO: frozenset({ImportStatus.UNDOING, ImportStatus.UNDONE}),
}


def step(session: Session, batch: Import, action: ImportAction, actor_id: str | None) -> None:
    """Take a step of the life cycle and record it; raises Conflict."""
    found = transition(TABLE, batch.status, action)
    batch.status = ImportStatus(found.target)
    batch.claim, batch.claimed_at = "", None
    session.add(batch)
    events.record(session, found.event, KIND, batch.id, actor_id=actor_id, rows=batch.total)


def forget(database: Database) -> None:
    """Remove previews that nobody has confirmed, and what rows with errors said."""
    before = utc_now() - timedelta(days=KEPT_DAYS)
    with database.session(write=True) as session:
        old = (ImportStatus.PREVIEW, ImportStatus.DISCARDED)
        session.exec(delete(Import).where(col(Import.status).in_(old), col(Import.created_at) < before))
        done = select(Import.id).where(col(Import.finished_at) < before)
        for row in session.exec(
            select(ImportRow).where(col(ImportRow.import_id).in_(done), ImportRow.action == RowAction.ERROR).limit(2000)
        ).all():
            if row.cells:
                row.cells = {}
                session.add(row)
