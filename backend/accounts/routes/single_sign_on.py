"""Signing in by an issuer elsewhere.

The way there is a link, not a form: the Content-Security-Policy lets no form of ours end at another site.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from backend.accounts import sessions, single_sign_on
from backend.accounts.deps import ClientDep
from backend.accounts.forms import safe_next
from backend.accounts.routes.sign_in import admitted
from backend.accounts.single_sign_on import CALLBACK, STATE_SECONDS, Identity
from backend.deps import RecordingSessionDep, SealerDep, SettingsDep

router = APIRouter()

COOKIE = "yiqiao_single"
PATH = "/sign-in/single"


@router.get(PATH)
def begin(request: Request, settings: SettingsDep, sealer: SealerDep) -> Response:
    """Send the browser to the issuer."""
    issuer = single_sign_on.of_site(request.app.state.issuer)
    url, kept = issuer.begin(sealer, safe_next(request.query_params.get("next")))
    response = RedirectResponse(url, status_code=303)
    response.set_cookie(
        sessions.secure_name(COOKIE, settings),
        kept,
        max_age=STATE_SECONDS,
        httponly=True,
        samesite="lax",
        secure=settings.sends_cookies_by_https_alone,
        path=PATH,
    )
    return response


def get_identity(request: Request, sealer: SealerDep) -> tuple[Identity, str]:
    """Who has come back, and where to go on; asked of the issuer before any transaction begins."""
    issuer = single_sign_on.of_site(request.app.state.issuer)
    return issuer.finish(
        sealer, request.cookies.get(sessions.secure_name(COOKIE, request.app.state.settings)), request.query_params
    )


@router.get(CALLBACK)
def come_back(
    request: Request,
    found: Annotated[tuple[Identity, str], Depends(get_identity)],
    session: RecordingSessionDep,
    settings: SettingsDep,
    client: ClientDep,
) -> Response:
    """Let in whom the issuer vouches for."""
    identity, url = found
    done = single_sign_on.sign_in(session, identity, client)
    if (former := sessions.token_of(request)) is not None:
        sessions.revoke(session, former)
    response = admitted(request, session, settings, done, safe_next(url), "signed-in")
    response.delete_cookie(
        sessions.secure_name(COOKIE, settings),
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=settings.sends_cookies_by_https_alone,
    )
    return response
