"""The wording of the steps of a case in its line."""

from backend.i18n import gettext as _

STEPS = {
    "introduction:ask": _("请求引荐"),
    "introduction:propose": _("提出引荐"),
    "introduction:accept": _("接受引荐"),
    "introduction:decline": _("婉拒引荐"),
    "introduction:turn-down": _("不予引荐"),
    "introduction:withdraw": _("撤回引荐"),
    "introduction:expire": _("逾期未答复，引荐终止"),
    "introduction:meet": _("开始对接洽谈"),
    "introduction:agree": _("达成合作意向"),
    "introduction:party:propose": _("提议增加协作方"),
    "introduction:party:admit": _("同意邀请协作方"),
    "introduction:party:accept": _("协作方加入"),
    "introduction:party:decline": _("协作方未加入"),
    "introduction:party:leave": _("协作方退出"),
    "introduction:broker:add": _("邀请另一地区共同撮合"),
    "introduction:broker:agree": _("同意撮合分工"),
    "introduction:broker:remove": _("结束共同撮合"),
    "introduction:broker:hand-over": _("移交给同事"),
    "introduction:meeting:propose": _("提议会议时间"),
    "introduction:meeting:fix": _("确定会议时间"),
    "introduction:meeting:move": _("更改会议"),
    "introduction:meeting:cancel": _("取消会议"),
    "introduction:meeting:hold": _("记录会议纪要"),
}
