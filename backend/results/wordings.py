"""How stages, waiting times and reasons are called on the page and in the report."""

from backend.i18n import gettext as _
from backend.introductions.forms import REASONS as DECLINE_REASONS
from backend.results.sources import EXPIRED, TURNED_DOWN, WITHDRAWN, Stage, WaitKind

STAGES = {
    Stage.NEEDS: _("发布需求"),
    Stage.SUGGESTED: _("匹配建议"),
    Stage.PROPOSED: _("发起引荐"),
    Stage.ACCEPTED: _("双方接受"),
    Stage.MET: _("会面对接"),
    Stage.AGREED: _("达成合作"),
    Stage.STEPS: _("完成落地步骤"),
    Stage.PATIENTS: _("首次入院"),
}
UNITS = {
    Stage.NEEDS: _("项"),
    Stage.SUGGESTED: _("对"),
    Stage.PROPOSED: _("件"),
    Stage.ACCEPTED: _("件"),
    Stage.MET: _("件"),
    Stage.AGREED: _("件"),
    Stage.STEPS: _("步"),
    Stage.PATIENTS: _("件"),
}
WAITS = {
    WaitKind.FIRST_PROPOSAL: _("需求发布至首次引荐"),
    WaitKind.ANSWER: _("一方收到引荐至答复"),
    WaitKind.BOTH_ACCEPT: _("发起引荐至双方接受"),
    WaitKind.AGREEMENT: _("双方接受至达成合作"),
}
REASONS: dict[str, str] = {
    **{reason.value: words for reason, words in DECLINE_REASONS.items()},
    TURNED_DOWN: _("撮合员未予引荐"),
    EXPIRED: _("逾期未答复"),
    WITHDRAWN: _("引荐撤回"),
}
EVERYWHERE = _("全平台")
NO_SPECIALTY = _("未填写诊疗科目")
