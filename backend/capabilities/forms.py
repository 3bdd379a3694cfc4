"""The form of a capability, and the wording of its lists."""

from backend.capabilities.models import CapabilityKind, Stage
from backend.capabilities.states import CapabilityAction, CapabilityStatus
from backend.disclosure.forms import SubjectForm
from backend.disclosure.models import TEXT_LENGTH
from backend.forms import Choice, text_area
from backend.i18n import gettext as _

KINDS = {
    CapabilityKind.PRODUCT: _("产品"),
    CapabilityKind.TECHNOLOGY: _("技术"),
    CapabilityKind.RESEARCH: _("科研成果"),
    CapabilityKind.SERVICE: _("服务"),
    CapabilityKind.SPACE: _("载体空间"),
    CapabilityKind.CAPITAL: _("资金"),
    CapabilityKind.SCENARIO: _("应用场景"),
}
STATUSES = {
    CapabilityStatus.DRAFT: _("草稿"),
    CapabilityStatus.SUBMITTED: _("待审核"),
    CapabilityStatus.RETURNED: _("待补充"),
    CapabilityStatus.PUBLISHED: _("已发布"),
    CapabilityStatus.STALE: _("待确认"),
    CapabilityStatus.ARCHIVED: _("已归档"),
    CapabilityStatus.WITHDRAWN: _("已撤回"),
    CapabilityStatus.CLOSED: _("已关闭"),
    CapabilityStatus.DISCARDED: _("已删除"),
}
ACTIONS = {
    CapabilityAction.SUBMIT: _("提交审核"),
    CapabilityAction.TAKE_BACK: _("取回修改"),
    CapabilityAction.PUBLISH: _("通过并发布"),
    CapabilityAction.RETURN: _("退回补充"),
    CapabilityAction.REJECT: _("不予发布"),
    CapabilityAction.CONFIRM: _("确认仍然有效"),
    CapabilityAction.EXPIRE: _("到期"),
    CapabilityAction.ARCHIVE: _("归档"),
    CapabilityAction.CLOSE: _("关闭"),
    CapabilityAction.WITHDRAW: _("撤回"),
    CapabilityAction.DISCARD: _("删除"),
    CapabilityAction.RESTORE: _("恢复为草稿"),
}
STAGES = {
    Stage.CONCEPT: _("概念验证"),
    Stage.PROTOTYPE: _("样机"),
    Stage.PILOT: _("小试、中试"),
    Stage.ANIMAL: _("动物实验"),
    Stage.TYPE_TEST: _("型式检验"),
    Stage.CLINICAL: _("临床评价或临床试验"),
    Stage.REGISTRATION: _("注册申报"),
    Stage.APPROVED: _("已获证"),
    Stage.MARKETED: _("已上市使用"),
}


class CapabilityForm(SubjectForm):
    """Teaser, brief and annex of a capability; publishing asks for more than saving a draft."""

    kind = Choice(_("能力类型"), [(k.value, v) for k, v in KINDS.items()], default=CapabilityKind.PRODUCT.value)

    composition = text_area(_("组成与内容"), TEXT_LENGTH)
    principle = text_area(_("工作原理或技术路线"), TEXT_LENGTH)
    indications = text_area(_("适用范围"), TEXT_LENGTH, rows=3)
    stage = Choice(_("所处阶段"), [(k.value, v) for k, v in STAGES.items()], empty=_("不适用"))
    certificate = text_area(_("注册证与资质"), TEXT_LENGTH, rows=2)
    performance = text_area(_("性能与验证情况"), TEXT_LENGTH, rows=3)
    cooperation = text_area(_("合作意向"), TEXT_LENGTH, rows=3)
