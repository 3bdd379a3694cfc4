"""Pages of docking events: arranged by a broker, read by its guests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.db import new_id
from backend.deps import FormDep, ReadingSessionDep, RecordingSessionDep, SessionDep
from backend.errors import Forbidden
from backend.forms import clean_line
from backend.htmx import redirect
from backend.introductions import cases
from backend.introductions.service import Unsuitable
from backend.matching.deps import EngineDep
from backend.meetings import docking, docking_guests, docking_outcomes, docking_sending, docking_showing, docking_wishes
from backend.meetings.docking import BadEvent, Frame
from backend.meetings.docking_showing import EventView, Sheet, TalkView
from backend.meetings.docking_wishes import OneSideOnly
from backend.meetings.forms import DeclineForm, DockingForm, MinutesForm, int_of, starts_of
from backend.meetings.holding import Minutes, NotYet
from backend.meetings.models import NAMES_LENGTH, DockingEvent
from backend.meetings.routes import SenderDep
from backend.notifications import service as notifications
from backend.notifications.deps import seen
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.pace import Asked, spend
from backend.templating import render

router = APIRouter(prefix="/docking")

WORDS = 60


@dataclass(frozen=True)
class ListPage:
    """Context of meetings/docking_list.html."""

    events: Sequence[DockingEvent]
    may_create: bool


@dataclass(frozen=True)
class FormPage:
    """Context of meetings/docking_form.html; `event` is None for a new one."""

    form: DockingForm
    event: DockingEvent | None


@dataclass(frozen=True)
class EventPage:
    """Context of meetings/docking.html; `declining` are the forms of one's own organisations."""

    view: EventView
    q: str
    refused: str
    declining: Mapping[str, DeclineForm]


@dataclass(frozen=True)
class TalkPage:
    """Context of meetings/docking_talk.html; `names` is who came, by organisation."""

    event: DockingEvent
    talk: TalkView
    parties: Sequence[tuple[str, str]]
    names: Mapping[str, str]
    form: MinutesForm


@dataclass(frozen=True)
class PlanPage:
    """Context of meetings/docking_plan.html."""

    view: EventView
    tables: Sequence[Sheet]
    parties: Sequence[Sheet]


