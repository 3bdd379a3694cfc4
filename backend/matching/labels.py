"""The wording of grades."""

from backend.i18n import gettext as _
from backend.matching.ranker import Grade

GRADES = {Grade.STRONG: _("强"), Grade.POSSIBLE: _("可能"), Grade.WEAK: _("弱")}
