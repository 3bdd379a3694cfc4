"""Protection against cross-site request forgery, by the browser's own statement of where a request comes from.

A browser sends `Sec-Fetch-Site` with every request and `Origin` with every write. A write whose statement names another
site is refused; a client that sends neither is no browser, carries no cookies of a victim, and is let through. The
session cookie is SameSite=Lax besides.

Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers".
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from backend.errors import CrossSiteRequest

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_same_site(method: str, headers: Headers) -> None:
    """Raise CrossSiteRequest for a write that another site's page has sent."""
    if method in SAFE_METHODS:
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise CrossSiteRequest
        return
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise CrossSiteRequest
