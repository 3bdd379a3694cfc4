"""Tables as answers that a browser saves: Excel or CSV, named for the day."""

from datetime import datetime
from urllib.parse import quote

from starlette.responses import Response

from backend.db import utc_now
from backend.errors import NotFound
from backend.templating import LOCAL_ZONE
from backend.transfers import workbooks
from backend.transfers.exporting import Exported


def check_ending(ending: str) -> None:
    """Raises NotFound for what no list is made as."""
    if ending not in workbooks.MEDIA_TYPES:
        raise NotFound


def table(made: Exported, ending: str) -> Response:
    """A list as a file, `xlsx` or `csv`."""
    if ending == "csv":
        return file(workbooks.comma_separated(made.heads, made.rows), made.name, ending)
    return file(workbooks.excel(made.name, made.heads, made.rows, made.widths), made.name, ending)


def file(content: bytes, name: str, ending: str) -> Response:
    """An answer that is saved under a name, and kept by nobody on the way."""
    today: datetime = utc_now().astimezone(LOCAL_ZONE)
    called = quote(f"{name}_{today:%Y%m%d}.{ending}")
    headers = {
        "Content-Disposition": f"attachment; filename=\"export.{ending}\"; filename*=UTF-8''{called}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=workbooks.MEDIA_TYPES[ending], headers=headers)
