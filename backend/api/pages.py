"""The page of one's own tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.accounts import credentials, second_factor
from backend.accounts.deps import AccountBeforeDep, AccountDep, ClientDep
from backend.accounts.models import User
from backend.accounts.routes.refusals import holds_both_factors
from backend.api import service
from backend.api.forms import SCOPES, TokenForm, TokenWithCodeForm
from backend.api.models import ApiToken
from backend.api.scopes import Scope
from backend.db import new_id
from backend.deps import DatabaseDep, FormDep, SealerDep, SessionDep
from backend.errors import DomainError, NotFound, TooManyAttempts
from backend.htmx import redirect
from backend.organisations.deps import SignedInDep
from backend.templating import render

router = APIRouter()

URL = "/account/tokens"


@dataclass(frozen=True)
class TokensPage:
    """Context of api/tokens.html. `made` is a new token, shown this once; those made until `ended_at` ended then."""

    form: TokenForm
    tokens: Sequence[ApiToken]
    valid_ids: frozenset[str]
    ended_at: datetime | None
    scope_names: Mapping[Scope, str]
    asks_code: bool
    has_password: bool
    made: str | None = None
    refusal: str | None = None


def _page(
    session: Session, user: User, form: TokenForm, *, made: str | None = None, refusal: str | None = None
) -> TokensPage:
    return TokensPage(
        form=form,
        tokens=service.listing(session, user.id),
        valid_ids=service.valid_ids(session, user.id),
        ended_at=user.tokens_valid_from,
        scope_names=SCOPES,
        asks_code=isinstance(form, TokenWithCodeForm),
        has_password=bool(user.password_hash),
        made=made,
        refusal=refusal,
    )


def _form(session: Session, user: User) -> type[TokenForm]:
    return TokenWithCodeForm if second_factor.is_on(session, user.id) else TokenForm


def _fresh(session: Session, user: User) -> TokenForm:
    return _form(session, user)(data={"token_id": new_id(), "scopes": [Scope.READ.value], "days": "90"})


@router.get(URL)
def my_tokens(request: Request, session: SessionDep, viewer: SignedInDep, account: AccountDep) -> Response:
    """My tokens, and the form of a new one."""
    page = _page(session, account.user, _fresh(session, account.user))
    return render(request, "api/tokens.html", page)


@router.post(URL)
def create_token(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    sealer: SealerDep,
    viewer: SignedInDep,
    account: AccountBeforeDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Make a token and show it: it stands in no cookie and no address, so this answer is the one place for it."""
    user = account.user
    with database.session() as before:
        form: TokenForm = _form(before, user).read(data)

    def again(error: DomainError | None = None) -> Response:
        page = _page(session, user, form, refusal=error.zh if error else None)
        status, headers = (error.status, error.headers) if error else (422, {})
        return render(request, "api/tokens.html", page, status=status, headers=headers)

    if not form.validate():
        return again()
    token_id = str(form.token_id.data)
    try:
        tried = credentials.try_present(database, user, form.password.data or "")
        # A code counts once: a form that is sent twice is known by its id before it is asked for again.
        if service.is_made(session, user, token_id):
            return flash.put(redirect(request, URL), "token-made-before")
        if not holds_both_factors(session, sealer, user, form, tried, client.address):
            return again()
        made = service.create(
            session,
            user,
            token_id,
            name=form.name.data or "",
            scopes=[Scope(scope) for scope in form.scopes.data or ()],
            days=int(str(form.days.data)),
        )
    except (TooManyAttempts, service.TooManyTokens) as error:
        return again(error)
    page = _page(session, user, _fresh(session, user), made=made)
    return render(request, "api/tokens.html", page, status=201)


@router.post(URL + "/{token_id}/{action}")
def act_on_token(request: Request, token_id: str, action: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Revoke a token."""
    if action != "revoke":
        raise NotFound
    service.revoke(session, viewer, token_id)
    return flash.put(redirect(request, URL), "token-revoked")
