"""The forms of a message."""

from typing import Any

from starlette.datastructures import UploadFile
from wtforms import HiddenField, MultipleFileField, SelectMultipleField
from wtforms.validators import Regexp, StopValidation

from backend.conversations.models import TEXT_LENGTH
from backend.conversations.service import MAX_FILES
from backend.db import ID_PATTERN
from backend.forms import BaseForm, Choice, text_area
from backend.i18n import gettext as _

ALL, NOTE = "all", "note"


class MessageForm(BaseForm):
    """A text, files, whom it mentions, and for whom it is. It brings the key of the message along."""

    key = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    audience = Choice(_("发送给"), [(ALL, _("参与各方")), (NOTE, _("仅本机构撮合员（内部记录）"))], default=ALL)
    text = text_area(_("内容"), TEXT_LENGTH, rows=4)
    mentioned = SelectMultipleField(_("提醒"), choices=[], validate_choice=False)
    files = MultipleFileField(_("附件"))

    @property
    def uploads(self) -> list[UploadFile]:
        """The files that were chosen."""
        return [f for f in self.files.data or [] if isinstance(f, UploadFile) and f.filename]

    def validate_text(self, field: Any) -> None:
        """A message has a text or a file."""
        if not (field.data or "").strip() and not self.uploads:
            raise StopValidation(_("请填写内容，或选择附件。"))

    def validate_files(self, field: Any) -> None:
        """Not too many at once."""
        if len(self.uploads) > MAX_FILES:
            raise StopValidation(_("一条消息最多 %(count)s 个附件。") % {"count": MAX_FILES})


class EditForm(BaseForm):
    """The text alone."""

    text = text_area(_("内容"), TEXT_LENGTH, rows=6)
