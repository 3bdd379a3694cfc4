"""What becomes of a row about an organisation."""

from backend.i18n import gettext as _
from backend.organisations.models import Organisation, OrganisationKind, name_key_of
from backend.organisations.states import OrganisationStatus
from backend.taxonomies import regions
from backend.transfers.models import RowAction
from backend.transfers.planning import Plan, Planned, guessed_kind


def organisation(plan: Plan, planned: Planned) -> None:
    """An organisation of an office's region: verified by the office, unless it looks after itself."""
    values, scope, world = planned.values, plan.scope, plan.world
    name = values.get("name")
    if not name:
        return
    if plan.is_repeated(planned, name_key_of(name)):
        return
    kind = values.get("kind") or guessed_kind(name)
    by_name, by_code = world.by_name.get(name_key_of(name)), world.by_code.get(values.get("credit_code", ""))
    existing = by_name or by_code
    if kind is None and existing is None:
        planned.wrong("kind", _("按名称判断不出类型，请填写单位类型。"))
    if kind is OrganisationKind.AGENCY and existing is None:
        planned.wrong("kind", _("政府部门由平台管理员登记和核验，不能导入。"))
    region = values.get("region") or scope.region
    if existing is None and region != scope.region:
        words = {"region": regions().name(scope.region)}
        planned.wrong("region", _("只能导入本辖区（%(region)s）的单位。") % words)
    if by_code is not None and by_name is not None and by_code.id != by_name.id:
        planned.wrong("credit_code", _("这个统一社会信用代码已由另一家单位登记。"))
    if by_name is None and by_code is not None:
        planned.wrong("credit_code", _("这个统一社会信用代码已有单位登记，名称不同，请核对。"))
    if planned.problems:
        return
    planned.wanted = {
        target: values[source]
        for target, source in (
            ("credit_code", "credit_code"),
            ("summary", "summary"),
            ("contact_name", "contact_name"),
            ("contact_phone", "contact_phone"),
            ("contact_email", "contact_email"),
        )
        if source in values
    }
    if existing is not None:
        _met(plan, planned, existing, kind)
        return
    planned.action = RowAction.CREATE
    planned.wanted |= {"name": name, "kind": kind, "region": region}
    plan.new_organisations[name_key_of(name)] = planned


def _met(plan: Plan, planned: Planned, existing: Organisation, kind: OrganisationKind | None) -> None:
    scope = plan.scope
    planned.organisation_id = existing.id
    if existing.region != scope.region:
        planned.skip(_("已在其他地区登记，未改动。"))
    elif existing.id in plan.world.staffed:
        waits = existing.status is OrganisationStatus.WAITING
        planned.skip(
            _("该单位已自行登记、等待核验，未改动。") if waits else _("该单位已有成员，由其自行维护，未改动。"),
            existing.id,
        )
    elif existing.credit_code and planned.wanted.get("credit_code", existing.credit_code) != existing.credit_code:
        planned.wrong("credit_code", _("与平台上登记的统一社会信用代码不同，请核对。"))
    else:
        planned.wanted |= {"kind": kind} if planned.values.get("kind") else {}
        planned.wanted = {n: v for n, v in planned.wanted.items() if getattr(existing, n) != v}
        if existing.status is not OrganisationStatus.VERIFIED:
            planned.note = _("将由主管部门核验。")
        elif not planned.wanted:
            planned.skip(_("没有变化。"), existing.id)
            return
        planned.action, planned.subject_id = RowAction.CHANGE, existing.id
