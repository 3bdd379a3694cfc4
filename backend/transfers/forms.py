"""The form of an upload, and the wording of imports."""

from wtforms import FileField, HiddenField
from wtforms.validators import Regexp

from backend.db import ID_PATTERN
from backend.forms import BaseForm, Choice
from backend.i18n import gettext as _
from backend.transfers.models import RowAction, RowKind, RowOutcome
from backend.transfers.states import ImportAction, ImportStatus

STATUSES = {
    ImportStatus.PREVIEW: _("待确认"),
    ImportStatus.WAITING: _("正在导入"),
    ImportStatus.DONE: _("已导入"),
    ImportStatus.UNDOING: _("正在撤销"),
    ImportStatus.UNDONE: _("已撤销"),
    ImportStatus.DISCARDED: _("已放弃"),
}
ACTIONS = {
    RowAction.CREATE: _("新增"),
    RowAction.CHANGE: _("修改"),
    RowAction.SKIP: _("略过"),
    RowAction.ERROR: _("有误"),
}
OUTCOMES = {
    RowOutcome.DONE: _("已导入"),
    RowOutcome.UNDONE: _("已撤销"),
    RowOutcome.KEPT: _("保留"),
}
KINDS = {
    RowKind.ORGANISATION: _("单位"),
    RowKind.NEED: _("需求"),
    RowKind.CAPABILITY: _("能力"),
    RowKind.INTRODUCTION: _("引荐记录"),
}
FLASHES = {
    ImportAction.CONFIRM: "import-confirmed",
    ImportAction.DISCARD: "import-discarded",
    ImportAction.UNDO: "import-undo",
}


class ImportForm(BaseForm):
    """A file, for whom it is imported and what it holds. The id makes a form that is sent twice one import."""

    import_id = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    organisation_id = Choice(_("以哪个单位的名义"), [])
    kind = Choice(_("表中是什么"), [(kind.value, word) for kind, word in KINDS.items()], empty=_("按列标题自动识别"))
    file = FileField(_("文件"))
