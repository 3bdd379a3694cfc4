"""The one line that a page shows after a write has succeeded: carried over the redirect as a code, never as text."""

from fastapi import Request
from starlette.responses import Response

from backend.i18n import gettext as _

COOKIE = "yiqiao_flash"
MESSAGES = {
    "signed-in": _("已登录。"),
    "signed-out": _("已退出登录。"),
    "signed-in-by-recovery-code": _("已用恢复码登录，该恢复码已作废。可在“账号与安全”中生成新的恢复码。"),
    "address-confirmed": _("邮箱已确认，已登录。"),
    "password-reset": _("密码已更新，请用新密码登录。"),
    "password-changed": _("密码已更新，其他设备上的登录已全部结束。"),
    "name-changed": _("姓名已更新。"),
    "email-asked": _("确认邮件已发往新邮箱，请在 24 小时内点开邮件中的链接。确认之前仍使用原邮箱登录。"),
    "email-changed": _("邮箱已更换，今后请用新邮箱登录。"),
    "session-ended": _("该设备上的登录已结束。"),
    "sessions-ended": _("其他设备上的登录已全部结束。"),
    "second-factor-on": _("二次验证已启用。今后登录时，除密码外还需要验证码。"),
    "second-factor-off": _("二次验证已关闭，其他设备的登录和访问令牌已全部停用。"),
    "codes-renewed": _("新的恢复码已启用，原有恢复码全部作废。"),
    "account-deleted": _("账号已注销，个人信息已清除。"),
    "organisation-registered": _("单位已登记，等待主管部门核验。核验通过前，可以查看公开的摘要。"),
    "organisation-changed": _("单位信息已保存。"),
    "organisation-waits-again": _("修改已保存，单位需重新核验。"),
    "organisation-verified": _("单位已核验，已通知该单位的管理成员。"),
    "organisation-refused": _("已退回，原因已通知该单位的管理成员。"),
    "organisation-merged": _("两家单位已合并，已通知有关成员。"),
    "join-requested": _("申请已提交，对方答复后会发邮件通知您。"),
    "member-invited": _("邀请邮件已发出，14 天内有效。"),
    "invitation-withdrawn": _("邀请已撤回，邮件中的链接不再有效。"),
    "member-joined": _("您已加入该单位。"),
    "member-changed": _("成员信息已保存。"),
    "member-removed": _("该成员已移出本单位。"),
    "member-left": _("您已退出该单位。"),
    "handed-over": _("管理已移交，您现在是编辑成员。"),
    "request-accept": _("已同意加入，已通知申请人。"),
    "request-refuse": _("已谢绝，已通知申请人。"),
    "department-added": _("科室已添加。"),
    "department-changed": _("科室已修改。"),
    "department-removed": _("科室已删除。"),
    "need-saved": _("需求已保存为草稿，提交审核并通过后其他单位才能看到。"),
    "need-changed": _("修改已保存。"),
    "need-submit": _("需求已提交，由所在地区的撮合员审核，结果会通知您。"),
    "need-take-back": _("需求已取回，修改后可再次提交。"),
    "need-publish": _("需求已发布，匹配建议见下方。"),
    "need-return": _("需求已退回，发布单位会看到您的意见。"),
    "need-reject": _("需求未予发布，发布单位会看到理由。"),
    "need-close": _("需求已关闭，发布单位会看到理由。"),
    "need-extend": _("有效期已延长。"),
    "need-match": _("已标记为对接中。"),
    "need-reopen": _("需求已重新开放。"),
    "need-fulfil": _("需求已标记为解决。"),
    "need-withdraw": _("需求已撤回，其他单位不再能看到或检索到。可随时再次提交。"),
    "need-discard": _("需求已删除。如属误删，可在本页恢复。"),
    "need-restore": _("需求已恢复为草稿。"),
    "need-supported": _("已附议。发布单位将看到贵科室也有同样的需求。"),
    "need-left": _("已取消附议。"),
    "capability-saved": _("能力已保存为草稿，提交审核并通过后其他单位才能看到。"),
    "capability-changed": _("修改已保存。"),
    "capability-submit": _("能力已提交，由所在地区的撮合员审核，结果会通知您。"),
    "capability-take-back": _("能力已取回，修改后可再次提交。"),
    "capability-publish": _("能力已发布，匹配的需求见下方。"),
    "capability-return": _("能力已退回，发布单位会看到您的意见。"),
    "capability-reject": _("能力未予发布，发布单位会看到理由。"),
    "capability-close": _("能力已关闭，发布单位会看到理由。"),
    "capability-confirm": _("已确认仍然有效。"),
    "capability-archive": _("能力已归档。"),
    "capability-withdraw": _("能力已撤回，其他单位不再能看到或检索到。可随时再次提交。"),
    "capability-discard": _("能力已删除。如属误删，可在本页恢复。"),
    "capability-restore": _("能力已恢复为草稿。"),
    "token-revoked": _("令牌已停用。"),
    "token-made-before": _("这个令牌已经生成过，不能再次显示。如未保存，请停用后重新生成。"),
    "attachment-added": _("附件已上传。"),
    "attachment-removed": _("附件已删除。"),
    "account-suspend": _("账号已停用，登录和访问令牌已全部结束，已发邮件通知。"),
    "account-reactivate": _("账号已恢复，已发邮件通知。"),
    "mails-retried": _("已重新排入发送。"),
    "no-mail-retried": _("没有可以重新发送的邮件。"),
    "reason-given": _("理由已记录，可在 30 分钟内查看详情。"),
    "import-confirmed": _("已确认，正在导入。完成后在本页显示结果。"),
    "import-discarded": _("已放弃，没有写入任何内容。"),
    "import-undo": _("正在撤销。完成后在本页显示结果。"),
    "release-granted": _("已开放，对方会收到通知。"),
    "release-revoked": _("已收回，对方不再能看到。"),
    "release-proposed": _("建议已发送，由发布单位决定。"),
    "release-declined": _("已回复不开放。"),
    "introduction-asked": _("引荐请求已提交，由撮合员处理，结果会通知您。"),
    "introduction-proposed": _("已向双方提出引荐，答复后会通知您。"),
    "introduction-accepted": _("已接受引荐，对方接受后相互开放详情和联系方式。"),
    "introduced": _("双方均已接受，详情和联系方式已相互开放。"),
    "introduction-declined": _("已婉拒，撮合员会看到您的说明。"),
    "introduction-turn-down": _("已答复不予引荐，请求的单位会看到理由。"),
    "introduction-withdraw": _("引荐已撤回。"),
    "introduction-meet": _("已标记为对接洽谈中。"),
    "introduction-agree": _("已记录双方达成的合作意向。"),
    "party-proposed": _("已提议，需求方同意后邀请该单位。"),
    "party-admitted": _("已同意，该单位会收到邀请。"),
    "party-refused": _("已答复不邀请该单位。"),
    "party-accepted": _("已加入，详情和联系方式已向贵单位开放。"),
    "party-left": _("已退出这项引荐。"),
    "broker-invited": _("已邀请对方共同撮合，对方同意后分工生效。"),
    "broker-agreed": _("已同意撮合分工。"),
    "broker-removed": _("共同撮合已结束。"),
    "broker-handed-over": _("已移交给同事。"),
    "notifications-read": _("已全部标为已读。"),
    "mails-chosen": _("邮件设置已保存。"),
}


def put(response: Response, code: str) -> Response:
    """Show this message on the next page."""
    response.set_cookie(COOKIE, code, max_age=60, httponly=True, samesite="lax", path="/")
    return response


def peek(request: Request) -> str | None:
    """The message that the last request left, if any."""
    return MESSAGES.get(request.cookies.get(COOKIE, ""))


def clear(response: Response) -> None:
    """The message has been shown."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
