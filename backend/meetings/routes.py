"""Pages of the meetings of a case."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.db import new_id
from backend.deps import FormDep, SessionDep, SettingsDep
from backend.errors import NotFound
from backend.forms import clean_line
from backend.htmx import redirect
from backend.meetings import calendar, holding, inviting, service, showing
from backend.meetings.calendar import Sender
from backend.meetings.forms import MinutesForm, MoveForm, ProposeForm, moment_of, written
from backend.meetings.holding import Minutes
from backend.meetings.models import NAMES_LENGTH, Fit
from backend.meetings.service import Plan
from backend.meetings.showing import Meetings, MeetingView
from backend.meetings.states import MeetingStatus
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter(prefix="/introductions/{introduction_id}/meetings")


def get_sender(settings: SettingsDep) -> Sender:
    """Who sends invitations."""
    return Sender.of(settings)


SenderDep = Annotated[Sender, Depends(get_sender)]


@dataclass(frozen=True)
class MeetingsPage:
    """Context of meetings/list.html, whose block `meetings` is a part of the page of the case."""

    found: Meetings
    form: ProposeForm


@dataclass(frozen=True)
class MeetingPage:
    """Context of meetings/detail.html. `names` are those of who was there, as typed."""

    meeting: MeetingView
    move: MoveForm
    minutes: MinutesForm
    names: dict[str, str]
    refused: str = ""


@router.get("")
def meetings(request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The meetings of a case, and the form that proposes one."""
    return _list(request, session, viewer, introduction_id, ProposeForm(data={"meeting_id": new_id(), "length": "60"}))


def _list(
    request: Request, session: Session, viewer: Viewer, introduction_id: str, form: ProposeForm, status: int = 200
) -> Response:
    page = MeetingsPage(showing.of_case(session, viewer, introduction_id), form)
    return render(request, "meetings/list.html", page, block="meetings", status=status)


@router.post("")
def propose(
    request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Propose a meeting."""
    form: ProposeForm = ProposeForm.read(data)
    if not form.validate():
        return _list(request, session, viewer, introduction_id, form, 422)
    plan, meeting_id = _plan(form), str(form.meeting_id.data)
    service.propose(session, viewer, introduction_id, meeting_id, form.starts, plan)
    return _to(request, introduction_id, meeting_id, "meeting-proposed")


def _plan(form: ProposeForm | MoveForm) -> Plan:
    texts = (str(field.data or "") for field in (form.place, form.link, form.note))
    return Plan(int(str(form.length.data)), *texts)


def _to(request: Request, introduction_id: str, meeting_id: str, code: str) -> Response:
    return flash.put(redirect(request, f"/introductions/{introduction_id}/meetings/{meeting_id}"), code)


@router.get("/{meeting_id}")
def meeting(
    request: Request, introduction_id: str, meeting_id: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """A meeting."""
    return _one(request, session, viewer, introduction_id, meeting_id)


def _one(
    request: Request,
    session: Session,
    viewer: Viewer,
    introduction_id: str,
    meeting_id: str,
    *,
    move: MoveForm | None = None,
    minutes: MinutesForm | None = None,
    names: dict[str, str] | None = None,
) -> Response:
    found = showing.one(session, viewer, introduction_id, meeting_id)
    row = found.row
    values = {"start": written(row.starts_at), "length": str(row.length), "place": row.place, "link": row.link}
    page = MeetingPage(
        meeting=found,
        move=move or MoveForm(data={**values, "note": row.note}),
        minutes=minutes or MinutesForm(data={"minutes": row.minutes, "agreed": row.agreed}),
        names=dict(found.present) if names is None else names,
        refused="move" if move else "hold" if minutes else "",
    )
    return render(request, "meetings/detail.html", page, status=422 if page.refused else 200)


@router.post("/{meeting_id}/answers")
def answer(
    request: Request, introduction_id: str, meeting_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Say which times suit."""
    fits = {name: Fit(str(value)) for name, value in data.items() if str(value) in list(Fit)}
    service.answer(session, viewer, introduction_id, meeting_id, fits)
    return _to(request, introduction_id, meeting_id, "meeting-answered")


@router.post("/{meeting_id}/fix")
def fix(
    request: Request,
    introduction_id: str,
    meeting_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    sender: SenderDep,
    data: FormDep,
) -> Response:
    """Fix one of the times."""
    service.fix(session, viewer, sender, introduction_id, meeting_id, str(data.get("time") or ""))
    return _to(request, introduction_id, meeting_id, "meeting-fix")


@router.post("/{meeting_id}/move")
def move(
    request: Request,
    introduction_id: str,
    meeting_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    sender: SenderDep,
    data: FormDep,
) -> Response:
    """Change time or place."""
    form: MoveForm = MoveForm.read(data)
    moment = moment_of(form.start.data)
    if not form.validate() or moment is None:
        return _one(request, session, viewer, introduction_id, meeting_id, move=form)
    service.move(session, viewer, sender, introduction_id, meeting_id, moment, _plan(form))
    return _to(request, introduction_id, meeting_id, "meeting-move")


@router.post("/{meeting_id}/cancel")
def cancel(
    request: Request,
    introduction_id: str,
    meeting_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    sender: SenderDep,
) -> Response:
    """Cancel."""
    service.cancel(session, viewer, sender, introduction_id, meeting_id)
    return _to(request, introduction_id, meeting_id, "meeting-cancel")


@router.post("/{meeting_id}/hold")
def hold(
    request: Request, introduction_id: str, meeting_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Write down what came of it."""
    form: MinutesForm = MinutesForm.read(data)
    came = [str(value) for value in data.getlist("present")]
    names = {i: clean_line(str(data.get(f"names-{i}") or ""))[:NAMES_LENGTH] for i in came}
    if not form.validate():
        return _one(request, session, viewer, introduction_id, meeting_id, minutes=form, names=names)
    held = Minutes(names, form.minutes.data or "", form.agreed.data or "")
    holding.hold(session, viewer, introduction_id, meeting_id, held)
    return _to(request, introduction_id, meeting_id, "meeting-hold")


@router.get("/{meeting_id}/meeting.ics")
def file(
    introduction_id: str, meeting_id: str, session: SessionDep, viewer: SignedInDep, sender: SenderDep
) -> Response:
    """A fixed meeting for one's calendar."""
    _case, row = service.load(session, viewer, introduction_id, meeting_id)
    if row.starts_at is None:
        raise NotFound
    method: calendar.Method = "CANCEL" if row.status is MeetingStatus.CANCELLED else "REQUEST"
    text = calendar.write(inviting.entry_of(row), sender, viewer.email, method)
    headers = {"Content-Disposition": 'attachment; filename="meeting.ics"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/calendar", headers=headers)
