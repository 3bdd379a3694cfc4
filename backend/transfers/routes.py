"""Pages of imports, the template, and the exports of lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from backend import flash
from backend.capabilities.models import CapabilityKind
from backend.db import new_id, utc_now
from backend.deps import RecordingSessionDep, SessionDep, SettingsDep, get_form_with_file
from backend.disclosure.filters import Filters, page_number
from backend.disclosure.models import SubjectKind
from backend.errors import Forbidden, NotFound
from backend.forms import clean, clean_line
from backend.htmx import redirect
from backend.i18n import gettext as _
from backend.ledger.board import BoardFilters
from backend.ledger.clock import LedgerClock
from backend.matching.deps import EngineDep
from backend.matching.pace import spend_search
from backend.needs.models import NeedKind
from backend.notifications import service as notifications
from backend.notifications.deps import seen
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.taxonomies import regions, specialties
from backend.templating import render
from backend.transfers import (
    downloads,
    drafts,
    exporting,
    exporting_call,
    exporting_ledger,
    policy,
    problems,
    service,
    workbooks,
)
from backend.transfers.drafts import Drafts
from backend.transfers.forms import FLASHES, ImportForm
from backend.transfers.models import Import, RowAction, RowKind
from backend.transfers.reading import LARGEST, UnreadableTable, read
from backend.transfers.states import AT_WORK, ImportAction, ImportStatus
from backend.transfers.tables import take

router = APIRouter()

PATH = "/transfers"
QUERY_LENGTH = 4000
WATCHED = timedelta(minutes=10)
KINDS: Mapping[SubjectKind, frozenset[str]] = {
    SubjectKind.NEED: frozenset(NeedKind),
    SubjectKind.CAPABILITY: frozenset(CapabilityKind),
}


@dataclass(frozen=True)
class Upload:
    """A form with the content of its file, which has to be read before the form is closed."""

    data: FormData
    name: str
    content: bytes | None


async def get_upload(data: Annotated[FormData, Depends(get_form_with_file)]) -> Upload:
    """The form and at most so much of its file as shows that it is too large; None without a file."""
    file = data.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return Upload(data, "", None)
    return Upload(data, clean_line(file.filename), await file.read(LARGEST + 1))


@dataclass(frozen=True)
class ImportsPage:
    """Context of transfers/list.html."""

    form: ImportForm
    imports: Sequence[Import]
    names: Mapping[str, str]
    is_office: bool


@dataclass(frozen=True)
class ImportPage:
    """Context of transfers/detail.html, whose block `progress` is the fragment. `url` gives the address of a filter."""

    batch: Import
    summary: service.Summary
    shown: service.Shown
    action: str
    kind: str
    url: Callable[..., str]
    at_work: bool
    asks_undo: bool


@dataclass(frozen=True)
class DraftsPage:
    """Context of transfers/drafts.html."""

    drafts: Drafts


def _form(viewer: Viewer, data: FormData | None = None) -> ImportForm:
    form: ImportForm = ImportForm.read(data) if data is not None else ImportForm(data={"import_id": new_id()})
    offered = policy.may_import_for(viewer)
    form.organisation_id.choices = [(m.organisation_id, m.organisation_name) for m in offered]
    if data is None or not form.organisation_id.data:
        form.organisation_id.data = offered[0].organisation_id if offered else ""
    return form


@router.get(PATH)
def imports(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """The form of an upload, and what has been imported before."""
    return _imports(request, session, viewer, _form(viewer), 200)


def _imports(request: Request, session: SessionDep, viewer: Viewer, form: ImportForm, status: int) -> Response:
    offered = policy.may_import_for(viewer)
    page = ImportsPage(
        form=form,
        imports=service.listing(session, viewer),
        names={m.organisation_id: m.organisation_name for m in offered},
        is_office=any(m.jurisdiction for m in offered),
    )
    return render(request, "transfers/list.html", page, status=status)


@router.get(f"{PATH}/template.xlsx")
def template(viewer: SignedInDep) -> Response:
    """The template, with the sheets that the viewer may import."""
    policy.check_can_import(viewer)
    office = any(m.jurisdiction for m in policy.may_import_for(viewer))
    kinds = list(RowKind) if office else [kind for kind in RowKind if kind in policy.OWN_KINDS]
    return downloads.file(workbooks.template(kinds), _("医桥批量导入模板"), "xlsx")


@router.post(PATH)
def upload(
    request: Request, viewer: SignedInDep, sent: Annotated[Upload, Depends(get_upload)], session: SessionDep
) -> Response:
    """Read a file and keep what it holds as a preview; a refusal comes back with the reason beside the file."""
    policy.check_can_import(viewer)
    form = _form(viewer, sent.data)
    if form.validate():
        try:
            if sent.content is None:
                raise UnreadableTable(_("请选择一个文件。"))
            only = RowKind(str(form.kind.data)) if form.kind.data else None
            # Before the session is used: reading takes seconds, and a writer shall not hold others up.
            taken = take(read(sent.content), only)
            organisation_id = str(form.organisation_id.data)
            batch = service.begin(session, viewer, str(form.import_id.data), organisation_id, sent.name, taken)
            return redirect(request, f"{PATH}/{batch.id}")
        except UnreadableTable as error:
            form.file.errors = [error.zh]
    return _imports(request, session, viewer, form, 422)


@router.get(f"{PATH}/{{import_id}}")
def one_import(
    request: Request,
    import_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    action: str = "",
    kind: str = "",
    page: str = "1",
    undo: str = "",
) -> Response:
    """An import: its preview, its progress, or what has become of it."""
    batch = service.get(session, viewer, import_id)
    summary = service.summary(session, batch)
    if not action and batch.status is ImportStatus.PREVIEW and summary.actions.get(RowAction.ERROR):
        action = RowAction.ERROR
    context = ImportPage(
        batch=batch,
        summary=summary,
        shown=service.shown(session, batch, action, kind, page_number(page)),
        action=action,
        kind=kind,
        url=_url(batch, action, kind),
        at_work=batch.status in AT_WORK or (bool(summary.waiting) and _is_new(batch)),
        asks_undo=bool(undo) and batch.status is ImportStatus.DONE,
    )
    return render(request, "transfers/detail.html", context, block="progress")


def _is_new(batch: Import) -> bool:
    """Whether the index may soon have followed: without a model at hand it does not, and nobody watches for ever."""
    return batch.finished_at is not None and utc_now() - batch.finished_at < WATCHED


def _url(batch: Import, action: str, kind: str) -> Callable[..., str]:
    asked = {"action": action, "kind": kind}

    def url(**changes: str | int) -> str:
        values = {k: v for k, v in {**asked, **changes}.items() if v != "" and (k, v) != ("page", 1)}
        return f"{PATH}/{batch.id}" + (f"?{urlencode(values)}" if values else "") + "#rows"

    return url


@router.get(f"{PATH}/{{import_id}}/problems.xlsx")
def problem_rows(import_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The rows with errors as a file to correct and upload again."""
    batch = service.get(session, viewer, import_id)
    return downloads.file(problems.workbook(service.rows_of(session, batch)), _("需更正的行"), "xlsx")


