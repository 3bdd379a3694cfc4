"""The form of a new token."""

from typing import Any

from wtforms import HiddenField, SelectMultipleField
from wtforms.validators import Regexp, ValidationError

from backend.accounts.forms import PresentPassword, code_field, present_password_field
from backend.api.models import NAME_LENGTH
from backend.api.scopes import Scope
from backend.db import ID_PATTERN
from backend.forms import Choice, text_field
from backend.i18n import gettext as _

SCOPES = {
    Scope.READ: _("读取：检索，查看本账号有权查看的需求、能力、附件和匹配建议"),
    Scope.WRITE_NEEDS: _("需求：新建、修改、提交、撤回本单位的需求，增删附件"),
    Scope.WRITE_CAPABILITIES: _("能力：新建、修改、提交、撤回本单位的能力，增删附件"),
}
DAYS = {"30": _("30 天"), "90": _("90 天"), "180": _("180 天"), "365": _("一年")}


class TokenForm(PresentPassword):
    """Name, rights and term, and the password. It brings the id of the token along: a form sent twice makes one."""

    token_id = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    name = text_field(_("用途"), NAME_LENGTH, required=_("请填写用途，例如“院内需求系统同步”。"))
    scopes = SelectMultipleField(
        _("权限"), choices={k.value: v for k, v in SCOPES.items()}, default=[Scope.READ.value], validate_choice=False
    )
    days = Choice(_("有效期"), list(DAYS.items()), default="90")
    password = present_password_field(_("现在的密码"))

    def validate_scopes(self, field: Any) -> None:
        """At least one, and only what there is."""
        if not field.data or not set(field.data) <= set(Scope):
            raise ValidationError(_("请至少选择一项权限。"))


class TokenWithCodeForm(TokenForm):
    """The same where signing in asks for a code."""

    code = code_field(_("验证码或恢复码"))
