"""The report of a quarter in the form in which an office writes to the one above it.

It is made once, as sentences and tables; the page, the Word file and the workbook only write it down, so that their
figures are the same ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from backend.db import utc_now
from backend.i18n import gettext as _
from backend.needs.forms import KINDS
from backend.needs.models import NeedKind
from backend.organisations.policy import Viewer
from backend.results import figures, policy, service, sources
from backend.results.figures import FEWEST, Figure, Line, Row, Scope
from backend.results.models import ReportRemark
from backend.results.periods import Quarter, of_quarter, year_to
from backend.results.service import Asked
from backend.results.sources import EXPIRED, TURNED_DOWN, WITHDRAWN, Material, Stage, WaitKind
from backend.results.wordings import REASONS, STAGES, UNITS, WAITS

TO_BE_WRITTEN = _("（由填报单位补充）")
NONE = _("无")
MOST_REASONS = 3
Cell = str | Figure


@dataclass(frozen=True)
class Table:
    """A table of the report."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Section:
    """A numbered section: what the figures say, its tables, and what the office adds; `added` None takes no words."""

    heading: str
    paragraphs: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    added: str | None = None

    @property
    def words(self) -> Sequence[str]:
        """What was added, by line, or that it is still to be written."""
        if self.added is None:
            return ()
        return [line for line in self.added.split("\n") if line.strip()] or [TO_BE_WRITTEN]


@dataclass(frozen=True)
class Report:
    """The whole report. `remark` holds the words that were added, for the form on its page."""

    title: str
    subtitle: str
    quarter: Quarter
    region: str
    sections: tuple[Section, ...]
    author: str
    moment: datetime
    remark: ReportRemark
    hides: bool


@dataclass(frozen=True)
class _Three:
    """The same in this quarter, the one before, and since the beginning of the year."""

    now: Mapping[Stage, Line]
    before: Mapping[Stage, Line]
    year: Mapping[Stage, Line]


def make(session: Session, viewer: Viewer, quarter: Quarter, region: str, now: datetime | None = None) -> Report:
    """The report of a quarter for a region or the whole platform; raises Forbidden."""
    policy.check_can_see(viewer, region)
    now = now or utc_now()
    material = sources.load(session)
    protect = service.hides_from(viewer, region)
    scope = service.scope_of(viewer, Asked(region), quarter)

    def lines(at: Scope) -> Mapping[Stage, Line]:
        return {line.stage: line for line in figures.funnel(material.happenings, at, protect=protect)}

    three = _Three(
        now=lines(scope),
        before=lines(Scope(scope.regions, scope.specialties, of_quarter(quarter.previous))),
        year=lines(Scope(scope.regions, scope.specialties, year_to(quarter))),
    )
    remark = service.remark_of(session, quarter, region)
    name = service.name_of(region)
    return Report(
        title=_("%(region)s医工对接工作情况报告") % {"region": name},
        subtitle=f"（{quarter.label}）",
        quarter=quarter,
        region=region,
        sections=(
            _overview(three, material, scope, quarter, name, protect=protect),
            _outcome(three.now, material, scope, protect=protect),
            _problems(material, scope, remark, min(now, quarter.end), protect=protect),
            _plans(three.now, remark),
        ),
        author=_author(viewer, region),
        moment=now,
        remark=remark,
        hides=protect,
    )


def _author(viewer: Viewer, region: str) -> str:
    """The office that reports: the viewer's agency of that region."""
    for membership in viewer.memberships:
        if region and membership.verified and membership.jurisdiction == region:
            return membership.organisation_name
    return _("医桥平台")


def _counted(line: Line, share: str = "") -> str:
    """A stage as it stands in a sentence: 发起引荐 2 件（折算 1.6 件）; `share` is another wording of the last part."""
    unit = UNITS[line.stage]
    words = f"{STAGES[line.stage]} {line.count.text} {unit}"
    if line.credit != line.count:
        words += (share or _("（折算 %(credit)s %(unit)s）")) % {"credit": line.credit.text, "unit": unit}
    return words


def _compared(stage: Stage, now: Line, before: Line) -> str | None:
    """How a stage has changed; None where a figure is hidden."""
    if now.count.value is None or before.count.value is None:
        return None
    change = now.count.value - before.count.value
    if change == 0:
        return _("%(stage)s持平") % {"stage": STAGES[stage]}
    words = _("%(stage)s增加 %(count)s %(unit)s") if change > 0 else _("%(stage)s减少 %(count)s %(unit)s")
    return words % {"stage": STAGES[stage], "count": Figure(abs(change)).text, "unit": UNITS[stage]}


