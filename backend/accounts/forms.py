"""The sign-in form."""

from typing import Any

from wtforms import HiddenField, PasswordField
from wtforms.validators import Length, ValidationError

from backend.forms import BaseForm, text_field
from backend.i18n import gettext as _


class SignInForm(BaseForm):
    """E-mail, password, and the page to go on to."""

    email = text_field(_("邮箱"), 254, required=_("请填写邮箱。"))
    password = PasswordField(_("密码"), validators=[Length(max=200, message=_("密码过长。"))])
    next = HiddenField()

    def validate_email(self, field: Any) -> None:
        """Only the outer form is looked at here; whether the account exists is answered together with the password."""
        if "@" not in (field.data or ""):
            raise ValidationError(_("邮箱格式不正确，应类似 name@example.com。"))

    def validate_password(self, field: Any) -> None:
        """A password has to be typed."""
        if not field.data:
            raise ValidationError(_("请填写密码。"))


def safe_next(url: str | None) -> str:
    """A path of this site to go on to; anything else leads to the home page."""
    if not url or not url.startswith("/") or url.startswith("//") or "\\" in url or any(ord(c) < 32 for c in url):
        return "/"
    return url
