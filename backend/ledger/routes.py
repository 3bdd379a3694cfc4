"""Pages of the landing ledger: the board, the ledger of a case, one step of it, and the story of a case."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.deps import FormDep, RecordingSessionDep, SessionDep, SettingsDep
from backend.disclosure.service import BadNote
from backend.errors import NotFound
from backend.htmx import redirect
from backend.i18n import gettext as _
from backend.introductions.case_page import Panel
from backend.introductions.states import IntroductionStatus
from backend.ledger import blockers, board, policy, service, story, views
from backend.ledger.board import Board, BoardFilters
from backend.ledger.clock import LedgerClock
from backend.ledger.forms import MOVES, PLAN, UNNAMED, FinishForm, PlanForm, StepForm, read_move
from backend.ledger.models import LedgerStep
from backend.ledger.service import BadDay, BadOwner, MovedElsewhere, NotProven
from backend.ledger.states import PROVEN, StepAction, StepKind, StepStatus
from backend.ledger.story import Story
from backend.ledger.telling import path_of
from backend.ledger.views import LedgerView, StepView
from backend.needs.states import EDITABLE
from backend.notifications import service as notifications
from backend.notifications.deps import seen
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.templating import render
from backend.working_days import today

router = APIRouter()

BOARD = "/ledger"
PANEL = Panel("ledger", _("落地台账"), _("正在读取台账……"), frozenset({IntroductionStatus.AGREED}))
"""The ledger on the page of its case."""


@dataclass(frozen=True)
class BoardPage:
    """Context of ledger/board.html; `back` is the address of the board as it is filtered."""

    board: Board
    filters: BoardFilters
    back: str
    day: date


@dataclass(frozen=True)
class LedgerPage:
    """Context of ledger/timeline.html, whose block `timeline` is a fragment of the page of the case."""

    ledger: LedgerView


@dataclass(frozen=True)
class StepPage:
    """Context of ledger/step.html. `refused` names the form that came back, `message` what it was refused for."""

    ledger: LedgerView
    step: StepView
    plan: PlanForm
    may_assign_leg: bool
    moves: Mapping[str, StepForm]
    is_proven: bool
    day: date
    refused: str = ""
    message: str = ""


@dataclass(frozen=True)
class StoryPage:
    """Context of ledger/story.html."""

    story: Story
    day: date


@dataclass(frozen=True)
class Refused:
    """A form that was refused: which one, as it was sent, and what is wrong with it as a whole."""

    name: str
    form: StepForm
    message: str = ""
    status: int = 422


@router.get("/ledger")
def board_page(
    request: Request,
    session: SessionDep,
    viewer: SignedInDep,
    settings: SettingsDep,
    region: str = "",
    specialty: str = "",
    stalled: str = "",
) -> Response:
    """The viewer's agreed cases by phase."""
    filters = BoardFilters(region[:6], specialty[:20], bool(stalled))
    shown = board.show(session, viewer, filters, LedgerClock.of(settings))
    chosen = {"region": filters.region, "specialty": filters.specialty, "stalled": "1" if filters.stalled else ""}
    query = urlencode({name: value for name, value in chosen.items() if value})
    page = BoardPage(shown, filters, f"{BOARD}?{query}" if query else BOARD, today())
    return render(request, "ledger/board.html", page, block="board")


