"""The desk as a table, for those who plan their week in Excel."""

from sqlmodel import Session

from backend.desk import reading
from backend.desk.items import Moment, due_day
from backend.desk.kinds import KINDS, URGENCIES, ItemKind
from backend.desk.reading import Row, View
from backend.i18n import gettext as _
from backend.organisations.policy import Viewer
from backend.taxonomies import regions
from backend.transfers.exporting import Exported
from backend.working_days import today

HEADS = (
    *(_("事项"), _("标题"), _("说明"), _("地区"), _("紧急程度"), _("应办理日期"), _("提出日期"), _("负责人")),
    *(_("延期至"), _("延期原因"), _("转交说明"), _("链接")),
)
WIDTHS = (16, 40, 34, 12, 16, 12, 12, 14, 12, 24, 24, 44)


def of_desk(
    session: Session, viewer: Viewer, moment: Moment, view: View, kind: ItemKind | None, site_url: str
) -> Exported:
    """A view of the desk, all pages of it, in its order; raises Forbidden for others than brokers."""
    rows = [_row(row, site_url) for row in reading.listed(session, viewer, moment, view, kind)]
    return Exported(_("工作台"), HEADS, rows, WIDTHS)


def _row(row: Row, site_url: str) -> list[object]:
    item = row.item
    return [
        KINDS[item.kind],
        item.title,
        item.detail,
        regions().name(item.region),
        URGENCIES[row.urgency],
        due_day(item.due) if item.due else None,
        today(item.since),
        row.owner_name,
        row.until,
        row.reason if row.until else None,
        row.note,
        f"{site_url}{item.url}",
    ]
