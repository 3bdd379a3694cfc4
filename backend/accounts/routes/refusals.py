"""What several pages of accounts do with a refusal."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response
from wtforms import Field

from backend.errors import DomainError
from backend.i18n import gettext as _
from backend.templating import render

WRONG_PASSWORD = _("密码不正确。")
WRONG_CODE = _("验证码不正确或已使用过。请等待应用显示下一个验证码后再试。")


@dataclass(frozen=True)
class LinkPage:
    """Context of accounts/link_expired.html; `again` is where a new link is asked for."""

    message: str
    again: str


def expired(request: Request, error: DomainError, again: str) -> Response:
    """The page of a link that leads nowhere, with the way to a new one. What was counted stays counted."""
    return render(request, "accounts/link_expired.html", LinkPage(error.zh, again), status=error.status)


def refuse_field(field: Field, message: str) -> None:
    """Put a message beside a field after its own checks have passed."""
    field.errors = [message]
