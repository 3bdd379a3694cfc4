"""The page of the audit trail, and its file."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response, StreamingResponse

from backend.admin import csv_file, trail
from backend.admin.deps import AdminDep
from backend.admin.forms import TrailForm
from backend.audit.events import Event, record
from backend.db import utc_now
from backend.deps import DatabaseDep, RecordingSessionDep, SessionDep
from backend.disclosure.filters import page_count, page_number
from backend.templating import LOCAL_ZONE, render

router = APIRouter(prefix="/admin")


@dataclass(frozen=True)
class AuditPage:
    """Context of admin/audit.html, whose block `results` is the fragment. `query` are the filters as an address."""

    form: TrailForm
    rows: Sequence[trail.Row]
    total: int
    page: int
    pages: int
    query: str


def _fields(request: Request) -> FormData:
    """The filters of an address, as a form reads them."""
    return FormData([(name, value) for name, value in request.query_params.multi_items()])


def _query(form: TrailForm) -> str:
    return urlencode({field.name: field.data for field in form if field.data})


@router.get("/audit")
def audit(request: Request, session: SessionDep, viewer: AdminDep, page: str = "1") -> Response:
    """The trail, filtered, newest first."""
    form: TrailForm = TrailForm.read(_fields(request))
    if not form.validate():
        wrong = AuditPage(form, (), 0, 1, 1, _query(form))
        return render(request, "admin/audit.html", wrong, status=422)
    number = page_number(page)
    rows, total = trail.page(session, viewer, form.asked(), number)
    shown = AuditPage(form, rows, total, number, page_count(total, trail.PAGE_SIZE), _query(form))
    return render(request, "admin/audit.html", shown, block="results")


@router.get("/audit.csv")
def download(request: Request, session: RecordingSessionDep, viewer: AdminDep, database: DatabaseDep) -> Response:
    """The same as a file, which is written down."""
    form: TrailForm = TrailForm.read(_fields(request))
    if not form.validate():
        return render(request, "admin/audit.html", AuditPage(form, (), 0, 1, 1, _query(form)), status=422)
    record(session, Event.AUDIT_EXPORT, "audit", "", actor_id=viewer.user_id)
    name = f"audit-{utc_now().astimezone(LOCAL_ZONE):%Y%m%d-%H%M}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    lines = csv_file.lines(database, viewer, form.asked())
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
