"""The wording of calls, responses and reviews: where they stand, what can be done, and why."""

from backend.i18n import gettext as _
from backend.introductions.states import DeclineReason
from backend.responses.states import CallAction, CallStatus, RefusalReason, ResponseStatus, ReviewStatus

CALL_STATUSES = {
    CallStatus.PROPOSED: _("待发布单位决定"),
    CallStatus.OPEN: _("征集中"),
    CallStatus.CLOSED: _("已截止，评审中"),
    CallStatus.DECIDED: _("结果已公布"),
    CallStatus.WITHDRAWN: _("已取消"),
    CallStatus.EXPIRED: _("已结束，无应征"),
}
CALL_ACTIONS = {
    CallAction.OPEN: _("同意并开放征集"),
    CallAction.DECLINE: _("不征集"),
    CallAction.TAKE_BACK: _("收回建议"),
    CallAction.CHANGE: _("修改标准和说明"),
    CallAction.RESCHEDULE: _("更改截止日期"),
    CallAction.WITHDRAW: _("取消征集"),
    CallAction.DECIDE: _("公布结果"),
}
RESPONSE_STATUSES = {
    ResponseStatus.DRAFT: _("草稿，尚未提交"),
    ResponseStatus.SUBMITTED: _("已提交"),
    ResponseStatus.WITHDRAWN: _("已撤回"),
    ResponseStatus.PICKED: _("入选"),
    ResponseStatus.NOT_PICKED: _("未入选"),
    ResponseStatus.LAPSED: _("征集未评出结果"),
}
REVIEW_STATUSES = {
    ReviewStatus.INVITED: _("待答复"),
    ReviewStatus.ACCEPTED: _("评审中"),
    ReviewStatus.SUBMITTED: _("已提交评分"),
    ReviewStatus.REFUSED: _("已谢绝"),
    ReviewStatus.REMOVED: _("已取消"),
}
REFUSALS = {
    RefusalReason.CONFLICT: _("有利益冲突"),
    RefusalReason.NOT_MY_FIELD: _("不是我的专业"),
    RefusalReason.TOO_MANY: _("评审任务过多"),
    RefusalReason.OTHER: _("其他原因"),
}
PASS_REASONS = {
    DeclineReason.OTHER: _("综合评分靠后"),
    DeclineReason.NOT_OUR_FIELD: _("与需求不符"),
    DeclineReason.STAGE_TOO_EARLY: _("成熟度不足"),
    DeclineReason.CAPACITY: _("团队或时间安排不合适"),
    DeclineReason.TERMS: _("费用或合作条件不合适"),
    DeclineReason.REGION: _("地区不合适"),
    DeclineReason.CONFLICT_OF_INTEREST: _("有利益冲突"),
}
POINT_WORDS = {
    5: _("5 分：很好"),
    4: _("4 分：较好"),
    3: _("3 分：一般"),
    2: _("2 分：较差"),
    1: _("1 分：差"),
}
