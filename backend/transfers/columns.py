"""The columns of each kind of sheet: what they are called in the template, and what offices call them besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.capabilities.forms import KINDS as CAPABILITY_KINDS
from backend.capabilities.forms import STAGES
from backend.disclosure.forms import AUDIENCES
from backend.disclosure.models import TEXT_LENGTH, TITLE_LENGTH
from backend.i18n import gettext as _
from backend.introductions.models import NOTE_LENGTH
from backend.needs.forms import KINDS as NEED_KINDS
from backend.needs.forms import OFFERS
from backend.needs.models import REQUIREMENT_LENGTH, REQUIREMENTS_MAX
from backend.organisations.forms import KINDS as ORGANISATION_KINDS
from backend.organisations.models import DEPARTMENT_LENGTH, NAME_LENGTH, SUMMARY_LENGTH
from backend.taxonomies import device_categories, specialties
from backend.transfers import values
from backend.transfers.models import KEY_LENGTH, RowKind
from backend.transfers.values import Parse
from backend.transfers.words import (
    AUDIENCE_WORDS,
    CAPABILITY_WORDS,
    NEED_WORDS,
    ORGANISATION_WORDS,
    REASON_WORDS,
    REASONS,
    RESULT_WORDS,
    RESULTS,
    STAGE_WORDS,
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


def _choice(
    name: str, label: str, labels: Mapping[Any, str], more: Mapping[str, Any], *also: str, **options: Any
) -> Column:
    return Column(name, label, values.choice(labels, more), also, listed=tuple(labels.values()), **options)


def _text(name: str, label: str, *also: str, length: int = TEXT_LENGTH, **options: Any) -> Column:
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
AUDIENCE = _choice(
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
CONTACT = _text("contact", _("联系方式"), "联系信息", width=24, hint=_("只在密件中出现。"))


def _organisation(label: str, *also: str, required: bool = True) -> Column:
    return Column("organisation", label, values.line(NAME_LENGTH), also, required=required, width=28)


ORGANISATIONS = Table(
    RowKind.ORGANISATION,
    _("单位"),
    ("单位信息", "单位名单", "企业", "企业名单", "医疗机构", "机构", "企业信息", "单位表"),
    "name",
    (
        KEY,
        Column(
            "name",
            _("单位名称"),
            values.line(NAME_LENGTH),
            ("单位全称", "企业名称", "公司名称", "机构名称", "医院名称", "名称", "单位", "企业", "机构全称"),
            required=True,
            width=30,
        ),
        Column(
            "credit_code",
            _("统一社会信用代码"),
            values.code,
            ("信用代码", "社会信用代码", "统一信用代码", "组织机构代码"),
            width=22,
        ),
        _choice(
            "kind",
            _("单位类型"),
            ORGANISATION_KINDS,
            ORGANISATION_WORDS,
            "类型",
            "机构类型",
            "单位性质",
            "性质",
            "类别",
            hint=_("不填时按名称判断。"),
        ),
        REGION,
        PERSON,
        Column("contact_phone", _("联系电话"), values.phone, TELEPHONE.also, width=16),
        Column("contact_email", _("联系邮箱"), values.email, ("邮箱", "电子邮箱", "邮件", "E-mail", "Email"), width=22),
        _text("summary", _("单位简介"), "简介", "企业简介", "主营业务", "单位介绍", "公司简介", length=SUMMARY_LENGTH),
    ),
)
NEEDS = Table(
    RowKind.NEED,
    _("需求"),
    ("需求表", "需求清单", "需求汇总", "临床需求", "需求征集", "需求信息", "技术需求"),
    "title",
    (
        KEY,
        _organisation(
            _("单位名称"),
            "需求单位",
            "提出单位",
            "单位",
            "医院",
            "医院名称",
            "医疗机构",
            "需求方",
            "发布单位",
            "企业名称",
            "申报单位",
        ),
        Column(
            "department",
            _("科室"),
            values.line(DEPARTMENT_LENGTH),
            ("提出科室", "需求科室", "所在科室", "科室名称", "部门"),
        ),
        Column(
            "title",
            _("需求名称"),
            values.line(TITLE_LENGTH),
            ("项目名称", "标题", "需求标题", "课题名称", "名称", "需求", "需求题目", "题目"),
            required=True,
            width=34,
        ),
        _choice(
            "need_kind", _("需求类型"), NEED_KINDS, NEED_WORDS, "类型", "需求类别", "类别", hint=_("不填为临床需求。")
        ),
        SPECIALTY,
        CATEGORY,
        REGION,
        _text(
            "summary",
            _("摘要"),
            "需求摘要",
            "需求简介",
            "概述",
            "需求概述",
            "简介",
            hint=_("其他单位先看到的一段，不写患者和未公开的细节。"),
        ),
        _text(
            "problem",
            _("遇到的问题与后果"),
            "问题描述",
            "需求描述",
            "需求内容",
            "具体问题",
            "存在问题",
            "痛点",
            "临床痛点",
            "需求详情",
            "问题",
            "需求说明",
            "主要内容",
            "详细描述",
            "存在的问题",
        ),
        _text("procedure", _("术式与场景"), "使用场景", "术式", "场景", "临床场景"),
        _text("current_practice", _("目前的做法"), "现状", "目前做法", "现有方案", "国内外现状", "现行做法"),
        _text("frequency", _("发生频度"), "频度", "频次", "年手术量", "年例数", width=18),
        _text(
            "acceptance_criteria",
            _("怎样算解决"),
            "预期目标",
            "技术指标",
            "验收标准",
            "目标",
            "预期效果",
            "期望目标",
            "指标要求",
        ),
        _text("constraints", _("限制条件"), "约束条件", "限制", "其他要求"),
        Column(
            "requirements",
            _("需求要点"),
            values.points(REQUIREMENTS_MAX, REQUIREMENT_LENGTH),
            ("要点",),
            hint=_("每行一条，最多 12 条；不填时由平台从正文中提取。"),
            width=40,
        ),
        Column(
            "offers",
            _("可以提供的支持"),
            values.choices(OFFERS),
            ("可提供支持", "提供支持", "支持条件"),
            hint=_("可填几项，用顿号隔开：") + "、".join(OFFERS.values()),
            width=24,
        ),
        _text("offers_note", _("支持说明"), "支持内容", width=24),
        AUDIENCE,
        ANONYMOUS,
        CONTACT,
        PERSON,
        TELEPHONE,
        DATE,
    ),
)
CAPABILITIES = Table(
    RowKind.CAPABILITY,
    _("能力"),
    ("能力表", "产品", "产品清单", "能力清单", "技术", "成果", "成果清单", "企业能力", "产品信息"),
    "title",
    (
        KEY,
        _organisation(
            _("单位名称"),
            "企业名称",
            "公司名称",
            "单位",
            "企业",
            "供给方",
            "能力单位",
            "生产企业",
            "机构名称",
            "完成单位",
            "发布单位",
        ),
        Column(
            "title",
            _("能力名称"),
            values.line(TITLE_LENGTH),
            ("产品名称", "技术名称", "成果名称", "服务名称", "项目名称", "标题", "名称", "能力标题"),
            required=True,
            width=34,
        ),
        _choice(
            "capability_kind",
            _("能力类型"),
            CAPABILITY_KINDS,
            CAPABILITY_WORDS,
            "类型",
            "类别",
            "能力类别",
            hint=_("不填为产品。"),
        ),
        SPECIALTY,
        CATEGORY,
        REGION,
        _text(
            "summary",
            _("摘要"),
            "产品简介",
            "简介",
            "能力简介",
            "产品介绍",
            "概述",
            "成果简介",
            "技术简介",
            "产品描述",
            "能力描述",
        ),
        _text("composition", _("组成与内容"), "组成", "产品组成", "结构组成", "服务内容"),
        _text("principle", _("工作原理或技术路线"), "工作原理", "技术路线", "技术原理", "核心技术"),
        _text("indications", _("适用范围"), "适应症", "应用领域", "适用领域", "预期用途"),
        _choice("stage", _("所处阶段"), STAGES, STAGE_WORDS, "阶段", "研发阶段", "成熟度", "产品阶段"),
        _text("certificate", _("注册证与资质"), "注册证", "注册证号", "资质", "证书", width=24),
        _text("performance", _("性能与验证情况"), "性能指标", "性能", "主要指标", "验证情况"),
        _text("cooperation", _("合作意向"), "合作方式", "合作需求", "意向"),
        AUDIENCE,
        ANONYMOUS,
        CONTACT,
        PERSON,
        TELEPHONE,
        DATE,
    ),
)
INTRODUCTIONS = Table(
    RowKind.INTRODUCTION,
    _("引荐记录"),
    ("引荐", "对接记录", "对接", "撮合记录", "对接情况", "对接台账", "历史引荐"),
    "need_title",
    (
        KEY,
        Column(
            "need_title",
            _("需求名称"),
            values.line(TITLE_LENGTH),
            ("对接需求", "需求", "需求标题", "项目名称"),
            required=True,
            width=34,
        ),
        Column(
            "need_organisation",
            _("需求单位"),
            values.line(NAME_LENGTH),
            ("需求方", "提出单位", "医院", "医院名称", "需求单位名称"),
            required=True,
            width=28,
        ),
        Column(
            "capability_organisation",
            _("对接单位"),
            values.line(NAME_LENGTH),
            ("能力单位", "对接企业", "承接单位", "企业名称", "供给方", "企业", "能力方"),
            required=True,
            width=28,
        ),
        Column(
            "capability_title",
            _("能力名称"),
            values.line(TITLE_LENGTH),
            ("产品名称", "对接产品", "对接能力", "产品"),
            width=34,
            hint=_("可不填；填写时须是平台上或本文件“能力”页中的能力。"),
        ),
        Column(
            "date",
            _("引荐日期"),
            values.day,
            ("对接日期", "推荐日期", "对接时间", "引荐时间", "日期", "时间"),
            required=True,
            width=12,
            hint=_("如 2026-03-01。"),
        ),
        _choice(
            "result",
            _("结果"),
            RESULTS,
            RESULT_WORDS,
            "对接结果",
            "状态",
            "引荐结果",
            "对接状态",
            "进展",
            required=True,
        ),
        Column(
            "end_date",
            _("结束日期"),
            values.day,
            ("完成日期", "结果日期", "签约日期", "办结日期"),
            width=12,
            hint=_("不填时同引荐日期。"),
        ),
        _choice("reason", _("未达成的原因"), REASONS, REASON_WORDS, "原因", "婉拒理由", "婉拒原因", "失败原因"),
        _text("note", _("备注"), "说明", "情况说明", "备注说明", length=NOTE_LENGTH, hint=_("只有撮合员能看到。")),
    ),
)
TABLES: Mapping[RowKind, Table] = {table.kind: table for table in (ORGANISATIONS, NEEDS, CAPABILITIES, INTRODUCTIONS)}
IGNORED = frozenset(
    values.folded(word)
    for word in ("序号", "序", "No", "No.", "#", "行号", "备注", "发布单位地区", "状态", "链接", "问题")
)
"""Headings of columns that every sheet has and nobody misses."""
