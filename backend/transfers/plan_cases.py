"""What becomes of a row about a past introduction."""

from datetime import date
from typing import Any

from backend.db import utc_now
from backend.i18n import gettext as _
from backend.introductions.states import IntroductionStatus
from backend.needs.models import Need
from backend.templating import LOCAL_ZONE
from backend.transfers.models import RowAction, RowKind
from backend.transfers.planning import Plan, Planned, owner_of, place_of
from backend.transfers.values import folded

EARLIEST = date(2000, 1, 1)


def case(plan: Plan, planned: Planned) -> None:
    """Plan a past introduction: of a need and an organisation that are there or in the same file."""
    values = planned.values
    _dates(planned)
    if values.get("result") is IntroductionStatus.DECLINED and "reason" not in values:
        planned.wrong("reason", _("未达成的请填写原因。"))
    need_owner, need_made = owner_of(plan, planned, "need_organisation")
    owner, made = owner_of(plan, planned, "capability_organisation")
    if planned.problems or not values.get("need_title"):
        return
    near, far = place_of(need_owner, need_made), place_of(owner, made)
    if near == far:
        planned.wrong("capability_organisation", _("需求单位和对接单位不能相同。"))
        return
    need = _found(plan, RowKind.NEED, near, values["need_title"])
    if need is None:
        planned.wrong("need_title", _("该单位没有这项需求，请先导入，或在本文件的“需求”页中列出。"))
    capability: Any = None
    if "capability_title" in values:
        capability = _found(plan, RowKind.CAPABILITY, far, values["capability_title"])
        if capability is None:
            planned.wrong("capability_title", _("对接单位没有这项能力，请先导入，或不填。"))
    if planned.problems:
        return
    sides = {_region(plan, need), owner.region if owner else plan.scope.region}
    if plan.scope.region not in sides:
        planned.wrong("need_organisation", _("双方均不在本辖区，不能导入。"))
        return
    if plan.is_repeated(planned, near, folded(values["need_title"]), far, values["date"].isoformat()):
        return
    if isinstance(need, Need) and owner is not None:
        if (need.id, owner.id, values["date"]) in plan.world.cases:
            planned.skip(_("已有这次引荐的记录。"))
            return
        if values["result"] is IntroductionStatus.AGREED and f"{need.id}:{owner.id}" in plan.world.open_keys:
            planned.wrong("result", _("双方在平台上已有进行中的引荐，请在那里记录结果。"))
            return
    planned.parties = {
        name: found.id
        for name, found in (("need_title", need), ("capability_title", capability))
        if found is not None and not isinstance(found, Planned)
    }
    planned.action = RowAction.CREATE


def _dates(planned: Planned) -> None:
    """Both dates lie in the past, in their order."""
    values = planned.values
    today = utc_now().astimezone(LOCAL_ZONE).date()
    for name in ("date", "end_date"):
        if name in values and not EARLIEST <= values[name] <= today:
            planned.wrong(name, _("日期应在 2000 年以后、今天以前。"))
    if "date" in values and values.get("end_date", values["date"]) < values["date"]:
        planned.wrong("end_date", _("结束日期早于引荐日期。"))


def _found(plan: Plan, kind: RowKind, place: str, title: str) -> Any:
    """A text by its title: one that is there, or the row of this file that makes it."""
    there = plan.world.by_title.get((kind, place, folded(title)))
    return there if there is not None else plan.new_subjects.get((kind, place, folded(title)))


def _region(plan: Plan, need: Any) -> str | None:
    return str(need.region) if isinstance(need, Need) else plan.scope.region
