"""The kinds of things on the desk, and what they are called."""

from enum import StrEnum

from backend.i18n import gettext as _


class ItemKind(StrEnum):
    """Why something is on the desk, in the order of its groups of links."""

    REVIEW_NEED = "review-need"
    REVIEW_CAPABILITY = "review-capability"
    VERIFY = "verify"
    ASKED = "asked"
    ANSWER = "answer"
    MATCH = "match"
    MEETING = "meeting"
    LEDGER = "ledger"
    PROPOSAL = "proposal"
    STALE = "stale"
    GAP = "gap"


class Urgency(StrEnum):
    """How soon something has to be done, first things first."""

    OVERDUE = "overdue"
    TODAY = "today"
    SOON = "soon"
    LATER = "later"


KINDS = {
    ItemKind.REVIEW_NEED: _("审核需求"),
    ItemKind.REVIEW_CAPABILITY: _("审核能力"),
    ItemKind.VERIFY: _("核验单位"),
    ItemKind.ASKED: _("引荐请求"),
    ItemKind.ANSWER: _("催办答复"),
    ItemKind.MATCH: _("强匹配待引荐"),
    ItemKind.MEETING: _("近期会议"),
    ItemKind.LEDGER: _("台账停滞"),
    ItemKind.PROPOSAL: _("开放建议未答复"),
    ItemKind.STALE: _("能力已过期"),
    ItemKind.GAP: _("暂无可对接能力"),
}
URGENCIES = {
    Urgency.OVERDUE: _("已逾期"),
    Urgency.TODAY: _("今天到期"),
    Urgency.SOON: _("三个工作日内到期"),
    Urgency.LATER: _("其他"),
}
