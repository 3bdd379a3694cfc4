"""Forms of organisations, and the wording of their lists."""

import re
from typing import Any

from wtforms import HiddenField, StringField
from wtforms.validators import Regexp, StopValidation, ValidationError

from backend.db import ID_PATTERN
from backend.forms import BaseForm, Choice, clean_line, holds_address, text_area, text_field
from backend.i18n import gettext as _
from backend.organisations import credit_code
from backend.organisations.credit_code import Problem
from backend.organisations.models import (
    DEPARTMENT_LENGTH,
    MESSAGE_LENGTH,
    NAME_LENGTH,
    REASON_LENGTH,
    SUMMARY_LENGTH,
    MemberRole,
    OrganisationKind,
)
from backend.organisations.registration import Details
from backend.organisations.states import OrganisationStatus
from backend.taxonomies import regions, specialties

KINDS = {
    OrganisationKind.HOSPITAL: _("医院"),
    OrganisationKind.ENTERPRISE: _("企业"),
    OrganisationKind.UNIVERSITY: _("高校"),
    OrganisationKind.INSTITUTE: _("科研院所"),
    OrganisationKind.PLATFORM: _("公共技术服务平台"),
    OrganisationKind.PARK: _("园区载体"),
    OrganisationKind.FUND: _("基金"),
    OrganisationKind.AGENCY: _("政府部门"),
}
ROLES = {
    MemberRole.OWNER: _("管理成员"),
    MemberRole.EDITOR: _("编辑成员"),
    MemberRole.VIEWER: _("查看成员"),
}
ROLE_HINTS = {
    MemberRole.OWNER: _("管理成员、科室和单位信息，也能发布和编辑"),
    MemberRole.EDITOR: _("发布和编辑需求、能力"),
    MemberRole.VIEWER: _("只能查看"),
}
STATUSES = {
    OrganisationStatus.WAITING: _("待核验"),
    OrganisationStatus.VERIFIED: _("已核验"),
    OrganisationStatus.REFUSED: _("未通过核验"),
    OrganisationStatus.MERGED: _("已合并"),
}
CODE_PROBLEMS = {
    Problem.LENGTH: _("统一社会信用代码共 18 位，现有 %(length)s 位，请核对营业执照或法人证书。"),
    Problem.CHARACTERS: _(
        "统一社会信用代码只含数字和大写字母，且不用字母 I、O、S、V、Z；请检查是否与 1、0、5、2 混淆。"
    ),
    Problem.DIVISION: _("第 3 至 8 位是登记地行政区划，应为数字，请核对。"),
    Problem.CHECK: _("校验位不符，至少有一位有误，请逐位核对。"),
}
TAKEN = {
    "credit_code": _("这个统一社会信用代码已有单位登记。"),
    "name": _("这个名称已有单位登记。"),
}
ROLE_CHOICES = [(role.value, f"{ROLES[role]}：{ROLE_HINTS[role]}") for role in reversed(MemberRole)]
PHONE = re.compile(r"[+＋]?[0-9０-９][0-9０-９\s\-‐－()（）]{4,28}(?:(?:转|[xX]|ext\.?)\s*[0-9]{1,6})?")


def check_email(field: Any) -> None:
    """Only the outer form is looked at: whether the address exists, the mail will tell."""
    local, _at, domain = (field.data or "").rpartition("@")
    if not local or "." not in domain or re.search(r"[\s<>,;]|\.\.", field.data or ""):
        raise ValidationError(_("邮箱格式不正确，应类似 name@example.com。"))


