"""The responses to a call as a table: what each offers and how it was scored, for a meeting that decides on paper."""

from sqlmodel import Session

from backend.capabilities.forms import STAGES
from backend.i18n import gettext as _
from backend.organisations.policy import Viewer
from backend.responses import results
from backend.responses.results import Row
from backend.responses.wordings import RESPONSE_STATUSES
from backend.transfers.exporting import Exported

WORDS = (_("解决方案"), _("所处阶段"), _("依据"), _("团队"), _("时间安排"), _("费用范围"), _("希望医院提供"))
WIDTHS = (28, 12, 8, 8)
WIDTHS_OF_WORDS = (44, 14, 32, 24, 24, 18, 28)
POINTS = 2
"""Decimals of a mean, as on the page."""


def of_call(session: Session, viewer: Viewer, call_id: str) -> Exported:
    """The table of results as the viewer reads it; raises as `results.get`, and is a reading of all responses."""
    call, table = results.get(session, viewer, call_id)
    criteria = [criterion.name for criterion in call.criteria]
    heads = [_("应征单位"), _("状态"), _("总分"), _("离散度"), *criteria, *WORDS]
    widths = [*WIDTHS, *(12 for _criterion in criteria), *WIDTHS_OF_WORDS]
    return Exported(_("应征比较"), heads, [_row(row) for row in table.rows], widths)


def _row(row: Row) -> list[object]:
    response = row.response
    return [
        row.organisation_name,
        RESPONSE_STATUSES[response.status],
        _rounded(row.mean),
        _rounded(row.spread),
        *(_rounded(cell.mean) for cell in row.cells),
        response.solution,
        STAGES[response.stage] if response.stage else None,
        *(response.evidence, response.team, response.schedule, response.price, response.asks),
    ]


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, POINTS)