@router.get(f"{PATH}/{{import_id}}/drafts")
def drafts_of_import(request: Request, import_id: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """What an office has brought in for the viewer's organisations, to be checked and submitted."""
    found = drafts.get(session, viewer, import_id)
    seen(request, notifications.mark_subject_read(session, viewer, import_id))
    return render(request, "transfers/drafts.html", DraftsPage(found))


@router.post(f"{PATH}/{{import_id}}/{{action}}")
def act_on_import(request: Request, import_id: str, action: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Confirm, discard or undo an import."""
    if action not in FLASHES:
        raise NotFound
    chosen = ImportAction(action)
    batch = service.act(session, viewer, import_id, chosen)
    back = PATH if chosen is ImportAction.DISCARD else f"{PATH}/{batch.id}"
    return flash.put(redirect(request, back), FLASHES[chosen])


@router.get("/exports/{what}.{ending}")
def export(
    request: Request,
    what: str,
    ending: str,
    session: RecordingSessionDep,
    viewer: SignedInDep,
    engine: EngineDep,
    settings: SettingsDep,
    q: str = "",
    side: str = "",
    kind: str = "",
    region: str = "",
    specialty: str = "",
    tab: str = "",
    stalled: str = "",
) -> Response:
    """A list as a file, with the filters that it had."""
    downloads.check_ending(ending)
    match what:
        case "needs" if viewer.is_broker:
            made = exporting.in_jurisdiction(session, viewer, settings.site_url)
        case "needs":
            made = exporting.own(session, viewer, SubjectKind.NEED, settings.site_url)
        case "capabilities":
            made = exporting.own(session, viewer, SubjectKind.CAPABILITY, settings.site_url)
        case "organisations":
            made = exporting.of_organisations(session, viewer)
        case "introductions":
            made = exporting.of_introductions(session, viewer, tab, settings.site_url)
        case "ledger":
            wanted = BoardFilters(region[:6], specialty[:20], bool(stalled))
            made = exporting_ledger.of_ledger(session, viewer, wanted, LedgerClock.of(settings), settings.site_url)
        case "search":
            if not viewer.is_verified_member:
                raise Forbidden
            spend_search(request, viewer)
            chosen = SubjectKind(side) if side in list(SubjectKind) else SubjectKind.CAPABILITY
            text = clean(q.replace("\ufffd", " "))[:QUERY_LENGTH]
            filters = Filters(
                kind=kind if kind in KINDS[chosen] else "",
                region=region if region in regions() else "",
                specialty=specialty if specialty in specialties() else "",
                limit=exporting.MOST_FOUND if text else exporting.MOST,
            )
            made = exporting.found(session, engine, viewer, chosen, text, filters, settings.site_url)
        case _:
            raise NotFound
    exporting.record(session, viewer, what, len(made.rows))
    return downloads.table(made, ending)


@router.get("/exports/calls/{call_id}.{ending}")
def export_call(call_id: str, ending: str, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """The responses to a call with their scores."""
    downloads.check_ending(ending)
    made = exporting_call.of_call(session, viewer, call_id)
    exporting.record(session, viewer, "call", len(made.rows))
    return downloads.table(made, ending)
