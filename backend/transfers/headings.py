"""What a column of a sheet is, what a kind of sheet is, and the columns that several kinds have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.disclosure.forms import AUDIENCES
from backend.disclosure.models import TEXT_LENGTH
from backend.i18n import gettext as _
from backend.organisations.models import NAME_LENGTH
from backend.taxonomies import device_categories, specialties
from backend.transfers import values
from backend.transfers.models import KEY_LENGTH, RowKind
from backend.transfers.values import Parse
from backend.transfers.words import (
    AUDIENCE_WORDS,
)


@dataclass(frozen=True)
class Column:
    """A column. `also` are other headings for it; `listed` are the words that the template offers to choose from."""

    name: str
    label: str
    parse: Parse
    also: tuple[str, ...] = ()
    required: bool = False
    hint: str = ""
    listed: Sequence[str] = ()
    width: int = 16


@dataclass(frozen=True)
class Table:
    """A kind of sheet: how it is called, its columns, and which of them tells that a sheet is of this kind."""

    kind: RowKind
    label: str
    also: tuple[str, ...]
    title: str
    columns: Sequence[Column]
    by_heading: Mapping[str, Column] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        found: dict[str, Column] = {}
        for column in self.columns:
            for heading in (column.label, *column.also):
                found.setdefault(values.folded(heading), column)
        object.__setattr__(self, "by_heading", found)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


def choice_of(
    name: str, label: str, labels: Mapping[Any, str], more: Mapping[str, Any], *also: str, **options: Any
) -> Column:
    """A column that takes one word of a list; `more` are other words for the same."""
    return Column(name, label, values.choice(labels, more), also, listed=tuple(labels.values()), **options)


def text_of(name: str, label: str, *also: str, length: int = TEXT_LENGTH, **options: Any) -> Column:
    """A column of running text."""
    return Column(name, label, values.area(length), also, **{"width": 40, **options})


KEY = Column(
    "key",
    _("编号"),
    values.line(KEY_LENGTH),
    ("需求编号", "能力编号", "单位编号", "项目编号", "产品编号", "对接编号", "ID"),
    hint=_("本表自己的编号，可不填。填了以后再次导入按编号认行，标题改了也不会重复。"),
    width=12,
)
REGION = Column(
    "region",
    _("所在地区"),
    values.region,
    ("地区", "区域", "所属区", "所在区", "行政区", "行政区划", "区县", "属地", "行政区划代码"),
    hint=_("区或市的名称，或六位代码。"),
    width=12,
)
PERSON = Column(
    "contact_name", _("联系人"), values.line(60), ("联系人姓名", "负责人", "对接人", "项目联系人"), width=12
)
TELEPHONE = Column(
    "contact_phone",
    _("联系电话"),
    values.line(60),
    ("电话", "手机", "手机号", "联系方式电话", "联系人电话", "联系手机"),
    width=16,
)
SPECIALTY = Column(
    "specialty",
    _("诊疗科目"),
    values.term(specialties),
    ("学科", "专业", "专科", "所属学科", "临床专科", "专业领域"),
    hint=_("名称或代码，见“诊疗科目”页。"),
)
CATEGORY = Column(
    "device_category",
    _("器械类别"),
    values.term(device_categories),
    ("产品类别", "器械分类", "医疗器械分类", "分类目录"),
    hint=_("分类目录的名称或代码，见“器械类别”页。"),
)
DATE = Column(
    "date",
    _("提出日期"),
    values.day,
    ("发布日期", "提出时间", "发布时间", "征集日期", "征集时间", "填报日期", "填报时间", "登记日期", "日期"),
    hint=_("如 2026-03-01。"),
    width=12,
)
AUDIENCE = choice_of(
    "audience",
    _("谁可以看到摘要"),
    AUDIENCES,
    AUDIENCE_WORDS,
    "公开范围",
    "可见范围",
    hint=_("不填时为已核验单位的成员。"),
)
ANONYMOUS = Column(
    "anonymous",
    _("匿名发布"),
    values.truth,
    ("匿名", "是否匿名"),
    listed=(_("是"), _("否")),
    hint=_("不填为否。"),
    width=10,
)
CONTACT = text_of("contact", _("联系方式"), "联系信息", width=24, hint=_("只在密件中出现。"))


def organisation_of(label: str, *also: str, required: bool = True) -> Column:
    """The column that names whose row it is."""
    return Column("organisation", label, values.line(NAME_LENGTH), also, required=required, width=28)
