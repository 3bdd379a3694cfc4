"""Pages of results: the funnel with its tables, and the report of a quarter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from backend import flash
from backend.attachments.names import disposition
from backend.db import utc_now
from backend.deps import FormDep, RecordingSessionDep, SessionDep
from backend.errors import NotFound
from backend.htmx import redirect
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.results import policy, report, service, sheets, word
from backend.results.forms import AskedForm, RemarkForm
from backend.results.models import ALL_REGIONS
from backend.results.periods import last, parse, quarter_of
from backend.results.report import Report
from backend.results.service import Asked, ChangedMeanwhile, Results
from backend.results.sources import Stage, WaitKind
from backend.results.wordings import STAGES, UNITS, WAITS
from backend.taxonomies import regions, specialties
from backend.templating import render

router = APIRouter(prefix="/results")
QUARTERS = 12


@dataclass(frozen=True)
class ResultsPage:
    """Context of results/index.html, whose block `figures` is the fragment. `query` are the filters as an address."""

    form: AskedForm
    results: Results
    place: str
    query: str
    report_query: str
    stages: Mapping[Stage, str]
    units: Mapping[Stage, str]
    waits: Mapping[WaitKind, str]


@dataclass(frozen=True)
class ReportPage:
    """Context of results/report.html. `form` is None for those who only read."""

    report: Report
    form: RemarkForm | None
    regions: Sequence[tuple[str, str]]
    quarters: Sequence[tuple[str, str]]
    query: str
    results_query: str
    refused: str


def _regions(viewer: Viewer) -> list[tuple[str, str]]:
    """The regions to choose among."""
    if viewer.is_admin:
        return [(ALL_REGIONS, service.name_of(ALL_REGIONS)), *regions().choices()]
    return [(region, service.name_of(region)) for region in policy.regions_of(viewer)]


def _region(viewer: Viewer, region: str | None) -> str:
    """The region of an address: that of the viewer where none is named. Raises Forbidden, or NotFound for no region."""
    policy.check_can_see_any(viewer)
    if region is None or (region == ALL_REGIONS and not viewer.is_admin):
        return policy.regions_of(viewer)[0]
    if region and region not in regions():
        raise NotFound
    policy.check_can_see(viewer, region)
    return region


def _quarters() -> list[tuple[str, str]]:
    return [(str(quarter), quarter.label) for quarter in reversed(last(QUARTERS, utc_now()))]


def _asked(request: Request, viewer: Viewer) -> tuple[AskedForm, Asked]:
    """What an address asks for; values that no link of the site makes are taken as not given."""
    given = request.query_params
    region = _region(viewer, given.get("region"))
    quarter, specialty = parse(given.get("quarter", "")), given.get("specialty", "")
    asked = Asked(
        region=region,
        quarter=quarter,
        specialty=specialty if specialty in specialties() else "",
        by_need=given.get("basis") == "need",
    )
    chosen = {
        "region": asked.region,
        "quarter": str(quarter or ""),
        "specialty": asked.specialty,
        "basis": "need" if asked.by_need else "",
    }
    form: AskedForm = AskedForm.read(FormData(list(chosen.items())))
    listed = _quarters()
    if quarter and str(quarter) not in dict(listed):
        listed.append((str(quarter), quarter.label))
    form.offer(_regions(viewer), listed, specialties().choices())
    return form, asked


def _query(**values: str) -> str:
    return urlencode({name: value for name, value in values.items() if value})


@router.get("")
def results_page(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """The funnel, by district, specialty and quarter, waiting times and reasons."""
    form, asked = _asked(request, viewer)
    found = service.results(session, viewer, asked)
    region, quarter = str(form.region.data), str(form.quarter.data)
    page = ResultsPage(
        form=form,
        results=found,
        place=service.name_of(asked.region),
        query=_query(region=region, quarter=quarter, specialty=asked.specialty, basis=str(form.basis.data)),
        report_query=_query(region=region, quarter=quarter or str(quarter_of(utc_now()))),
        stages=STAGES,
        units=UNITS,
        waits=WAITS,
    )
    return render(request, "results/index.html", page, block="figures")


@router.get("/export.xlsx")
def download_results(request: Request, session: RecordingSessionDep, viewer: SignedInDep) -> Response:
    """The same figures as a workbook."""
    _form, asked = _asked(request, viewer)
    content = sheets.of_results(service.results(session, viewer, asked))
    service.note_export(session, viewer, asked, "results.xlsx")
    name = f"成效统计-{service.name_of(asked.region)}-{asked.quarter or '全部'}.xlsx"
    return _file(content, sheets.MEDIA_TYPE, name)


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": disposition(name), "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


def _made(session: Session, viewer: Viewer, quarter: str, region: str | None) -> Report:
    """The report of an address; raises NotFound for no quarter, or one that is still to come."""
    present = quarter_of(utc_now())
    wanted = parse(quarter) if quarter else present
    if wanted is None or wanted > present:
        raise NotFound
    return report.make(session, viewer, wanted, _region(viewer, region))


def _show(
    request: Request, viewer: Viewer, made: Report, form: RemarkForm | None = None, *, refused: str = ""
) -> Response:
    if form is None and policy.can_write(viewer, made.region):
        form = RemarkForm(obstacles=made.remark.problems, plans=made.remark.plans, version=str(made.remark.version))
    query = _query(quarter=str(made.quarter), region=made.region)
    listed = _quarters()
    if str(made.quarter) not in dict(listed):
        listed.append((str(made.quarter), made.quarter.label))
    page = ReportPage(made, form, _regions(viewer), listed, query, query, refused)
    failed = refused or (form is not None and form.errors)
    return render(request, "results/report.html", page, status=409 if refused else 422 if failed else 200)


@router.get("/report")
def report_page(
    request: Request, session: SessionDep, viewer: SignedInDep, quarter: str = "", region: str | None = None
) -> Response:
    """The report of a quarter."""
    return _show(request, viewer, _made(session, viewer, quarter, region))


@router.post("/report")
def save_remark(
    request: Request,
    session: SessionDep,
    viewer: SignedInDep,
    data: FormDep,
    quarter: str = "",
    region: str | None = None,
) -> Response:
    """Keep the words that are added to the report."""
    made = _made(session, viewer, quarter, region)
    policy.check_can_write(viewer, made.region)
    form: RemarkForm = RemarkForm.read(data)
    if not form.validate():
        return _show(request, viewer, made, form)
    words = str(form.obstacles.data or ""), str(form.plans.data or "")
    try:
        service.save_remark(session, viewer, made.quarter, made.region, *words, form.seen)
    except ChangedMeanwhile as error:
        # What a colleague has written stands in the report above the form; saving again replaces it.
        form.version.data = str(made.remark.version)
        return _show(request, viewer, made, form, refused=error.zh)
    query = _query(quarter=str(made.quarter), region=made.region)
    return flash.put(redirect(request, f"/results/report?{query}"), "report-saved")


@router.get("/report.docx")
def download_word(
    session: RecordingSessionDep, viewer: SignedInDep, quarter: str = "", region: str | None = None
) -> Response:
    """The report as a Word file."""
    made = _made(session, viewer, quarter, region)
    return _report_file(session, viewer, made, word.of_report(made), word.MEDIA_TYPE, "docx")


@router.get("/report.xlsx")
def download_workbook(
    session: RecordingSessionDep, viewer: SignedInDep, quarter: str = "", region: str | None = None
) -> Response:
    """The report as a workbook."""
    made = _made(session, viewer, quarter, region)
    return _report_file(session, viewer, made, sheets.of_report(made), sheets.MEDIA_TYPE, "xlsx")


def _report_file(
    session: Session, viewer: Viewer, made: Report, content: bytes, media_type: str, ending: str
) -> Response:
    service.note_export(session, viewer, Asked(made.region, made.quarter), f"report.{ending}")
    return _file(content, media_type, f"{made.title}{made.quarter}.{ending}")
