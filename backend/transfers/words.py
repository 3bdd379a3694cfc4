"""What offices call the values of enumerations, beside the wording of the site."""

from collections.abc import Mapping

from backend.capabilities.models import CapabilityKind, Stage
from backend.disclosure.models import Audience
from backend.i18n import gettext as _
from backend.introductions.states import DeclineReason, IntroductionStatus
from backend.needs.models import NeedKind
from backend.organisations.models import OrganisationKind

RESULTS = {
    IntroductionStatus.AGREED: _("已达成合作"),
    IntroductionStatus.DECLINED: _("未达成"),
    IntroductionStatus.WITHDRAWN: _("已撤回"),
    IntroductionStatus.EXPIRED: _("未答复"),
}
"""How a past introduction can have ended."""
REASONS = {
    DeclineReason.NOT_OUR_FIELD: _("不属于本单位方向"),
    DeclineReason.ALREADY_SOLVED: _("问题已解决"),
    DeclineReason.STAGE_TOO_EARLY: _("阶段过早"),
    DeclineReason.CAPACITY: _("人手或产能不足"),
    DeclineReason.CONFLICT_OF_INTEREST: _("存在利益冲突"),
    DeclineReason.TERMS: _("合作条件不合适"),
    DeclineReason.REGION: _("地域原因"),
    DeclineReason.OTHER: _("其他"),
}


NEED_WORDS: Mapping[str, NeedKind] = {
    "临床": NeedKind.CLINICAL,
    "技术": NeedKind.TECHNICAL,
    "技术攻关需求": NeedKind.TECHNICAL,
    "攻关": NeedKind.TECHNICAL,
    "技术难题": NeedKind.TECHNICAL,
    "供应链": NeedKind.SUPPLY,
    "配套": NeedKind.SUPPLY,
    "验证": NeedKind.VALIDATION,
    "临床试验": NeedKind.VALIDATION,
    "服务": NeedKind.SERVICE,
    "载体": NeedKind.SPACE,
    "空间": NeedKind.SPACE,
    "场地": NeedKind.SPACE,
    "融资": NeedKind.CAPITAL,
    "资金需求": NeedKind.CAPITAL,
    "投融资": NeedKind.CAPITAL,
    "场景": NeedKind.SCENARIO,
    "应用场景需求": NeedKind.SCENARIO,
}
CAPABILITY_WORDS: Mapping[str, CapabilityKind] = {
    "医疗器械": CapabilityKind.PRODUCT,
    "器械": CapabilityKind.PRODUCT,
    "成果": CapabilityKind.RESEARCH,
    "科研": CapabilityKind.RESEARCH,
    "科技成果": CapabilityKind.RESEARCH,
    "技术服务": CapabilityKind.SERVICE,
    "载体": CapabilityKind.SPACE,
    "空间": CapabilityKind.SPACE,
    "场地": CapabilityKind.SPACE,
    "基金": CapabilityKind.CAPITAL,
    "投资": CapabilityKind.CAPITAL,
    "场景": CapabilityKind.SCENARIO,
}
STAGE_WORDS: Mapping[str, Stage] = {
    "概念": Stage.CONCEPT,
    "实验室": Stage.CONCEPT,
    "原型": Stage.PROTOTYPE,
    "原型机": Stage.PROTOTYPE,
    "小试": Stage.PILOT,
    "中试": Stage.PILOT,
    "动物试验": Stage.ANIMAL,
    "型检": Stage.TYPE_TEST,
    "临床试验": Stage.CLINICAL,
    "临床": Stage.CLINICAL,
    "临床评价": Stage.CLINICAL,
    "注册": Stage.REGISTRATION,
    "获证": Stage.APPROVED,
    "已取证": Stage.APPROVED,
    "上市": Stage.MARKETED,
    "已上市": Stage.MARKETED,
    "产业化": Stage.MARKETED,
    "量产": Stage.MARKETED,
}
ORGANISATION_WORDS: Mapping[str, OrganisationKind] = {
    "医疗机构": OrganisationKind.HOSPITAL,
    "公司": OrganisationKind.ENTERPRISE,
    "大学": OrganisationKind.UNIVERSITY,
    "学校": OrganisationKind.UNIVERSITY,
    "研究所": OrganisationKind.INSTITUTE,
    "研究院": OrganisationKind.INSTITUTE,
    "科研机构": OrganisationKind.INSTITUTE,
    "平台": OrganisationKind.PLATFORM,
    "园区": OrganisationKind.PARK,
    "载体": OrganisationKind.PARK,
    "投资机构": OrganisationKind.FUND,
    "政府": OrganisationKind.AGENCY,
}
RESULT_WORDS: Mapping[str, IntroductionStatus] = {
    "成功": IntroductionStatus.AGREED,
    "达成": IntroductionStatus.AGREED,
    "达成合作": IntroductionStatus.AGREED,
    "已合作": IntroductionStatus.AGREED,
    "签约": IntroductionStatus.AGREED,
    "已签约": IntroductionStatus.AGREED,
    "婉拒": IntroductionStatus.DECLINED,
    "拒绝": IntroductionStatus.DECLINED,
    "未成功": IntroductionStatus.DECLINED,
    "未达成合作": IntroductionStatus.DECLINED,
    "失败": IntroductionStatus.DECLINED,
    "终止": IntroductionStatus.WITHDRAWN,
    "撤回": IntroductionStatus.WITHDRAWN,
    "取消": IntroductionStatus.WITHDRAWN,
    "过期": IntroductionStatus.EXPIRED,
    "无回复": IntroductionStatus.EXPIRED,
    "未回复": IntroductionStatus.EXPIRED,
}
REASON_WORDS: Mapping[str, DeclineReason] = {
    "方向不符": DeclineReason.NOT_OUR_FIELD,
    "已解决": DeclineReason.ALREADY_SOLVED,
    "产能不足": DeclineReason.CAPACITY,
    "人手不足": DeclineReason.CAPACITY,
    "利益冲突": DeclineReason.CONFLICT_OF_INTEREST,
    "条件不合": DeclineReason.TERMS,
    "价格": DeclineReason.TERMS,
    "距离": DeclineReason.REGION,
    "地区": DeclineReason.REGION,
}
AUDIENCE_WORDS = {
    "公开": Audience.PUBLIC,
    "会员": Audience.MEMBERS,
    "成员": Audience.MEMBERS,
    "不公开": Audience.MEMBERS,
}
