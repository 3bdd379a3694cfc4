"""A plan under way: its rows, what earlier rows will make, and the organisations that rows name."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from backend.i18n import gettext as _
from backend.organisations.models import Organisation, OrganisationKind, name_key_of
from backend.organisations.states import OrganisationStatus
from backend.transfers.columns import TABLES
from backend.transfers.models import RowAction, RowKind
from backend.transfers.policy import Scope
from backend.transfers.tables import Row
from backend.transfers.values import folded
from backend.transfers.world import World

Problem = tuple[str, str]
"""(label of the column, what is wrong); an empty label is about the row as a whole."""

ENDINGS: Sequence[tuple[str, OrganisationKind]] = (
    ("医院", OrganisationKind.HOSPITAL),
    ("卫生服务中心", OrganisationKind.HOSPITAL),
    ("妇幼保健院", OrganisationKind.HOSPITAL),
    ("大学", OrganisationKind.UNIVERSITY),
    ("学院", OrganisationKind.UNIVERSITY),
    ("研究院", OrganisationKind.INSTITUTE),
    ("研究所", OrganisationKind.INSTITUTE),
    ("实验室", OrganisationKind.INSTITUTE),
    ("基金", OrganisationKind.FUND),
    ("创投", OrganisationKind.FUND),
    ("园", OrganisationKind.PARK),
    ("孵化器", OrganisationKind.PARK),
    ("公司", OrganisationKind.ENTERPRISE),
    ("集团", OrganisationKind.ENTERPRISE),
    ("厂", OrganisationKind.ENTERPRISE),
    ("平台", OrganisationKind.PLATFORM),
)


@dataclass(eq=False)
class Planned:
    """A row and what becomes of it. `values` are those of its columns, `wanted` the columns of the subject to write."""

    row: Row
    action: RowAction = RowAction.ERROR
    subject_id: str | None = None
    problems: list[Problem] = field(default_factory=list)
    note: str = ""
    key: str = ""
    title: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    wanted: dict[str, Any] = field(default_factory=dict)
    organisation_id: str = ""
    publishes: bool = False
    derived: bool = False
    parties: dict[str, str] = field(default_factory=dict)

    def wrong(self, column: str, message: str) -> None:
        """Say what is wrong with a column, or with the row where the name is empty."""
        label = TABLES[self.row.kind].column(column).label if column else ""
        self.problems.append((label, message))

    def skip(self, note: str, subject_id: str | None = None) -> None:
        """Leave the row out, for a reason."""
        self.action, self.note, self.subject_id = RowAction.SKIP, note, subject_id


@dataclass
class Plan:
    """The plan so far: rows in their order, and organisations and texts that earlier rows will make."""

    scope: Scope
    world: World
    rows: list[Planned] = field(default_factory=list)
    new_organisations: dict[str, Planned] = field(default_factory=dict)
    new_subjects: dict[tuple[RowKind, str, str], Planned] = field(default_factory=dict)
    seen: dict[tuple[str, ...], tuple[str, int]] = field(default_factory=dict)

    def is_repeated(self, planned: Planned, *identity: str) -> bool:
        """Whether an earlier row is about the same; says so."""
        here = planned.row.sheet, planned.row.line
        first = self.seen.setdefault((planned.row.kind, *identity), here)
        if first == here:
            return False
        planned.wrong("", _("与第 %(line)s 行重复。") % {"line": first[1]})
        return True


def guessed_kind(name: str) -> OrganisationKind | None:
    """The kind that a name tells; None where it tells none."""
    bare = name.split("（")[0].split("(")[0].strip()
    return next((kind for ending, kind in ENDINGS if bare.endswith(ending)), None)


def owner_of(plan: Plan, planned: Planned, column: str) -> tuple[Organisation | None, Planned | None]:
    """The organisation that a row names: one that is there, or one that this import makes. Says what is wrong.

    An office's row may name one that stands nowhere yet: it is made with the row.
    """
    scope, world = plan.scope, plan.world
    name = planned.values.get(column)
    if not scope.is_office:
        own = world.organisations[scope.organisation_id]
        if name and world.by_name.get(name_key_of(name)) is not own:
            planned.wrong(column, _("只能导入本单位（%(name)s）的内容。") % {"name": own.name})
            return None, None
        return own, None
    if not name:
        return None, None
    existing = world.by_name.get(name_key_of(name))
    if existing is not None and existing.status is OrganisationStatus.VERIFIED:
        return existing, None
    made = plan.new_organisations.get(name_key_of(name))
    if made is not None:
        return None, made
    again = next(
        (p for p in plan.rows if existing is not None and p.subject_id == existing.id and p.action is RowAction.CHANGE),
        None,
    )
    if existing is not None and again is not None:
        return existing, None
    if existing is not None:
        planned.wrong(column, _("这家单位尚未核验，请先在“待核验的单位”中处理。"))
        return None, None
    kind = guessed_kind(name)
    if kind is None or column == "capability_organisation":
        planned.wrong(column, _("平台上没有这家单位，请先在“单位”页中列出，再导入。"))
        return None, None
    row = replace(planned.row, kind=RowKind.ORGANISATION, cells={"name": name})
    derived = Planned(row, RowAction.CREATE, title=name, derived=True, values={"name": name})
    derived.note = _("由本行的单位名称新建，类型按名称判断。")
    derived.wanted = {"name": name, "kind": kind, "region": scope.region}
    plan.new_organisations[name_key_of(name)] = derived
    plan.rows.append(derived)
    return None, derived


def place_of(organisation: Organisation | None, made: Planned | None) -> str:
    """What stands for an organisation among identities: its id, or the name of one that is yet to be made."""
    return organisation.id if organisation else folded(made.wanted["name"]) if made else ""
