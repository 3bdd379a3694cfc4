"""What would become of each row: created, changed, skipped, or what is wrong with it. Nothing is written here.

The plan follows from the rows and from what is there alone, so it is made twice: for the preview, and once more in the
transaction that carries it out.
"""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from backend.i18n import gettext as _
from backend.organisations.models import name_key_of
from backend.transfers import plan_cases, plan_organisations, plan_subjects
from backend.transfers import world as worlds
from backend.transfers.columns import TABLES
from backend.transfers.models import KEY_LENGTH, TITLE_LENGTH, RowAction, RowKind
from backend.transfers.planning import Plan, Planned
from backend.transfers.policy import Scope
from backend.transfers.tables import Row
from backend.transfers.values import BadCell, written

NAMES = ("name", "organisation", "need_organisation", "capability_organisation")


def plan(session: Session, scope: Scope, rows: Sequence[Row]) -> list[Planned]:
    """What becomes of each row, in their order, with the organisations that follow from other rows put in."""
    parsed = [_parsed(scope, row) for row in rows]
    names, codes, keys = set[str](), set[str](), set[str]()
    for planned in parsed:
        found = planned.values
        names |= {found[n] for n in NAMES if found.get(n)}
        codes |= {found["credit_code"]} if found.get("credit_code") else set()
        keys |= {planned.key} if planned.key else set()
    world = worlds.load(session, scope, names, codes, keys)
    if any(planned.row.kind is RowKind.INTRODUCTION for planned in parsed):
        worlds.load_cases(session, world)
    if any("requirements" in planned.values for planned in parsed):
        worlds.load_points(session, world)
    made = Plan(scope, world)
    for planned in parsed:
        if planned.action is not RowAction.SKIP:
            if planned.row.kind is RowKind.ORGANISATION:
                plan_organisations.organisation(made, planned)
            elif planned.row.kind is RowKind.INTRODUCTION:
                plan_cases.case(made, planned)
            else:
                plan_subjects.subject(made, planned)
        if planned.problems:
            planned.action = RowAction.ERROR
        made.rows.append(planned)
    # What is wrong makes no organisation.
    used = {
        name_key_of(planned.values[column])
        for planned in made.rows
        if planned.action is RowAction.CREATE
        for column in ("organisation", "need_organisation")
        if column in planned.values
    }
    return [p for p in made.rows if not p.derived or name_key_of(p.title) in used]


def _parsed(scope: Scope, row: Row) -> Planned:
    table = TABLES[row.kind]
    planned = Planned(row)
    if row.is_note:
        planned.title = _text(next(iter(row.cells.values())))
        planned.skip(_("只有一格有内容，按说明行略过。"))
        return planned
    for column in table.columns:
        cell = row.cells.get(column.name)
        try:
            value = column.parse(cell)
        except BadCell as error:
            planned.problems.append((column.label, str(error)))
            continue
        if value is not None:
            planned.values[column.name] = value
        elif column.required and (scope.is_office or column.name != "organisation"):
            planned.problems.append((column.label, _("请填写%(label)s。") % {"label": column.label}))
    planned.key = planned.values.get("key", "")[:KEY_LENGTH]
    planned.title = _text(row.cells.get(table.title))
    if not scope.takes(row.kind):
        planned.problems.clear()
        planned.skip(_("单位和引荐记录由主管部门导入。"))
    return planned


def _text(cell: Any) -> str:
    try:
        return " ".join(written(cell).split())[:TITLE_LENGTH]
    except BadCell:
        return ""
