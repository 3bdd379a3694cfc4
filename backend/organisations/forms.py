"""The wording of the lists of organisations."""

from backend.i18n import gettext as _
from backend.organisations.models import MemberRole, OrganisationKind

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