@router.get("")
def listing(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """The viewer's docking events."""
    page = ListPage(docking_showing.events_of(session, viewer), bool(viewer.acting_jurisdictions))
    return render(request, "meetings/docking_list.html", page)


@router.get("/new")
def new(request: Request, viewer: SignedInDep) -> Response:
    """The form of a new event."""
    if not viewer.acting_jurisdictions:
        raise Forbidden
    return render(request, "meetings/docking_form.html", FormPage(DockingForm(data={"event_id": new_id()}), None))


@router.post("")
def create(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Create an event."""
    if not viewer.acting_jurisdictions:
        raise Forbidden
    form: DockingForm = DockingForm.read(data)
    if form.validate():
        try:
            event = docking.save(session, viewer, str(form.event_id.data), frame_of(form), is_new=True)
        except BadEvent as error:
            form.title.errors = [error.zh]
        else:
            return flash.put(redirect(request, f"/docking/{event.id}"), "docking-saved")
    return render(request, "meetings/docking_form.html", FormPage(form, None), status=422)


def frame_of(form: DockingForm) -> Frame:
    """What a valid form says."""
    assert form.moment is not None
    return Frame(
        title=str(form.title.data),
        place=str(form.place.data),
        starts_at=form.moment,
        slots=int_of(form.slots.data),
        slot_minutes=int_of(form.slot_minutes.data),
        tables=int_of(form.tables.data),
        breaks=form.pauses,
        break_minutes=int_of(form.break_minutes.data),
    )


@router.get("/{event_id}")
def event(request: Request, event_id: str, session: RecordingSessionDep, viewer: SignedInDep, q: str = "") -> Response:
    """An event, or one's own talks in it."""
    seen(request, notifications.mark_subject_read(session, viewer, event_id))
    return _page(request, session, viewer, event_id, clean_line(q)[:WORDS])


def _page(
    request: Request,
    session: Session,
    viewer: Viewer,
    event_id: str,
    q: str = "",
    refused: str = "",
    declining: Mapping[str, DeclineForm] | None = None,
) -> Response:
    view = docking_showing.show(session, viewer, event_id, q)
    own = [g.guest.organisation_id for g in view.guests if g.is_own]
    forms = {**{i: DeclineForm() for i in own}, **(declining or {})}
    page = EventPage(view, q, refused, {i: form.name_ids(i) for i, form in forms.items()})
    return render(request, "meetings/docking.html", page, status=422 if refused else 200)


@router.get("/{event_id}/edit")
def edit_form(request: Request, event_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The form that changes an event."""
    row = docking.get(session, viewer, event_id)
    values = {**row.model_dump(), "event_id": row.id, "start": starts_of(row)}
    return render(request, "meetings/docking_form.html", FormPage(DockingForm(data=values), row))


@router.post("/{event_id}/edit")
def edit(request: Request, event_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Change an event."""
    row = docking.get(session, viewer, event_id)
    form: DockingForm = DockingForm.read(data)
    if form.validate():
        try:
            docking.save(session, viewer, event_id, frame_of(form))
        except BadEvent as error:
            form.title.errors = [error.zh]
        else:
            return flash.put(redirect(request, f"/docking/{event_id}"), "docking-saved")
    return render(request, "meetings/docking_form.html", FormPage(form, row), status=422)


@router.post("/{event_id}/matches")
def add_matches(
    request: Request,
    event_id: str,
    reading: ReadingSessionDep,
    session: SessionDep,
    viewer: SignedInDep,
    engine: EngineDep,
    data: FormDep,
) -> Response:
    """Wish for the talks that the matches of some needs suggest."""
    docking.get(reading, viewer, event_id)
    pay = partial(spend, request, Asked.SEARCH, viewer.user_id)
    found = docking_wishes.suggested(reading, engine, viewer, [str(i) for i in data.getlist("need")], pay)
    reading.rollback()
    docking_wishes.add_matches(session, viewer, event_id, found)
    return flash.put(redirect(request, f"/docking/{event_id}#wishes"), "docking-wished")


@router.post("/{event_id}/wishes")
def add(request: Request, event_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Wish for a talk."""
    try:
        docking_wishes.add(session, viewer, event_id, str(data.get("need") or ""), str(data.get("capability") or ""))
    except (Unsuitable, OneSideOnly) as error:
        return _page(request, session, viewer, event_id, clean_line(str(data.get("q") or ""))[:WORDS], error.zh)
    return flash.put(redirect(request, f"/docking/{event_id}#wishes"), "docking-wished")


@router.post("/{event_id}/wishes/{talk_id}/remove")
def remove(request: Request, event_id: str, talk_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Take a wish back."""
    docking_wishes.remove(session, viewer, event_id, talk_id)
    return flash.put(redirect(request, f"/docking/{event_id}#wishes"), "docking-removed")


@router.post("/{event_id}/plan")
def plan(request: Request, event_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Make the plan."""
    docking_wishes.plan(session, viewer, event_id)
    return flash.put(redirect(request, f"/docking/{event_id}"), "docking-planned")


@router.get("/{event_id}/plan")
def printed(request: Request, event_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The plan to be printed, by table and by party."""
    view, tables, parties = docking_showing.sheets(session, viewer, event_id)
    return render(request, "meetings/docking_plan.html", PlanPage(view, tables, parties))


@router.post("/{event_id}/publish")
def publish(
    request: Request, event_id: str, session: SessionDep, viewer: SignedInDep, sender: SenderDep, data: FormDep
) -> Response:
    """Send everybody their plan."""
    shown = str(data.get("sequence") or "")
    docking_sending.publish(
        session, viewer, sender, event_id, int(shown) if shown.isascii() and shown.isdigit() else -1
    )
    return flash.put(redirect(request, f"/docking/{event_id}"), "docking-published")


@router.post("/{event_id}/cancel")
def cancel(request: Request, event_id: str, session: SessionDep, viewer: SignedInDep, sender: SenderDep) -> Response:
    """Cancel an event."""
    docking_sending.cancel(session, viewer, sender, event_id)
    return flash.put(redirect(request, f"/docking/{event_id}"), "docking-cancelled")


@router.post("/{event_id}/talks/{talk_id}/introduce")
def introduce(request: Request, event_id: str, talk_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Make an introduction of a talk."""
    row = docking_outcomes.introduce(session, viewer, event_id, talk_id)
    return flash.put(redirect(request, cases.path_of(row.id)), "introduction-proposed")


@router.post("/{event_id}/answers")
def answer(request: Request, event_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """A guest accepts its plan or declines it."""
    home, accepts = str(data.get("organisation") or ""), data.get("answer") == "accept"
    docking_guests.check_can_answer(session, viewer, event_id, home)
    form: DeclineForm = DeclineForm.read(data)
    if not accepts and not form.validate():
        problem = form.problems[0][2]
        return _page(request, session, viewer, event_id, refused=problem, declining={home: form})
    reason, note = form.reason.data or "", form.note.data or ""
    docking_guests.answer(session, viewer, event_id, home, accepts=accepts, reason=reason, note=note)
    return flash.put(redirect(request, f"/docking/{event_id}"), "docking-accepted" if accepts else "docking-declined")


@router.get("/{event_id}/talks/{talk_id}")
def talk(request: Request, event_id: str, talk_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The form for what came of a talk."""
    return _talk(request, session, viewer, event_id, talk_id, MinutesForm())


def _talk(
    request: Request,
    session: Session,
    viewer: Viewer,
    event_id: str,
    talk_id: str,
    form: MinutesForm,
    names: Mapping[str, str] | None = None,
) -> Response:
    view, parties = docking_showing.talk(session, viewer, event_id, talk_id)
    if not view.has_begun:
        raise NotYet
    page = TalkPage(docking.get(session, viewer, event_id), view, parties, names or {}, form)
    return render(request, "meetings/docking_talk.html", page, status=422 if form.problems else 200)


@router.post("/{event_id}/talks/{talk_id}")
def conclude(
    request: Request, event_id: str, talk_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Write down what came of a talk, and introduce the two."""
    _view, parties = docking_showing.talk(session, viewer, event_id, talk_id)
    names = {i: clean_line(str(data.get(f"names-{i}") or ""))[:NAMES_LENGTH] for i, _name in parties}
    form: MinutesForm = MinutesForm.read(data)
    if not form.validate():
        return _talk(request, session, viewer, event_id, talk_id, form, names)
    held = Minutes(names, form.minutes.data or "", form.agreed.data or "")
    row = docking_outcomes.conclude(session, viewer, event_id, talk_id, held)
    return flash.put(redirect(request, cases.path_of(row.id)), "docking-concluded")
