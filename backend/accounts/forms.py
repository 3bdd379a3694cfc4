"""The forms of accounts."""

import re
from typing import Any

from wtforms import HiddenField, PasswordField
from wtforms.validators import Length, ValidationError

from backend.accounts import passwords
from backend.accounts.models import EMAIL_LENGTH, NAME_LENGTH
from backend.forms import BaseForm, holds_address, text_field
from backend.i18n import gettext as _

# The outer form alone (RFC 5321 allows more than anybody uses); whether it is read shows the mail that is sent there.
EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\]+\.[^\s@<>()\[\],;:\"\\.]+")
TOO_LONG = _("密码过长。")
TOKEN_LENGTH = 100


def email_field(label: str) -> Any:
    """An e-mail address; the form it is in checks its outer form."""
    return text_field(label, EMAIL_LENGTH, required=_("请填写邮箱。"))


def present_password_field(label: str) -> PasswordField:
    """A password that exists already."""
    return PasswordField(label, validators=[Length(max=200, message=TOO_LONG)])


def code_field(label: str) -> Any:
    """A code of the authenticator, or a recovery code."""
    return text_field(label, 40, required=_("请填写验证码。"))


def check_name(text: str) -> None:
    """Raise ValidationError for a name with an address in it: it stands in mails to others."""
    if holds_address(text):
        raise ValidationError(_("姓名中不能含有网址、邮箱或“/”“:”“@”等符号。"))


def check_email(text: str) -> None:
    """Raise ValidationError for what is no e-mail address."""
    if not EMAIL.fullmatch(text):
        raise ValidationError(_("邮箱格式不正确，应类似 name@example.com。"))


def check_new_password(password: str, *own: str) -> None:
    """Raise ValidationError for a new password that is too short, too long, or tried early by attackers."""
    if not password:
        raise ValidationError(_("请填写密码。"))
    if len(password) < passwords.MINIMUM:
        raise ValidationError(
            _("密码至少 %(minimum)s 个字符，现有 %(length)s 个。")
            % {"minimum": passwords.MINIMUM, "length": len(password)}
        )
    if len(password) > passwords.MAXIMUM:
        raise ValidationError(_("密码最多 %(maximum)s 个字符。") % {"maximum": passwords.MAXIMUM})
    if passwords.is_guessable(password, *own):
        raise ValidationError(_("这个密码过于常见，或包含姓名、邮箱，容易被猜到。可以把几个互不相关的词连在一起使用。"))


class PresentPassword(BaseForm):
    """What every form that asks for the present password shares."""

    password = present_password_field(_("密码"))

    def validate_password(self, field: Any) -> None:
        """A password has to be typed."""
        if not field.data:
            raise ValidationError(_("请填写密码。"))


class SignInForm(PresentPassword):
    """E-mail, password, and the page to go on to."""

    email = email_field(_("邮箱"))
    password = present_password_field(_("密码"))
    next = HiddenField()

    def validate_email(self, field: Any) -> None:
        """Only the outer form is looked at here; whether the account exists is answered together with the password."""
        if "@" not in (field.data or ""):
            raise ValidationError(_("邮箱格式不正确，应类似 name@example.com。"))


class CodeForm(BaseForm):
    """The second step of signing in."""

    code = code_field(_("验证码或恢复码"))
    next = HiddenField()


class RegistrationForm(BaseForm):
    """A new account."""

    name = text_field(_("姓名"), NAME_LENGTH, required=_("请填写姓名。"))
    email = email_field(_("邮箱"))
    password = PasswordField(_("密码"))
    next = HiddenField()

    def validate_name(self, field: Any) -> None:
        """A name, and no advertisement."""
        check_name(field.data or "")

    def validate_email(self, field: Any) -> None:
        """The address has to look like one."""
        check_email(field.data or "")

    def validate_password(self, field: Any) -> None:
        """The rules for new passwords."""
        check_new_password(field.data or "", self.email.data or "", self.name.data or "")


class ConfirmForm(PresentPassword):
    """The password that was chosen at registration, beside the token of the link."""

    password = present_password_field(_("注册时设置的密码"))
    token = HiddenField(validators=[Length(max=TOKEN_LENGTH)])


class EmailForm(BaseForm):
    """An address that a link is sent to."""

    email = email_field(_("邮箱"))

    def validate_email(self, field: Any) -> None:
        """The address has to look like one."""
        check_email(field.data or "")


class TokenForm(BaseForm):
    """The token of a link, and a button."""

    token = HiddenField(validators=[Length(max=TOKEN_LENGTH)])


class ResetForm(TokenForm):
    """A new password by a link. `own` are texts of the account that a password must not be."""

    password = PasswordField(_("新密码"))
    own: tuple[str, ...] = ()

    def validate_password(self, field: Any) -> None:
        """The rules for new passwords."""
        check_new_password(field.data or "", *self.own)


class PasswordForm(BaseForm):
    """A new password in place of the present one."""

    present = present_password_field(_("现在的密码"))
    password = PasswordField(_("新密码"))
    own: tuple[str, ...] = ()

    def validate_present(self, field: Any) -> None:
        """A password has to be typed."""
        if not field.data:
            raise ValidationError(_("请填写密码。"))

    def validate_password(self, field: Any) -> None:
        """The rules for new passwords."""
        check_new_password(field.data or "", *self.own)


class NameForm(BaseForm):
    """The name that others see."""

    name = text_field(_("姓名"), NAME_LENGTH, required=_("请填写姓名。"))

    def validate_name(self, field: Any) -> None:
        """A name, and no advertisement."""
        check_name(field.data or "")


class ChangeEmailForm(PresentPassword):
    """A new address, and the present password."""

    email = email_field(_("新邮箱"))
    password = present_password_field(_("现在的密码"))

    def validate_email(self, field: Any) -> None:
        """The address has to look like one."""
        check_email(field.data or "")


class FirstCodeForm(BaseForm):
    """The first code of an authenticator."""

    code = code_field(_("验证码"))


class PasswordAndCodeForm(PresentPassword):
    """What weakens an account asks for both factors."""

    password = present_password_field(_("现在的密码"))
    code = code_field(_("验证码或恢复码"))


def safe_next(url: str | None) -> str:
    """A path of this site to go on to; anything else leads to the home page."""
    if not url or not url.startswith("/") or url.startswith("//") or "\\" in url or any(ord(c) < 32 for c in url):
        return "/"
    return url
