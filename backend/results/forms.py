"""Forms of results: what is looked at, and the words that are added to a report."""

from collections.abc import Sequence

from wtforms import HiddenField

from backend.forms import BaseForm, Choice, text_area
from backend.i18n import gettext as _
from backend.results.models import REMARK_LENGTH

NUMBER_LENGTH = 9


class AskedForm(BaseForm):
    """The filters of the page of results."""

    region = Choice(_("地区"), [])
    quarter = Choice(_("季度"), [], empty=_("全部时间"))
    specialty = Choice(_("诊疗科目"), [], empty=_("全部诊疗科目"))
    basis = Choice(_("统计方式"), [("", _("按发生时间")), ("need", _("按需求发布时间同批跟踪"))])

    def offer(
        self,
        regions: Sequence[tuple[str, str]],
        quarters: Sequence[tuple[str, str]],
        specialties: Sequence[tuple[str, str]],
    ) -> None:
        """What may be chosen."""
        self.region.choices = dict(regions)
        self.quarter.choices = dict([("", _("全部时间")), *quarters])
        self.specialty.choices = dict([("", _("全部诊疗科目")), *specialties])


class RemarkForm(BaseForm):
    """The words of a report."""

    obstacles = text_area(_("存在问题（写入报告第三部分）"), REMARK_LENGTH, rows=5)
    plans = text_area(_("下一步安排（写入报告第四部分）"), REMARK_LENGTH, rows=5)
    version = HiddenField()

    @property
    def seen(self) -> int:
        """The version that the words were written over; -1 for what no page of the site sends."""
        text = str(self.version.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < NUMBER_LENGTH else -1