def _overview(
    three: _Three, material: Material, scope: Scope, quarter: Quarter, name: str, *, protect: bool
) -> Section:
    shared = next((stage for stage in Stage if three.now[stage].credit != three.now[stage].count), None)
    in_full = _("（按各地商定的分成折算 %(credit)s %(unit)s，下同）")
    stages = "，".join(_counted(three.now[stage], in_full if stage is shared else "") for stage in Stage)
    paragraphs = [f"{quarter.label}，{name}{stages}。"]
    changes = [_compared(stage, three.now[stage], three.before[stage]) for stage in Stage]
    told = [words for words in changes if words]
    if told:
        paragraphs.append(_("与上季度相比，%(changes)s。") % {"changes": "，".join(told)})
    kinds = [
        f"{KINDS[NeedKind(row.label)]} {row.cells[0].text} {UNITS[Stage.NEEDS]}"
        for row in _kinds(material, scope, protect=protect)
        if row.cells[0].value is not None
    ]
    if kinds:
        paragraphs.append(_("新发布的需求中，%(kinds)s。") % {"kinds": "，".join(kinds)})
    rows = [
        (STAGES[s], UNITS[s], three.now[s].count, three.now[s].credit, three.before[s].count, three.year[s].count)
        for s in Stage
    ]
    header = (_("环节"), _("单位"), _("本季度"), _("按分成折算"), _("上季度"), _("本年累计"))
    return Section(_("一、总体情况"), tuple(paragraphs), (Table(_("表 1　各环节数量"), header, tuple(rows)),))


def _kinds(material: Material, scope: Scope, *, protect: bool) -> Sequence[Row]:
    labels = [(kind.value, kind.value) for kind in NeedKind]
    found = [one for one in material.happenings if one.stage is Stage.NEEDS]
    return figures.breakdown(found, lambda one: {one.subject.kind: scope.share(one)}, labels, protect=protect)


def _outcome(now: Mapping[Stage, Line], material: Material, scope: Scope, *, protect: bool) -> Section:
    done = "，".join(_counted(now[stage]) for stage in (Stage.AGREED, Stage.STEPS, Stage.PATIENTS))
    paragraphs = [_("本季度%(done)s。") % {"done": done}]
    waits = figures.waiting(material.waits, scope, protect=protect)
    told = [_wait(line.kind, line.median) for line in waits if line.median and line.median.value is not None]
    if told:
        paragraphs.append(_("办理用时（工作日中位数）：%(waits)s。") % {"waits": "；".join(told)})
    header = tuple(STAGES.values())
    stages = (
        (_("表 2　按诊疗科目（引荐及以后按分成折算）"), service.by_specialty(material, scope, protect=protect)),
        (_("表 3　按地区（引荐及以后按分成折算）"), service.by_region(material, scope, protect=protect)),
    )
    tables = [
        Table(caption, (_("类别"), *header), tuple((row.label, *row.cells) for row in rows)) for caption, rows in stages
    ]
    times = tuple((WAITS[line.kind], line.count, line.median or NONE) for line in waits)
    tables.append(Table(_("表 4　办理用时"), (_("事项"), _("件数"), _("中位数（工作日）")), times))
    return Section(_("二、对接成效"), tuple(paragraphs), tuple(tables))


def _wait(kind: WaitKind, middle: Figure) -> str:
    if middle.value == 0:
        return _("%(what)s当天完成") % {"what": WAITS[kind]}
    return _("%(what)s %(days)s 个") % {"what": WAITS[kind], "days": middle.text}


def _problems(material: Material, scope: Scope, remark: ReportRemark, moment: datetime, *, protect: bool) -> Section:
    rows, counts = figures.reasons(material.endings, scope, REASONS, protect=protect)
    ended = Figure(sum(counts.values()))
    said = [reason for reason in counts if reason not in (TURNED_DOWN, EXPIRED, WITHDRAWN)]
    declined = Figure(sum(counts[reason] for reason in said))
    shown = [_hidden(figure) if protect else figure for figure in (ended, declined)]
    paragraphs = [
        _("本季度未成而终的引荐 %(ended)s 件，其中一方婉拒 %(declined)s 件。")
        % {"ended": shown[0].text, "declined": shown[1].text}
    ]
    by_label = {row.label: row.cells[0] for row in rows}
    top = [_reason(REASONS[reason], by_label[REASONS[reason]]) for reason in said[:MOST_REASONS]]
    if top:
        paragraphs.append(_("婉拒的主要理由是：%(reasons)s。") % {"reasons": "、".join(top)})
    left = figures.without_proposal(material.happenings, material.ended_at, scope, moment, protect=protect)
    paragraphs.append(_("期末已发布、尚未引荐的需求 %(left)s 项。") % {"left": left.text})
    header = (_("结束原因"), _("合计"), _("需求方"), _("能力方"))
    table = Table(_("表 5　引荐结束的原因（件）"), header, tuple((row.label, *row.cells) for row in rows))
    return Section(_("三、存在问题"), tuple(paragraphs), (table,), added=remark.problems)


def _reason(words: str, count: Figure) -> str:
    if count.value is None:
        return words
    return _("%(reason)s（%(count)s 件）") % {"reason": words, "count": count.text}


def _hidden(figure: Figure) -> Figure:
    return figures.HIDDEN if figure.value and figure.value < FEWEST else figure


def _plans(now: Mapping[Stage, Line], remark: ReportRemark) -> Section:
    return Section(_("四、下一步安排"), (), (), added=remark.plans)