@router.get("/introductions/{introduction_id}/ledger")
def ledger_page(request: Request, introduction_id: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """The ledger of a case; whoever opens it has seen what they were told of it."""
    ledger = views.show(session, viewer, introduction_id)
    seen(request, notifications.mark_subject_read(session, viewer, introduction_id))
    return render(request, "ledger/timeline.html", LedgerPage(ledger), block="timeline")


@router.get("/introductions/{introduction_id}/story")
def story_page(request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """A case from the need to the patient, on one page to print."""
    page = StoryPage(story.tell(session, viewer, introduction_id), today())
    return render(request, "ledger/story.html", page)


@router.get("/introductions/{introduction_id}/ledger/{step}")
def step_page(request: Request, introduction_id: str, step: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """One step, with the forms to move it."""
    return _show(request, session, viewer, introduction_id, _kind(step))


@router.post("/introductions/{introduction_id}/ledger/{step}")
def plan_step(
    request: Request, introduction_id: str, step: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Say who answers for a step until when."""
    kind = _kind(step)
    ledger = _planning(session, viewer, introduction_id, kind)
    form: PlanForm = PlanForm.read(data, prefix=PLAN)
    form.owner_organisation_id.choices = [("", ""), *views.owner_choices(session, ledger.case)]
    if not form.leg.data:
        # Only a broker of a divided case is asked for it.
        form.leg.choices = [("", "")]
    refused = Refused(PLAN, form)
    if form.validate():
        try:
            service.plan(session, viewer, introduction_id, kind, form.seen(), form.planned())
        except MovedElsewhere as error:
            refused = Refused(PLAN, form, error.zh, error.status)
        except BadOwner as error:
            form.owner_organisation_id.errors = [error.zh]
        else:
            return flash.put(redirect(request, _step_url(introduction_id, kind)), "ledger-plan")
    return _show(request, session, viewer, introduction_id, kind, refused)


@router.post("/introductions/{introduction_id}/ledger/{step}/need")
def need_of_step(
    request: Request, introduction_id: str, step: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """Draft the need of a blocker, and go on in its form."""
    need = blockers.open_need(session, viewer, introduction_id, _kind(step))
    url = f"/needs/{need.id}"
    return flash.put(redirect(request, f"{url}/edit" if need.status in EDITABLE else url), "ledger-need")


@router.post("/introductions/{introduction_id}/ledger/{step}/{action}")
def move_step(
    request: Request,
    introduction_id: str,
    step: str,
    action: str,
    session: SessionDep,
    viewer: SignedInDep,
    settings: SettingsDep,
    data: FormDep,
) -> Response:
    """Take an action on a step."""
    kind = _kind(step)
    if action not in list(StepAction):
        raise NotFound
    _planning(session, viewer, introduction_id, kind)
    form = read_move(StepAction(action), data, settings.site_url)
    refused = Refused(action, form)
    if form.validate():
        try:
            service.move(session, viewer, introduction_id, kind, action, form.seen(), form.said())
        except MovedElsewhere as error:
            refused = Refused(action, form, error.zh, error.status)
        except (BadNote, BadDay) as error:
            refused = Refused(action, form, error.zh)
        except NotProven as error:
            assert isinstance(form, FinishForm)
            form.evidence.errors = [error.zh]
        else:
            return flash.put(redirect(request, _back(data.get("back"), introduction_id, kind)), f"ledger-{action}")
    return _show(request, session, viewer, introduction_id, kind, refused)


def _kind(step: str) -> StepKind:
    """A step from an address; raises NotFound for anything else."""
    if step not in list(StepKind):
        raise NotFound
    return StepKind(step)


def _planning(session: Session, viewer: Viewer, introduction_id: str, kind: StepKind) -> service.Ledger:
    """The ledger, for those who move the step: a refusal comes before the mistakes of a form."""
    ledger = service.get(session, viewer, introduction_id)
    step = ledger.step(kind)
    if step is None:
        raise NotFound
    policy.check_can_plan(viewer, ledger.facts, policy.step_facts(step))
    return ledger


def _step_url(introduction_id: str, kind: StepKind) -> str:
    return f"{path_of(introduction_id)}/{kind}"


def _back(asked: object, introduction_id: str, kind: StepKind) -> str:
    """Where a move leads: to the board that it was made on, else to its step."""
    text = str(asked or "")
    return text if text == BOARD or text.startswith(f"{BOARD}?") else _step_url(introduction_id, kind)


def _show(
    request: Request,
    session: Session,
    viewer: Viewer,
    introduction_id: str,
    kind: StepKind,
    refused: Refused | None = None,
) -> Response:
    ledger = service.get(session, viewer, introduction_id)
    row = ledger.step(kind)
    if row is None:
        raise NotFound
    shown = views.of(session, viewer, ledger)
    step, version = shown.step(kind), str(row.version)
    plan: PlanForm = PlanForm(
        prefix=PLAN,
        data={
            "version": version,
            "owner_organisation_id": row.owner_organisation_id or "",
            "owner_name": row.owner_name,
            "due_on": row.due_on.isoformat() if row.due_on else "",
            "leg": row.leg.value,
        },
    )
    moves: dict[str, StepForm] = {action: _empty(StepAction(action), row) for action in step.moves}
    if refused is not None:
        # It is sent again as an answer to what is shown now.
        refused.form.version.data = version
        if isinstance(refused.form, PlanForm):
            plan = refused.form
        else:
            moves[refused.name] = refused.form
    plan.owner_organisation_id.choices = [("", UNNAMED), *views.owner_choices(session, ledger.case)]
    page = StepPage(
        ledger=shown,
        step=step,
        plan=plan,
        may_assign_leg=policy.can_assign_leg(viewer, ledger.facts, policy.step_facts(row)),
        moves=moves,
        is_proven=kind in PROVEN,
        day=today(),
        refused=refused.name if refused else "",
        message=refused.message if refused else "",
    )
    return render(request, "ledger/step.html", page, status=refused.status if refused else 200)


def _empty(action: StepAction, row: LedgerStep) -> StepForm:
    """The form of an action as it is opened; what blocks a step stands there already."""
    values = {"version": str(row.version), "done_on": today().isoformat()}
    if action is StepAction.BLOCK and row.status is StepStatus.BLOCKED:
        values |= {"note": row.blocker, "blocker_kind": row.blocker_kind or ""}
    return MOVES[action](prefix=action.value, data=values)
