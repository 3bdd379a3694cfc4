"""The form of an upload."""

from typing import Any

from starlette.datastructures import UploadFile
from wtforms import BooleanField, FileField, HiddenField
from wtforms.validators import Regexp, StopValidation

from backend.db import ID_PATTERN
from backend.forms import BaseForm
from backend.i18n import gettext as _


class UploadForm(BaseForm):
    """One file. It brings the id of the attachment along, so that a form sent twice makes one."""

    attachment_id = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    file = FileField(_("选择文件"))
    strip = BooleanField(_("清除文件中的作者、单位、修改记录署名等元数据"))

    def validate_file(self, field: Any) -> None:
        """A file has to be chosen."""
        if not isinstance(field.data, UploadFile) or not field.data.filename:
            raise StopValidation(_("请选择要上传的文件。"))
