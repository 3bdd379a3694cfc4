"""All that refers to an organisation from higher floors: a feature that keeps such a column adds itself here."""

from sqlmodel import col

from backend.capabilities.models import Capability
from backend.disclosure.models import SubjectKind
from backend.disclosure.references import of_releases, of_subjects
from backend.i18n import gettext as _
from backend.needs.models import Need
from backend.needs.references import of_supports
from backend.organisations.references import References

REFERENCES: References = (
    of_subjects(_("需求"), SubjectKind.NEED, Need, col(Need.department_id)),
    of_subjects(_("能力"), SubjectKind.CAPABILITY, Capability),
    of_supports(_("附议的需求")),
    of_releases(_("已获得的披露授权")),
)
