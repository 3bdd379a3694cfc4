"""The part of the form that needs and capabilities share: teaser, audience and contact."""

import re
from typing import Any

from wtforms import BooleanField, HiddenField
from wtforms.validators import Regexp, ValidationError

from backend.db import ID_PATTERN
from backend.disclosure.models import TEXT_LENGTH, TITLE_LENGTH, AccessPurpose, Audience, Tier
from backend.forms import BaseForm, Choice, text_area, text_field
from backend.i18n import gettext as _
from backend.taxonomies import device_categories, regions, specialties
from backend.transitions import Actor

TIERS = {Tier.TEASER: _("摘要"), Tier.BRIEF: _("详情"), Tier.ANNEX: _("详情和密件")}
ACTORS = {
    Actor.AUTHOR: _("发布单位"),
    Actor.BROKER: _("撮合员"),
    Actor.SYSTEM: _("系统"),
    Actor.NEED_SIDE: _("需求方"),
    Actor.CAPABILITY_SIDE: _("能力方"),
    Actor.PARTNER: _("协作方"),
    Actor.RESPONDER: _("应征单位"),
    Actor.REVIEWER: _("评审"),
}
PURPOSES = {
    AccessPurpose.COMPLAINT: _("投诉举报核查"),
    AccessPurpose.SECURITY: _("安全事件处置"),
    AccessPurpose.SUPPORT: _("应发布单位请求协助"),
    AccessPurpose.LAW: _("依法依规提供材料"),
    AccessPurpose.OTHER: _("其他"),
}
AUDIENCES = {Audience.MEMBERS: _("已核验单位的成员"), Audience.PUBLIC: _("所有访客")}


def _id_or_none(text: str | None) -> str:
    """An id that a form was opened with; anything else is none."""
    return text if text and re.fullmatch(ID_PATTERN, text) else ""


class SubjectForm(BaseForm):
    """Fields of every subject. A new subject brings its id along, so that a form sent twice makes one subject."""

    publishing = False

    subject_id = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    version = HiddenField()
    editing = HiddenField(filters=[_id_or_none])
    organisation_id = Choice(_("发布单位"), [])
    title = text_field(_("标题"), TITLE_LENGTH, required=_("请填写标题。"))
    summary = text_area(_("摘要"), TEXT_LENGTH)
    specialty = Choice(_("诊疗科目"), [], empty=_("不限"))
    device_category = Choice(_("器械类别"), [], empty=_("不确定"))
    region = Choice(_("所在地区"), [])
    audience = Choice(_("谁可以看到摘要"), [(k.value, v) for k, v in AUDIENCES.items()], default=Audience.MEMBERS.value)
    anonymous = BooleanField(_("匿名发布：对外不显示单位和科室名称"))
    contact = text_area(_("联系方式"), TEXT_LENGTH, rows=2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.specialty.choices = [("", _("不限")), *specialties().choices()]
        self.device_category.choices = [("", _("不确定")), *device_categories().choices()]
        self.region.choices = regions().choices()

    def validate_summary(self, field: Any) -> None:
        """Others find and judge a published subject by its summary alone."""
        if self.publishing and not field.data:
            raise ValidationError(_("发布前请填写摘要，其他单位先看到的就是这一段。"))

    def expected_version(self) -> int | None:
        """The version the form was opened with; None for a new subject or an unreadable value."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
