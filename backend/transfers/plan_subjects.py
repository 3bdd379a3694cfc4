"""What becomes of a row about a need or a capability."""

from collections.abc import Mapping
from typing import Any

from backend.capabilities import states as capability_states
from backend.capabilities.forms import STATUSES as CAPABILITY_STATUSES
from backend.capabilities.models import CapabilityKind
from backend.i18n import gettext as _
from backend.needs import states as need_states
from backend.needs.forms import STATUSES as NEED_STATUSES
from backend.needs.models import NeedKind
from backend.organisations.models import Organisation, OrganisationKind
from backend.taxonomies import regions
from backend.transfers.models import RowAction, RowKind
from backend.transfers.planning import Plan, Planned, owner_of, place_of
from backend.transfers.values import folded

SHARED = ("title", "specialty", "device_category", "region", "summary", "audience", "anonymous")
TEXTS: Mapping[RowKind, tuple[str, ...]] = {
    RowKind.NEED: (
        *("problem", "procedure", "current_practice", "frequency", "acceptance_criteria", "constraints"),
        *("offers", "offers_note"),
    ),
    RowKind.CAPABILITY: (
        *("composition", "principle", "indications", "stage", "certificate", "performance", "cooperation"),
    ),
}
KINDS = {RowKind.NEED: "need_kind", RowKind.CAPABILITY: "capability_kind"}
DEFAULTS = {RowKind.NEED: NeedKind.CLINICAL, RowKind.CAPABILITY: CapabilityKind.PRODUCT}
EDITABLE = need_states.EDITABLE | capability_states.EDITABLE
STATUSES: Mapping[Any, str] = {**NEED_STATUSES, **CAPABILITY_STATUSES}
OPEN = need_states.OPEN | capability_states.OPEN


def subject(plan: Plan, planned: Planned) -> None:
    """Plan a row: a text of an organisation without members is the office's to publish, any other is a draft."""
    kind, values = planned.row.kind, planned.values
    title = values.get("title")
    organisation, made = owner_of(plan, planned, "organisation")
    if not title or (organisation is None and made is None):
        return
    place = place_of(organisation, made)
    if plan.is_repeated(planned, place, folded(title)):
        return
    planned.organisation_id = organisation.id if organisation else ""
    planned.parties = {"organisation": made.wanted["name"]} if made else {}
    if plan.scope.is_office and organisation is not None and organisation.region != plan.scope.region:
        words = {"region": regions().name(organisation.region)}
        planned.wrong("organisation", _("这家单位登记在%(region)s，不在本辖区。") % words)
    if plan.scope.is_office and values.get("region", plan.scope.region) != plan.scope.region:
        words = {"region": regions().name(plan.scope.region)}
        planned.wrong("region", _("只能导入本辖区（%(region)s）的内容。") % words)
    planned.wanted = _wanted(planned)
    _department(plan, planned, organisation)
    existing = _existing(plan, planned, organisation, title)
    if existing is not None:
        _met(plan, planned, existing)
        return
    staffed = organisation is not None and organisation.id in plan.world.staffed
    planned.publishes = plan.scope.is_office and not staffed
    if planned.publishes and kind is RowKind.NEED and "problem" not in values:
        planned.wrong("problem", _("由主管部门直接发布，请写明遇到的问题与后果。"))
    if planned.publishes:
        planned.wanted.setdefault("summary", title)
    planned.wanted.setdefault("kind", DEFAULTS[kind])
    if organisation is not None:
        planned.wanted.setdefault("region", plan.scope.region or organisation.region)
    else:
        planned.wanted.setdefault("region", plan.scope.region)
    if planned.problems:
        return
    planned.action = RowAction.CREATE
    if not planned.publishes:
        own = not plan.scope.is_office
        planned.note = _("存为草稿。") if own else _("该单位已有成员，存为其草稿，由其提交。")
    plan.new_subjects[kind, place, folded(title)] = planned


def _wanted(planned: Planned) -> dict[str, Any]:
    values, kind = planned.values, planned.row.kind
    wanted = {name: values[name] for name in (*SHARED, *TEXTS[kind]) if name in values}
    if KINDS[kind] in values:
        wanted["kind"] = values[KINDS[kind]]
    parts = [values.get("contact", ""), values.get("contact_name", ""), values.get("contact_phone", "")]
    if any(parts):
        wanted["contact"] = "，".join(filter(None, parts))
    return wanted


def _department(plan: Plan, planned: Planned, organisation: Organisation | None) -> None:
    """The department of a need; an office makes those that an organisation without members lacks."""
    name = planned.values.get("department")
    if not name:
        return
    if organisation is not None:
        known = plan.world.departments.get((organisation.id, folded(name)))
        if known is not None:
            planned.wanted["department_id"] = known
            return
        if not plan.scope.is_office or organisation.id in plan.world.staffed:
            planned.wrong("department", _("该单位没有这个科室，请先在单位页面添加，或不填。"))
            return
        if organisation.kind is not OrganisationKind.HOSPITAL:
            return
    planned.parties["department"] = name


def _existing(plan: Plan, planned: Planned, organisation: Organisation | None, title: str) -> Any:
    """The text that a row is about: by its number, else by organisation and title."""
    kind, world = planned.row.kind, plan.world
    if planned.key:
        found = world.subjects[kind].get(world.by_key.get((kind, planned.key), ""))
        if found is not None and organisation is not None and found.organisation_id == organisation.id:
            return found
    return world.by_title.get((kind, organisation.id, folded(title))) if organisation else None


def _met(plan: Plan, planned: Planned, existing: Any) -> None:
    """A text that is there: changed where whoever imports may, and only by cells that are filled in."""
    scope, world = plan.scope, plan.world
    planned.subject_id = existing.id
    differs = {name: v for name, v in planned.wanted.items() if getattr(existing, name) != v}
    planned.wanted = differs
    points = planned.values.get("requirements")
    if points == world.points.get(existing.id, ()):
        points = None
        planned.values.pop("requirements", None)
    if (
        scope.is_office
        and existing.organisation_id in world.staffed
        and existing.organisation_id != scope.organisation_id
    ):
        planned.problems.clear()
        planned.skip(_("该单位已有成员，由其自行维护，未改动。"))
    elif planned.problems:
        return
    elif not differs and points is None and "department" not in planned.parties:
        planned.skip(_("没有变化。"), existing.id)
    elif existing.status not in EDITABLE:
        words = {"status": STATUSES[existing.status]}
        planned.skip(_("已在平台上，当前为“%(status)s”，不能修改，未改动。") % words, existing.id)
    else:
        planned.action = RowAction.CHANGE
