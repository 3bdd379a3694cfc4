"""Pages of the assignment: what is proposed for this week, and what became of what was ticked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.responses import Response

from backend.db import ID_PATTERN
from backend.deps import DatabaseDep, FormDep, SessionDep
from backend.desk import assignment
from backend.desk.assignment import AT_ONCE, CAP, CAP_MOST, PER_NEED, PER_NEED_MOST, Done, Plan
from backend.desk.forms import MESSAGE, AssignForm
from backend.desk.policy import check_can_assign
from backend.headers import method_of
from backend.htmx import redirect
from backend.i18n import gettext as _
from backend.matching import shown
from backend.organisations.deps import SignedInDep
from backend.templating import render

router = APIRouter(prefix="/desk/assignment")


@dataclass(frozen=True)
class AssignmentPage:
    """Context of desk/assignment.html. `ticked` are the pairs that were ticked, None for all."""

    plan: Plan
    cap: int
    per_need: int
    cap_most: int
    per_need_most: int
    form: AssignForm
    ticked: frozenset[str] | None = None
    problem: str = ""


@dataclass(frozen=True)
class DonePage:
    """Context of desk/assigned.html."""

    rows: Sequence[Done]
    made: int


def _number(text: str, usual: int, most: int) -> int:
    """A cap from an address; anything that no form of the site makes is the usual one."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else usual
    return min(max(number, 1), most)


def _pairs(values: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs as forms and addresses name them, each once; others are left out."""
    sent = [re.fullmatch(f"({ID_PATTERN}):({ID_PATTERN})", value) for value in values]
    return list(dict.fromkeys((found[1], found[2]) for found in sent if found))


@router.get("")
def plan(
    request: Request,
    session: SessionDep,
    viewer: SignedInDep,
    database: DatabaseDep,
    cap: str = "",
    per_need: str = "",
) -> Response:
    """Whom to introduce to whom this week."""
    most, each = _number(cap, CAP, CAP_MOST), _number(per_need, PER_NEED, PER_NEED_MOST)
    found = assignment.plan(session, viewer, most, each)
    response = _page(request, found, most, each, AssignForm(message=MESSAGE))
    if shown.looks(method_of(request), request.headers):
        lines = [shown.line_of(row.need, row.capability, row.pair.suggested) for row in found.rows]
        response.background = BackgroundTask(shown.note_shown, database, viewer, lines)
    return response


def _page(
    request: Request,
    found: Plan,
    most: int,
    each: int,
    form: AssignForm,
    ticked: frozenset[str] | None = None,
    problem: str = "",
) -> Response:
    page = AssignmentPage(found, most, each, CAP_MOST, PER_NEED_MOST, form, ticked, problem)
    return render(request, "desk/assignment.html", page, status=200 if ticked is None else 422)


@router.post("")
def introduce(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Introduce all that was ticked."""
    check_can_assign(viewer)
    form: AssignForm = AssignForm.read(data)
    values = [str(value) for value in data.getlist("pair")]
    chosen = _pairs(values)
    problem = ""
    if not chosen:
        problem = _("请至少勾选一项引荐。")
    elif len(chosen) > AT_ONCE:
        problem = _("一次最多引荐 %(most)s 项，请分次进行。") % {"most": AT_ONCE}
    if not form.validate() or problem:
        most = _number(str(data.get("cap", "")), CAP, CAP_MOST)
        each = _number(str(data.get("per_need", "")), PER_NEED, PER_NEED_MOST)
        return _page(
            request, assignment.plan(session, viewer, most, each), most, each, form, frozenset(values), problem
        )
    assignment.introduce(session, viewer, chosen, form.message.data or "")
    query = urlencode([("pair", f"{need}:{capability}") for need, capability in chosen])
    return redirect(request, f"/desk/assignment/done?{query}")


@router.get("/done")
def done(
    request: Request, session: SessionDep, viewer: SignedInDep, pair: Annotated[list[str], Query(default_factory=list)]
) -> Response:
    """What became of what was ticked, as it stands now."""
    rows = assignment.outcomes(session, viewer, _pairs(pair))
    return render(request, "desk/assigned.html", DonePage(rows, sum(row.case is not None for row in rows)))