class OrganisationForm(BaseForm):
    """Registration and profile. A new organisation brings its id along, so that a form sent twice makes one."""

    code_is_optional = False
    """One that came without a code from a list of the operator keeps working without."""
    verified_name: str | None = None
    """The name under which the organisation has been verified."""

    organisation_id = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    name = text_field(_("单位全称"), NAME_LENGTH, required=_("请填写单位全称。"))
    credit_code = StringField(_("统一社会信用代码"), filters=[clean_line])
    kind = Choice(_("单位类型"), [(kind.value, word) for kind, word in KINDS.items()], empty=_("请选择"))
    region = Choice(_("所在地区"), [])
    jurisdiction = Choice(_("服务辖区"), [])
    contact_name = text_field(_("联系人"), 60, required=_("请填写联系人姓名。"))
    contact_phone = text_field(_("联系电话"), 40, required=_("请填写联系电话。"))
    contact_email = text_field(_("联系邮箱"), 254, required=_("请填写联系邮箱。"))
    summary = text_area(_("单位简介"), SUMMARY_LENGTH)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.region.choices = [("", _("请选择")), *regions().choices()]
        self.jurisdiction.choices = [("", _("不是区级主管部门")), *regions().choices()]

    def validate_name(self, field: Any) -> None:
        """Mails to people who know nothing of this site bear the name. One that was verified as it is may stay."""
        if field.data != self.verified_name and holds_address(field.data or ""):
            raise ValidationError(_("单位名称中不能含有网址、邮箱或“/”“:”“@”等符号。"))

    def validate_credit_code(self, field: Any) -> None:
        """The check character catches every single wrong character and most swapped ones."""
        code = credit_code.normalise(field.data or "")
        if not code:
            if self.code_is_optional:
                return
            raise StopValidation(_("请填写统一社会信用代码。"))
        if problem := credit_code.problem(code):
            raise ValidationError(CODE_PROBLEMS[problem] % {"length": len(code)})

    def validate_kind(self, field: Any) -> None:
        """A list opens on no choice."""
        if not field.data:
            raise ValidationError(_("请选择单位类型。"))

    def validate_region(self, field: Any) -> None:
        """It decides who verifies."""
        if not field.data:
            raise ValidationError(_("请选择所在地区，由该地区的主管部门核验。"))

    def validate_contact_phone(self, field: Any) -> None:
        """Numbers as people write them, with an extension."""
        if not PHONE.fullmatch(field.data or ""):
            raise ValidationError(_("电话格式不正确，应类似 021-6200 0000 转 12。"))

    def validate_contact_email(self, field: Any) -> None:
        """An address that a mail can be sent to."""
        check_email(field)

    def details(self) -> Details:
        """The submitted values; a jurisdiction is one of an agency alone."""
        kind = OrganisationKind(str(self.kind.data))
        is_agency = kind is OrganisationKind.AGENCY
        return Details(
            name=str(self.name.data),
            credit_code=credit_code.normalise(self.credit_code.data or "") or None,
            kind=kind,
            region=str(self.region.data),
            jurisdiction=(str(self.jurisdiction.data) or None) if is_agency else None,
            contact_name=str(self.contact_name.data),
            contact_phone=str(self.contact_phone.data),
            contact_email=str(self.contact_email.data),
            summary=str(self.summary.data),
        )


class JoinForm(BaseForm):
    """A request for membership, made where a registration found the organisation already there."""

    name = text_field(_("单位全称"), NAME_LENGTH, required=_("请填写单位全称。"))
    credit_code = StringField(_("统一社会信用代码"), filters=[clean_line])
    message = text_area(_("给对方的说明"), MESSAGE_LENGTH, rows=2)


class RefusalForm(BaseForm):
    """Why an organisation is not verified; its owners read it."""

    seen = HiddenField()
    reason = text_area(_("未通过的原因"), REASON_LENGTH, required=_("请写明原因，对方据此更正。"), rows=3)


class InvitationForm(BaseForm):
    """Whom to invite. The id makes a form that is sent twice one invitation."""

    invitation_id = HiddenField(validators=[Regexp(f"^{ID_PATTERN}$", message=_("表单已失效，请刷新页面后重试。"))])
    email = text_field(_("邮箱"), 254, required=_("请填写对方的邮箱。"))
    role = Choice(_("角色"), ROLE_CHOICES, default=MemberRole.EDITOR.value)

    def validate_email(self, field: Any) -> None:
        """An address that a mail can be sent to."""
        check_email(field)


class DepartmentForm(BaseForm):
    """Name and specialty of a department."""

    name = text_field(_("科室名称"), DEPARTMENT_LENGTH, required=_("请填写科室名称。"))
    specialty = Choice(_("诊疗科目"), [], empty=_("不限"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.specialty.choices = [("", _("不限")), *specialties().choices()]


class MergeForm(BaseForm):
    """Into which organisation another one is merged: by its name or its code."""

    into = text_field(_("保留的单位"), NAME_LENGTH, required=_("请填写要保留的单位的全称或统一社会信用代码。"))
