"""The one line that a page shows after a write has succeeded: carried over the redirect as a code, never as text."""

from fastapi import Request
from starlette.responses import Response

from backend.i18n import gettext as _

COOKIE = "yiqiao_flash"
MESSAGES = {
    "signed-in": _("已登录。"),
    "signed-out": _("已退出登录。"),
    "need-saved": _("需求已保存为草稿，发布后其他单位才能看到。"),
    "need-changed": _("修改已保存。"),
    "need-publish": _("需求已发布，匹配建议见下方。"),
    "need-withdraw": _("需求已撤回，其他单位不再能看到或检索到。可随时重新发布。"),
    "need-discard": _("需求已删除。如属误删，可在本页恢复。"),
    "need-restore": _("需求已恢复为草稿。"),
    "capability-saved": _("能力已保存为草稿，发布后其他单位才能看到。"),
    "capability-changed": _("修改已保存。"),
    "capability-publish": _("能力已发布，匹配的需求见下方。"),
    "capability-withdraw": _("能力已撤回，其他单位不再能看到或检索到。可随时重新发布。"),
    "capability-discard": _("能力已删除。如属误删，可在本页恢复。"),
    "capability-restore": _("能力已恢复为草稿。"),
    "token-revoked": _("令牌已停用。"),
    "token-made-before": _("这个令牌已经生成过，不能再次显示。如未保存，请停用后重新生成。"),
    "attachment-added": _("附件已上传。"),
    "attachment-removed": _("附件已删除。"),
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
