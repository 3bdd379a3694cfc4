"""What somebody was about to send when their session had ended: kept on a page of its own, to be sent once more.

A form may take an hour to fill in. Sending it then to the sign-in form alone would throw away what was typed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 1_000_000
"""Files of somebody who is not signed in are not received; a form of texts is far smaller."""
MOST_FILES = 10
OF_ACCOUNTS = re.compile(r"/(account|admin|confirm|password|register|sign-in|sign-out|invitation)(/|$)")
"""Their forms are short, and hold passwords and codes."""
WRITTEN = re.compile(r"[\u3400-\u9fff]|\S\s+\S")
"""What a person has written, not an id, a number or the value of a choice."""


@dataclass(frozen=True)
class EndedSession:
    """Context of errors/ended.html: the form as it was sent, and the texts in it to be read."""

    action: str
    enctype: str
    fields: Sequence[tuple[str, str]]
    texts: Sequence[str]
    has_files: bool


async def kept(request: Request, *, had_session: bool) -> EndedSession | None:
    """The form that a browser has sent whose session has ended; None where nothing was written in it."""
    if request.method != "POST" or not had_session or OF_ACCOUNTS.match(request.url.path):
        return None
    enctype = request.headers.get("content-type", "").partition(";")[0].strip()
    length = request.headers.get("content-length", "")
    if not enctype.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return None
    if not length.isdecimal() or int(length) > MOST_BYTES:
        return None
    try:
        async with request.form(max_files=MOST_FILES, max_fields=200) as form:
            return _page(request, enctype, form)
    except HTTPException:
        return None


def _page(request: Request, enctype: str, form: FormData) -> EndedSession | None:
    fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    texts = [value.strip() for _name, value in fields if WRITTEN.search(value)]
    if not texts:
        return None
    files = [value for _name, value in form.multi_items() if not isinstance(value, str) and value.filename]
    action = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return EndedSession(action, enctype, fields, texts, bool(files))
