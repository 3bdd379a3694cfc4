"""The wording of notifications: on pages in Chinese, in mails in Chinese and English."""

from backend.i18n import gettext as _
from backend.notifications.models import Notice

NOTICES = {
    Notice.REVIEW_WAITING: _("有内容等待审核"),
    Notice.REVIEW_UNASSIGNED: _("有内容等待审核，但所在地区没有撮合员"),
    Notice.TEXT_EDITED: _("辖区内已发布的内容有修改"),
    Notice.PUBLISHED: _("审核通过，已发布"),
    Notice.RETURNED: _("已退回，请按意见补充后再次提交"),
    Notice.REJECTED: _("未通过审核"),
    Notice.MATCHED: _("已进入对接"),
    Notice.FULFILLED: _("已标记为解决"),
    Notice.CLOSED: _("已由撮合员关闭"),
    Notice.EXPIRING: _("即将到期，请确认是否仍然有效"),
    Notice.EXPIRED: _("已到期，不再对外展示"),
    Notice.RELEASE_GRANTED: _("有单位向贵单位开放了内容"),
    Notice.RELEASE_REVOKED: _("向贵单位开放的内容已收回"),
    Notice.RELEASE_CHANGED: _("向贵单位开放的内容有修改"),
    Notice.RELEASE_PROPOSED: _("撮合员建议开放内容，请决定"),
    Notice.SUPPORTED: _("有单位或科室附议了您的需求"),
    Notice.ADMIN_ACCESS: _("平台管理员说明理由后查看了详情"),
}
ENGLISH = {
    Notice.REVIEW_WAITING: "A text is waiting for your review",
    Notice.REVIEW_UNASSIGNED: "A text is waiting for review in a region that has no broker",
    Notice.TEXT_EDITED: "A published text in your region was changed",
    Notice.PUBLISHED: "Your text passed the review and is published",
    Notice.RETURNED: "Your text was returned; please improve it and submit it again",
    Notice.REJECTED: "Your text did not pass the review",
    Notice.MATCHED: "Your need is being followed up",
    Notice.FULFILLED: "A need was marked as solved",
    Notice.CLOSED: "Your text was closed by a broker",
    Notice.EXPIRING: "Your text is about to expire; please confirm that it still holds",
    Notice.EXPIRED: "Your text has expired and is no longer shown to others",
    Notice.RELEASE_GRANTED: "A text was opened to your organisation",
    Notice.RELEASE_REVOKED: "A text is no longer open to your organisation",
    Notice.RELEASE_CHANGED: "A text that is open to your organisation was changed",
    Notice.RELEASE_PROPOSED: "A broker proposes to open your text; please decide",
    Notice.SUPPORTED: "Somebody else lacks the same and has joined your need",
    Notice.ADMIN_ACCESS: "An administrator gave a reason and opened the brief of your text",
}
