"""The board of ledgers as a table: a line for each case, with the step that it stands at."""

from sqlmodel import Session

from backend.i18n import gettext as _
from backend.ledger import board
from backend.ledger.board import BoardCard, BoardFilters
from backend.ledger.clock import LedgerClock
from backend.ledger.states import Phase
from backend.ledger.wordings import PHASES, STATUSES, STEPS
from backend.organisations.policy import Viewer
from backend.taxonomies import regions
from backend.transfers.exporting import Exported

HEADS = (
    *(_("需求名称"), _("需求单位"), _("对接单位"), _("地区"), _("所处阶段"), _("目前步骤"), _("状态")),
    *(
        _("责任人"),
        _("计划完成日期"),
        _("有步骤超期"),
        _("长期无进展"),
        _("最近进展"),
        _("已完成或跳过"),
        _("全部步骤"),
        _("链接"),
    ),
)
WIDTHS = (34, 28, 28, 12, 12, 16, 10, 14, 14, 12, 12, 12, 14, 10, 44)


def of_ledger(session: Session, viewer: Viewer, filters: BoardFilters, clock: LedgerClock, site_url: str) -> Exported:
    """The cases of the board in its order, with its filters, cut to what the viewer may see as the board is."""
    shown = board.show(session, viewer, filters, clock)
    rows = [_row(phase, card, site_url) for phase, cards in shown.columns.items() for card in cards]
    return Exported(_("落地台账"), HEADS, rows, WIDTHS)


def _row(phase: Phase, card: BoardCard, site_url: str) -> list[object]:
    step = card.step
    return [
        card.title,
        card.need_side,
        card.other_side,
        regions().name(card.region),
        PHASES[phase],
        STEPS[step.kind] if step else None,
        STATUSES[step.status] if step else None,
        step.owner_name if step else None,
        step.due_on if step else None,
        _("是") if card.is_overdue else _("否"),
        _("是") if card.is_stalled else _("否"),
        card.moved_on,
        card.ended,
        card.total,
        f"{site_url}{card.url}",
    ]
