"""What several pages of accounts do with a refusal."""

from dataclasses import dataclass

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response
from wtforms import Field

from backend.accounts import credentials, passwords
from backend.accounts.forms import PresentPassword
from backend.accounts.models import User
from backend.errors import DomainError
from backend.i18n import gettext as _
from backend.sealing import Sealer
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


def holds_both_factors(
    session: Session, sealer: Sealer, user: User, form: PresentPassword, tried: passwords.Tried, address: str
) -> bool:
    """Whether a form holds the present password and, where it asks for one, a code; else says beside which field not.

    `tried` is the password of the form, see `credentials.try_present`. Raises TooManyAttempts.
    """
    if not credentials.is_present(session, user, tried):
        refuse_field(form.password, WRONG_PASSWORD)
    elif "code" in form and not credentials.is_present_code(session, sealer, user, form["code"].data or "", address):
        refuse_field(form["code"], WRONG_CODE)
    return not form.errors
