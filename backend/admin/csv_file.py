"""The audit trail as a CSV file for spreadsheets, written as it is read, so that its length does not matter."""

import csv
import io
from collections.abc import Iterator

from backend.admin import trail
from backend.admin.trail import Asked, Row
from backend.db import Database
from backend.i18n import gettext as _
from backend.organisations.policy import Viewer
from backend.templating import LOCAL_ZONE
from backend.transfers.values import FORMULA_STARTS

BATCH = 500
MARK = "\ufeff"
"""Without it Excel takes the file for one of an old Chinese encoding."""
HEADINGS = (
    *(_("时间"), _("事件"), _("事件代码"), _("操作人"), _("操作人邮箱")),
    *(_("对象类型"), _("对象编号"), _("对象名称"), _("说明")),
)


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; blanks before one do not hide it."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) or cell.lstrip().startswith(FORMULA_STARTS) else cell


def lines(database: Database, viewer: Viewer, asked: Asked) -> Iterator[str]:
    """The file, batch by batch, each in a transaction of its own; what happens meanwhile is newer and not in it."""
    yield MARK + _written([HEADINGS])
    last: int | None = None
    while True:
        with database.session() as session:
            rows = trail.before(session, viewer, asked, last, BATCH)
        if not rows:
            return
        yield _written([_cells(row) for row in rows])
        last = rows[-1].id


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.at.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}",
        row.words,
        row.event,
        row.actor_name,
        row.actor_email,
        row.subject_words,
        row.subject_id,
        row.subject_name,
        "；".join(row.details),
    )


def _written(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue()
