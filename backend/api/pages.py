"""The page of one's own tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.api import service
from backend.api.forms import SCOPES, TokenForm
from backend.api.models import ApiToken
from backend.api.scopes import Scope
from backend.db import new_id
from backend.deps import FormDep, SessionDep
from backend.errors import NotFound
from backend.htmx import redirect
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter()

URL = "/account/tokens"


@dataclass(frozen=True)
class TokensPage:
    """Context of api/tokens.html. `made` is a new token, shown this once."""

    form: TokenForm
    tokens: Sequence[ApiToken]
    valid_ids: frozenset[str]
    scope_names: Mapping[Scope, str]
    made: str | None = None
    refusal: str | None = None


def _page(session: Session, viewer: Viewer, form: TokenForm, **more: str | None) -> TokensPage:
    tokens = service.listing(session, viewer)
    valid = frozenset(token.id for token in tokens if service.is_valid(session, token))
    return TokensPage(form, tokens, valid, SCOPES, **more)


@router.get(URL)
def my_tokens(request: Request, session: SessionDep, viewer: SignedInDep) -> Response:
    """My tokens, and the form of a new one."""
    form = TokenForm(data={"token_id": new_id(), "scopes": [Scope.READ.value], "days": "90"})
    return render(request, "api/tokens.html", _page(session, viewer, form))


@router.post(URL)
def create_token(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Make a token and show it: it stands in no cookie and no address, so this answer is the one place for it."""
    form: TokenForm = TokenForm.read(data)
    if not form.validate():
        return render(request, "api/tokens.html", _page(session, viewer, form), status=422)
    try:
        made = service.create(
            session,
            viewer,
            str(form.token_id.data),
            name=form.name.data or "",
            scopes=[Scope(scope) for scope in form.scopes.data or ()],
            days=int(str(form.days.data)),
        )
    except service.TooManyTokens as error:
        page = _page(session, viewer, form, refusal=error.zh)
        return render(request, "api/tokens.html", page, status=error.status)
    if made is None:
        return flash.put(redirect(request, URL), "token-made-before")
    fresh = TokenForm(data={"token_id": new_id(), "scopes": [Scope.READ.value], "days": "90"})
    return render(request, "api/tokens.html", _page(session, viewer, fresh, made=made), status=201)


@router.post(URL + "/{token_id}/{action}")
def act_on_token(request: Request, token_id: str, action: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Revoke a token."""
    if action != "revoke":
        raise NotFound
    service.revoke(session, viewer, token_id)
    return flash.put(redirect(request, URL), "token-revoked")
