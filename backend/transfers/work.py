"""Carrying imports out and undoing them, beside the requests: a task of the site or of its worker.

Each is one transaction, so it has happened as a whole or not at all. What can be reckoned before is reckoned before it.
A process that dies leaves an import that waits; after a while without a sign of life another run takes it over.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

from sqlmodel import Session, and_, col, or_, select, update

from backend.again import repeated
from backend.db import Database, new_id, utc_now
from backend.needs import requirements
from backend.needs.models import Need
from backend.needs.requirements import Point
from backend.quiet import where
from backend.transfers import drafts, history, service, undoing, writing
from backend.transfers.models import Import, ImportRow, RowAction, RowKind, RowOutcome
from backend.transfers.planning import Planned
from backend.transfers.plans import plan
from backend.transfers.policy import Scope
from backend.transfers.states import AT_WORK, ImportAction, ImportStatus
from backend.transfers.values import folded
from backend.transfers.writing import Writer, Written

log = logging.getLogger(__name__)

SILENCE = timedelta(minutes=2)
"""After so long without a sign of life an import is taken over."""
BEAT = 200
"""Rows after which progress is told."""
LOCK = Import.__tablename__

TEXTS = dict.fromkeys(("title", "summary", "problem", "acceptance_criteria", "constraints"), "")
"""The texts of a need from which requirements are proposed."""

_Text = tuple[str, ...]


class _Lost(Exception):
    """Another run is at this import now."""


class Proposer:
    """Requirements that the texts of needs hold, reckoned once for each text: it is what takes longest."""

    def __init__(self) -> None:
        self._known: dict[_Text, tuple[Point, ...]] = {}

    def __call__(self, need: Need) -> tuple[Point, ...]:
        """The proposals for a need as it is."""
        text = (need.title, need.summary, need.problem, need.acceptance_criteria, need.constraints)
        if text not in self._known:
            self._known[text] = requirements.proposed(need)
        return self._known[text]


def run(database: Database, after: Callable[[], None]) -> int:
    """Work off what has been confirmed or is to be undone; `after` lets the index follow. Returns how many."""
    done = 0
    while (claimed := _claim(database)) is not None:
        import_id, claim, status = claimed
        try:
            if status is ImportStatus.UNDOING:
                repeated(lambda i=import_id, c=claim: _undo(database, i, c))  # type: ignore[misc]
            else:
                _carry_out(database, import_id, claim)
        except _Lost:
            log.warning("import %s was taken over by another run", import_id)
            continue
        except Exception as error:
            # Nothing of it has happened. It waits for whoever sent it, not for ever in the way of others.
            log.error("import %s failed: %s", import_id, where(error))
            _give_up(database, import_id, claim)
            continue
        done += 1
        after()
    return done


def _claim(database: Database) -> tuple[str, str, ImportStatus] | None:
    """Take the oldest import that waits and that no living run is at."""
    with database.session(write=True) as session:
        is_free = or_(col(Import.claimed_at).is_(None), col(Import.claimed_at) < utc_now() - SILENCE)
        query = select(Import).where(col(Import.status).in_(AT_WORK), is_free).order_by(col(Import.created_at))
        batch = session.exec(query.limit(1).with_for_update(skip_locked=True)).first()
        if batch is None:
            return None
        batch.claim, batch.claimed_at = new_id(), utc_now()
        session.add(batch)
        return batch.id, batch.claim, batch.status


def _give_up(database: Database, import_id: str, claim: str) -> None:
    with database.session(write=True) as session:
        batch = session.get(Import, import_id, with_for_update=True)
        if batch is None or batch.claim != claim or batch.status not in AT_WORK:
            return
        batch.has_failed = True
        is_undoing = batch.status is ImportStatus.UNDOING
        service.step(session, batch, ImportAction.GIVE_UP if is_undoing else ImportAction.LOOK_AGAIN, None)


def _beat(database: Database, import_id: str, claim: str, done: int) -> None:
    with database.session(write=True) as session:
        own = and_(col(Import.id) == import_id, col(Import.claim) == claim)
        found = session.execute(update(Import).where(own).values(claimed_at=utc_now(), done=done))
        if not found.rowcount:  # type: ignore[attr-defined]
            raise _Lost


def _carry_out(database: Database, import_id: str, claim: str) -> None:
    proposer = Proposer()
    with database.session() as session:
        batch = session.get(Import, import_id)
        assert batch is not None
        scope = service.scope_of_batch(session, batch)
        planned = plan(session, scope, service.taken_from(service.rows_of(session, batch)))
        session.expunge_all()
    for number, one in enumerate(planned, 1):
        if one.row.kind is RowKind.NEED and one.action is RowAction.CREATE:
            proposer(cast(Need, SimpleNamespace(**(TEXTS | one.wanted))))
        if number % BEAT == 0:
            _beat(database, import_id, claim, number)
    _beat(database, import_id, claim, len(planned))
    repeated(lambda: _write(database, import_id, claim, proposer))


def _write(database: Database, import_id: str, claim: str, proposer: Proposer) -> None:
    """The one transaction in which an import happens."""
    with database.session(write=True, lock=LOCK) as session:
        batch = _own(session, import_id, claim)
        scope = service.scope_of_batch(session, batch)
        stored = service.rows_of(session, batch)
        planned = plan(session, scope, service.taken_from(stored))
        if _digest(planned) != [_of_row(row) for row in stored if row.cells]:
            service.keep(session, batch, planned)
            service.step(session, batch, ImportAction.LOOK_AGAIN, None)
            batch.changed_meanwhile = True
            session.add(batch)
            return
        by_place = {(row.kind, row.sheet, row.line): row for row in stored if row.cells}
        for written in write(session, scope, import_id, planned, proposer):
            row = by_place[written.planned.row.kind, written.planned.row.sheet, written.planned.row.line]
            row.subject_id, row.outcome = written.subject_id, RowOutcome.DONE
            row.before, row.after, row.after_status = written.before, written.after, written.status
            # What was taken in is kept where it belongs, under the rules of its tiers.
            row.cells = {}
            session.add(row)
        for row in stored:
            if row.action is RowAction.SKIP:
                row.cells = {}
                session.add(row)
        service.step(session, batch, ImportAction.FINISH, batch.user_id)
        batch.finished_at, batch.done = utc_now(), batch.total


def write(
    session: Session, scope: Scope, import_id: str, planned: Sequence[Planned], propose: writing.Propose
) -> list[Written]:
    """Write the rows of a plan that create or change something, kind by kind."""
    writer = Writer(session, scope, import_id, propose)
    found: list[Written] = []
    for kind in RowKind:
        rows = [p for p in planned if p.row.kind is kind and p.action in (RowAction.CREATE, RowAction.CHANGE)]
        if kind is RowKind.ORGANISATION:
            found += writing.write_organisations(writer, rows)
        elif kind is RowKind.INTRODUCTION:
            found += history.write_cases(writer, rows)
        else:
            written = writing.write_subjects(writer, kind, rows)
            for one in written:
                if one.planned.action is RowAction.CREATE:
                    place = writer.organisation_id(one.planned)
                    writer.subject_ids[kind, place, folded(one.planned.wanted["title"])] = one.subject_id
            found += written
    of_subjects = [one for one in found if one.planned.row.kind in writing.SIDES]
    drafts.announce(session, scope, import_id, ((writer.organisation_id(one.planned), one) for one in of_subjects))
    return found


def _own(session: Session, import_id: str, claim: str) -> Import:
    batch = session.get(Import, import_id, with_for_update=True)
    if batch is None or batch.claim != claim or batch.status not in AT_WORK:
        raise _Lost
    return batch


def _digest(planned: Sequence[Planned]) -> list[tuple[object, ...]]:
    """What a preview has promised of each row."""
    return [
        (p.row.kind, p.row.sheet, p.row.line, p.action, p.subject_id if p.action is not RowAction.ERROR else None)
        for p in planned
    ]


def _of_row(row: ImportRow) -> tuple[object, ...]:
    subject = row.subject_id if row.action is not RowAction.ERROR else None
    return row.kind, row.sheet, row.line, row.action, subject


def _undo(database: Database, import_id: str, claim: str) -> None:
    with database.session(write=True, lock=LOCK) as session:
        batch = _own(session, import_id, claim)
        undoing.undo(session, service.scope_of_batch(session, batch), batch)
        service.step(session, batch, ImportAction.FINISH_UNDOING, batch.user_id)
        batch.finished_at, batch.done = utc_now(), batch.total
