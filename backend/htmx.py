"""What the server knows of htmx: whether a fragment is asked for, and where to send the browser after a write."""

from urllib.parse import quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response


def wants_fragment(request: Request) -> bool:
    """True when htmx asks for a part of the page; a page restored from history is asked for whole."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"


def redirect(request: Request, url: str) -> Response:
    """After a write: 303 for a form, `HX-Redirect` for htmx."""
    if wants_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": quote(url, safe=":/%#?=@[]!$&'()*+,")})
    return RedirectResponse(url, status_code=303)
