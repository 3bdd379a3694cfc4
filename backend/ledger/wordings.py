"""The wording of steps, phases, statuses and actions, and of what a case tells in its story."""

from backend.i18n import gettext as _
from backend.ledger.states import Phase, StepAction, StepKind, StepStatus
from backend.needs.models import NeedKind

STEPS = {
    StepKind.ORDER: _("接单"),
    StepKind.OBSERVATION: _("临床观摩"),
    StepKind.CONCEPT: _("概念验证"),
    StepKind.PROTOTYPE: _("样机"),
    StepKind.BENCH: _("小试"),
    StepKind.PILOT: _("中试"),
    StepKind.ANIMAL: _("动物实验"),
    StepKind.TYPE_TEST: _("型式检验"),
    StepKind.CLINICAL: _("临床评价或试验"),
    StepKind.REGISTRATION: _("注册申报"),
    StepKind.CERTIFICATE: _("获证"),
    StepKind.CATALOGUE: _("推荐目录"),
    StepKind.FIRST_USE: _("首次入院"),
    StepKind.PAYMENT: _("收费或医保"),
    StepKind.PRODUCTION: _("量产落地"),
}
PHASES = {
    Phase.BEGINNING: _("启动"),
    Phase.DEVELOPMENT: _("研制"),
    Phase.TESTING: _("验证"),
    Phase.REGISTRATION: _("注册"),
    Phase.USE: _("入院应用"),
    Phase.PRODUCTION: _("量产"),
    Phase.LANDED: _("全部完成"),
}
STATUSES = {
    StepStatus.PLANNED: _("未开始"),
    StepStatus.RUNNING: _("进行中"),
    StepStatus.BLOCKED: _("受阻"),
    StepStatus.DONE: _("已完成"),
    StepStatus.SKIPPED: _("已跳过"),
}
ACTIONS = {
    StepAction.START: _("开始"),
    StepAction.FINISH: _("完成"),
    StepAction.BLOCK: _("登记受阻"),
    StepAction.RESUME: _("恢复推进"),
    StepAction.SKIP: _("跳过"),
    StepAction.REOPEN: _("重新打开"),
}
BLOCKERS = {
    NeedKind.SERVICE: _("技术服务"),
    NeedKind.SPACE: _("载体空间"),
    NeedKind.CAPITAL: _("资金"),
    NeedKind.VALIDATION: _("临床验证"),
}
NEED_TITLES = {
    NeedKind.SERVICE: _("%(step)s阶段需要技术服务"),
    NeedKind.SPACE: _("%(step)s阶段需要载体空间"),
    NeedKind.CAPITAL: _("%(step)s阶段需要资金"),
    NeedKind.VALIDATION: _("%(step)s阶段需要临床验证"),
}
EVENTS = {
    "ledger:plan": _("安排台账步骤"),
    "ledger:start": _("开始台账步骤"),
    "ledger:finish": _("完成台账步骤"),
    "ledger:block": _("台账步骤受阻"),
    "ledger:resume": _("恢复推进台账步骤"),
    "ledger:skip": _("跳过台账步骤"),
    "ledger:reopen": _("重新打开台账步骤"),
    "ledger:need": _("为受阻步骤起草需求"),
}
"""What the line of a case calls the moves of its ledger."""
STORY = {
    "introduction:ask": _("请求引荐"),
    "introduction:propose": _("提出引荐"),
    "introduction:accept": _("接受引荐，签署保密承诺"),
    "introduction:meet": _("开始对接洽谈"),
    "introduction:meeting:hold": _("召开会议"),
    "introduction:agree": _("达成合作意向"),
    "introduction:party:accept": _("作为协作方加入"),
    "introduction:party:leave": _("退出协作"),
    "introduction:broker:agree": _("同意共同撮合"),
    **EVENTS,
}
"""The events of a case that its story tells; what is not named here stays out of it."""
