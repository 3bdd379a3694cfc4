"""Pages of the desk: what needs somebody today, and putting it off or handing it over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.config import Settings
from backend.db import utc_now
from backend.deps import FormDep, RecordingSessionDep, SessionDep, SettingsDep
from backend.desk import exporting, reading, service
from backend.desk.forms import NOBODY, DeferForm, HandOverForm
from backend.desk.items import Moment
from backend.desk.kinds import ItemKind
from backend.desk.reading import Desk, Row, View
from backend.desk.service import BadDay, NoColleague
from backend.disclosure.filters import page_number
from backend.errors import NotFound
from backend.htmx import redirect
from backend.introductions.clock import Clock
from backend.ledger.clock import LedgerClock
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.templating import render
from backend.transfers import downloads
from backend.transfers.exporting import record
from backend.working_days import today

router = APIRouter(prefix="/desk")


@dataclass(frozen=True)
class DeskPage:
    """Context of desk/desk.html, whose block `items` is the fragment. `url` gives the address with changes."""

    desk: Desk
    view: View
    kind: ItemKind | None
    today: date
    url: Callable[..., str]


@dataclass(frozen=True)
class ItemPage:
    """Context of desk/item.html: one thing, to be put off, handed over, or taken back."""

    row: Row
    defer: DeferForm
    hand: HandOverForm
    days: Sequence[date]
    colleagues: Mapping[str, str]


def moment_of(settings: Settings) -> Moment:
    """Now, and the deadlines of the site."""
    return Moment(utc_now(), Clock.of(settings), LedgerClock.of(settings))


def _desk_url(view: View, kind: ItemKind | None) -> Callable[..., str]:
    asked: dict[str, str] = {"view": "" if view is View.MINE else view.value, "kind": kind.value if kind else ""}

    def url(**changes: str | int) -> str:
        values = {**asked, **changes}
        query = urlencode(
            {k: v for k, v in values.items() if v != "" and (k, v) not in (("page", 1), ("view", "mine"))}
        )
        return f"/desk?{query}" if query else "/desk"

    return url


@router.get("")
def desk(
    request: Request,
    session: SessionDep,
    viewer: SignedInDep,
    settings: SettingsDep,
    view: str = "",
    kind: str = "",
    page: str = "1",
) -> Response:
    """What is on the viewer's desk. Values that no link of the page makes are taken as not given."""
    moment = moment_of(settings)
    chosen = View(view) if view in list(View) else View.MINE
    only = ItemKind(kind) if kind in list(ItemKind) else None
    found = reading.read(session, viewer, moment, chosen, only, page_number(page))
    context = DeskPage(found, chosen, only, today(moment.now), _desk_url(chosen, only))
    return render(request, "desk/desk.html", context, block="items")


@router.get("/export.{ending}")
def export(
    ending: str,
    session: RecordingSessionDep,
    viewer: SignedInDep,
    settings: SettingsDep,
    view: str = "",
    kind: str = "",
) -> Response:
    """A view of the desk as a file."""
    downloads.check_ending(ending)
    chosen = View(view) if view in list(View) else View.MINE
    only = ItemKind(kind) if kind in list(ItemKind) else None
    made = exporting.of_desk(session, viewer, moment_of(settings), chosen, only, settings.site_url)
    record(session, viewer, "desk", len(made.rows))
    return downloads.table(made, ending)


def _kind(text: str) -> ItemKind:
    if text not in list(ItemKind):
        raise NotFound
    return ItemKind(text)


def _item_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    moment: Moment,
    row: Row,
    defer: DeferForm | None = None,
    hand: HandOverForm | None = None,
) -> Response:
    days = service.suggested_days(moment.now)
    colleagues = service.colleagues(session, viewer, row.item.region)
    status = 422 if defer or hand else 200
    defer = defer or DeferForm(until=row.until or days[0], reason=row.reason)
    hand = hand or HandOverForm()
    hand.user_id.choices = {"": NOBODY, **colleagues}
    page = ItemPage(row, defer, hand, days, colleagues)
    return render(request, "desk/item.html", page, status=status)


@router.get("/items/{kind}/{subject_id}")
def item(
    request: Request, kind: str, subject_id: str, session: SessionDep, viewer: SignedInDep, settings: SettingsDep
) -> Response:
    """One thing of the desk."""
    moment = moment_of(settings)
    row = reading.find(session, viewer, moment, _kind(kind), subject_id)
    return _item_page(request, session, viewer, moment, row)


@router.post("/items/{kind}/{subject_id}/defer")
def defer(
    request: Request,
    kind: str,
    subject_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    settings: SettingsDep,
    data: FormDep,
) -> Response:
    """Put it off to a day."""
    moment = moment_of(settings)
    row = reading.find(session, viewer, moment, _kind(kind), subject_id)
    form: DeferForm = DeferForm.read(data)
    if form.validate() and form.until.data is not None:
        try:
            service.defer(session, viewer, moment, row.item.kind, subject_id, form.until.data, form.reason.data or "")
        except BadDay as error:
            form.until.errors = [error.zh]
        else:
            return flash.put(redirect(request, "/desk"), "desk-deferred")
    return _item_page(request, session, viewer, moment, row, defer=form)


@router.post("/items/{kind}/{subject_id}/hand-over")
def hand_over(
    request: Request,
    kind: str,
    subject_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    settings: SettingsDep,
    data: FormDep,
) -> Response:
    """Hand it to a colleague."""
    moment = moment_of(settings)
    row = reading.find(session, viewer, moment, _kind(kind), subject_id)
    form: HandOverForm = HandOverForm.read(data)
    sent = str(form.user_id.data or "")
    # Whether the colleague may be chosen is the service's to say.
    form.user_id.choices = {"": NOBODY, sent: ""}
    if form.validate():
        try:
            service.hand_over(session, viewer, moment, row.item.kind, subject_id, sent, form.note.data or "")
        except NoColleague as error:
            form.user_id.errors = [error.zh]
        else:
            return flash.put(redirect(request, "/desk"), "desk-handed")
    return _item_page(request, session, viewer, moment, row, hand=form)


@router.post("/items/{kind}/{subject_id}/take-back")
def take_back(
    request: Request, kind: str, subject_id: str, session: SessionDep, viewer: SignedInDep, settings: SettingsDep
) -> Response:
    """Have it on the desk again."""
    moment = moment_of(settings)
    service.take_back(session, viewer, moment, _kind(kind), subject_id)
    return flash.put(redirect(request, "/desk"), "desk-taken-back")
