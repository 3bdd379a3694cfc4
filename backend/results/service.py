"""The figures that a viewer may see, and the words that an office adds to its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from backend.audit import events
from backend.audit.events import Event
from backend.db import utc_now
from backend.errors import Conflict
from backend.organisations.policy import Viewer
from backend.results import figures, policy, sources
from backend.results.figures import Line, Row, Scope, WaitLine
from backend.results.models import ALL_REGIONS, ReportRemark
from backend.results.periods import EVER, Quarter, last, of_quarter
from backend.results.sources import Happening, Material
from backend.results.wordings import EVERYWHERE, NO_SPECIALTY, REASONS
from backend.taxonomies import regions, specialties

KIND = "report"
"""The name of a report in the audit trail; its id is quarter and region."""
QUARTERS = 8


class ChangedMeanwhile(Conflict):
    """A colleague has saved the words of the same report."""

    zh = "同事刚刚修改了这份报告的补充文字。您填写的内容保留在下方，请对照后再保存。"
    en = "A colleague has changed the words of this report. What you typed is kept below; compare and save again."


@dataclass(frozen=True)
class Asked:
    """What is looked at: `quarter` None is all time, `region` ALL_REGIONS the whole platform, `specialty` empty all.

    `by_need` follows the needs that were published in the quarter, whenever the rest happened.
    """

    region: str
    quarter: Quarter | None = None
    specialty: str = ""
    by_need: bool = False


@dataclass(frozen=True)
class Results:
    """Everything that the page of results shows."""

    asked: Asked
    lines: Sequence[Line]
    by_region: Sequence[Row]
    by_specialty: Sequence[Row]
    by_quarter: Sequence[Row]
    waits: Sequence[WaitLine]
    reasons: Sequence[Row]
    hides: bool
    moment: datetime


def name_of(region: str) -> str:
    """The name of a region, or of the whole platform."""
    return regions().name(region) if region else EVERYWHERE


def regions_of(viewer: Viewer, region: str) -> frozenset[str] | None:
    """The regions behind the one that was asked for, None for all: to an administrator a city has its districts."""
    if not region:
        return None
    return frozenset(regions().within(region)) if viewer.is_admin else frozenset({region})


def hides_from(viewer: Viewer, region: str) -> bool:
    """Whether small figures are hidden: the viewer may not know all authors whose needs are in them."""
    found = regions_of(viewer, region)
    return found is None or not all(policy.knows_authors(viewer, one) for one in found)


def scope_of(viewer: Viewer, asked: Asked, quarter: Quarter | None) -> Scope:
    """What to look at, in a quarter."""
    return Scope(
        regions=regions_of(viewer, asked.region),
        specialties=frozenset(specialties().within(asked.specialty)) if asked.specialty else frozenset(),
        period=of_quarter(quarter) if quarter else EVER,
        by_need=asked.by_need,
    )


def results(session: Session, viewer: Viewer, asked: Asked, now: datetime | None = None) -> Results:
    """The figures; raises Forbidden."""
    policy.check_can_see(viewer, asked.region)
    now = now or utc_now()
    material = sources.load(session)
    scope = scope_of(viewer, asked, asked.quarter)
    protect = hides_from(viewer, asked.region)
    return Results(
        asked=asked,
        lines=figures.funnel(material.happenings, scope, protect=protect),
        by_region=by_region(material, scope, protect=protect),
        by_specialty=by_specialty(material, scope, protect=protect),
        by_quarter=_by_quarter(material, viewer, asked, last(QUARTERS, now), protect=protect),
        waits=figures.waiting(material.waits, scope, protect=protect),
        reasons=figures.reasons(material.endings, scope, REASONS, protect=protect)[0],
        hides=protect,
        moment=now,
    )


def by_region(material: Material, scope: Scope, *, protect: bool) -> tuple[Row, ...]:
    """A row for each region of the scope, by the shares that fall to it."""

    def key(one: Happening) -> Mapping[str, int]:
        if not scope.share(one):
            return {}
        return {r: share for r, share in one.shares.items() if scope.regions is None or r in scope.regions}

    labels = [(term.code, term.zh) for term in regions().terms.values()]
    return figures.breakdown(material.happenings, key, labels, protect=protect)


def by_specialty(material: Material, scope: Scope, *, protect: bool) -> tuple[Row, ...]:
    """A row for each specialty."""

    def key(one: Happening) -> Mapping[str, int]:
        return {one.subject.specialty: scope.share(one)}

    labels = [*((term.code, term.zh) for term in specialties().terms.values()), ("", NO_SPECIALTY)]
    return figures.breakdown(material.happenings, key, labels, protect=protect)


def _by_quarter(
    material: Material, viewer: Viewer, asked: Asked, quarters: Sequence[Quarter], *, protect: bool
) -> tuple[Row, ...]:
    scopes = {str(quarter): scope_of(viewer, asked, quarter) for quarter in quarters}

    def key(one: Happening) -> Mapping[str, int]:
        return {name: scope.share(one) for name, scope in scopes.items()}

    return figures.breakdown(material.happenings, key, [(str(q), q.label) for q in quarters], protect=protect)


def remark_of(session: Session, quarter: Quarter, region: str, *, lock: bool = False) -> ReportRemark:
    """The words added to a report; a row that is not stored yet where there are none."""
    query = select(ReportRemark).where(ReportRemark.quarter == str(quarter), ReportRemark.region == region)
    found = session.exec(query.with_for_update() if lock else query).first()
    return found or ReportRemark(quarter=str(quarter), region=region, version=0)


def save_remark(
    session: Session, viewer: Viewer, quarter: Quarter, region: str, problems: str, plans: str, seen: int
) -> ReportRemark:
    """Keep the words of a report; `seen` is the version that they were written over.

    Raises Forbidden, or ChangedMeanwhile where somebody else has saved since. Saving the same words changes nothing.
    """
    policy.check_can_write(viewer, region)
    row = remark_of(session, quarter, region, lock=True)
    if (row.problems, row.plans) == (problems, plans):
        return row
    if row.version != seen:
        raise ChangedMeanwhile
    row.problems, row.plans = problems, plans
    row.version += 1
    row.updated_by, row.updated_at = viewer.user_id, utc_now()
    session.add(row)
    events.record(session, Event.REPORT_EDIT, KIND, f"{quarter}{region}", actor_id=viewer.user_id, region=region)
    session.flush()
    return row


def note_export(session: Session, viewer: Viewer, asked: Asked, kind: str) -> None:
    """Write down that figures have left the site as a file."""
    subject = f"{asked.quarter or ''}{asked.region or ALL_REGIONS}"
    events.record(session, Event.RESULTS_EXPORT, KIND, subject, actor_id=viewer.user_id, kind=kind)
