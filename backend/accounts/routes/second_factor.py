"""Setting up the second factor, its recovery codes, and switching it off."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import flash
from backend.accounts import credentials, second_factor, service, sessions
from backend.accounts.deps import Account, AccountBeforeDep, AccountDep, ClientDep
from backend.accounts.forms import FirstCodeForm, PasswordAndCodeForm, PresentPassword
from backend.accounts.routes.refusals import WRONG_CODE, WRONG_PASSWORD, holds_both_factors, refuse_field
from backend.db import Database
from backend.deps import DatabaseDep, FormDep, SealerDep, SessionDep, SettingsDep
from backend.errors import TooManyAttempts
from backend.htmx import redirect
from backend.sealing import Sealer
from backend.templating import render

router = APIRouter()

OWN, SET_UP, CODES, OFF = (f"/account/second-factor{part}" for part in ("", "/set-up", "/codes", "/off"))


@dataclass(frozen=True)
class SecondFactorPage:
    """Context of accounts/second_factor.html."""

    on: bool
    codes_left: int
    form: PresentPassword
    has_password: bool
    refusal: str | None = None


@dataclass(frozen=True)
class SetUpPage:
    """Context of accounts/second_factor_set_up.html."""

    form: FirstCodeForm
    picture: str
    key: str
    codes: Sequence[str]
    refusal: str | None = None


@dataclass(frozen=True)
class ReauthenticatePage:
    """Context of accounts/second_factor_off.html, and of second_factor_codes.html, which shows codes once there are."""

    form: PasswordAndCodeForm
    codes: Sequence[str] = ()
    refusal: str | None = None


def _own_page(
    request: Request,
    session: SessionDep,
    account: Account,
    form: PresentPassword,
    error: TooManyAttempts | None = None,
) -> Response:
    page = SecondFactorPage(
        on=second_factor.is_on(session, account.user.id),
        codes_left=second_factor.codes_left(session, account.user.id),
        form=form,
        has_password=bool(account.user.password_hash),
        refusal=error.zh if error else None,
    )
    status, headers = (error.status, error.headers) if error else (422 if form.errors else 200, {})
    return render(request, "accounts/second_factor.html", page, status=status, headers=headers)


@router.get(OWN)
def own(request: Request, session: SessionDep, account: AccountDep) -> Response:
    """Whether signing in asks for a code, and what can be done about it."""
    return _own_page(request, session, account, PresentPassword())


@router.post(OWN)
def begin(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    sealer: SealerDep,
    account: AccountBeforeDep,
    data: FormDep,
) -> Response:
    """Begin the set-up; a session alone does not do, or whoever found it open could lock its owner out."""
    form: PresentPassword = PresentPassword.read(data)
    try:
        if form.validate():
            tried = credentials.try_present(database, account.user, form.password.data or "")
            if not second_factor.is_on(session, account.user.id) and not credentials.is_present(
                session, account.user, tried
            ):
                refuse_field(form.password, WRONG_PASSWORD)
    except TooManyAttempts as error:
        return _own_page(request, session, account, form, error)
    if second_factor.is_on(session, account.user.id):
        return redirect(request, OWN)
    if form.errors:
        return _own_page(request, session, account, form)
    second_factor.begin(session, sealer, account.user)
    return redirect(request, SET_UP)


def _set_up_page(
    request: Request,
    session: SessionDep,
    sealer: Sealer,
    account: Account,
    form: FirstCodeForm,
    error: TooManyAttempts | None = None,
) -> Response:
    found = second_factor.begun(session, account.user.id)
    key = second_factor.key_of(sealer, found)
    page = SetUpPage(
        form=form,
        picture=second_factor.picture(sealer, found, account.user.email),
        key=" ".join(key[i : i + 4] for i in range(0, len(key), 4)),
        codes=second_factor.shown_codes(sealer, found),
        refusal=error.zh if error else None,
    )
    status, headers = (error.status, error.headers) if error else (422 if form.errors else 200, {})
    return render(request, "accounts/second_factor_set_up.html", page, status=status, headers=headers)


@router.get(SET_UP)
def set_up_form(request: Request, session: SessionDep, sealer: SealerDep, account: AccountDep) -> Response:
    """Key and recovery codes, and the form for the first code."""
    found = second_factor.find(session, account.user.id)
    if found is None or found.confirmed_at is not None:
        return redirect(request, OWN)
    return _set_up_page(request, session, sealer, account, FirstCodeForm())


@router.post(SET_UP)
def set_up(
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    sealer: SealerDep,
    account: AccountDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Switch it on by the first code; the session gets a new token."""
    form: FirstCodeForm = FirstCodeForm.read(data)
    if not form.validate():
        return _set_up_page(request, session, sealer, account, form)
    if not second_factor.confirm(session, sealer, account.user, form.code.data or ""):
        refuse_field(form.code, WRONG_CODE)
        return _set_up_page(request, session, sealer, account, form)
    token = service.renew(session, account.user, account.session, client)
    response = flash.put(redirect(request, OWN), "second-factor-on")
    sessions.set_cookie(response, token, settings)
    return response


def _is_present(
    database: Database,
    session: SessionDep,
    sealer: Sealer,
    account: Account,
    client: ClientDep,
    form: PasswordAndCodeForm,
) -> bool:
    """Whether the form holds both factors; else it says which one does not fit. Raises TooManyAttempts."""
    if not form.validate():
        return False
    tried = credentials.try_present(database, account.user, form.password.data or "")
    return holds_both_factors(session, sealer, account.user, form, tried, client.address)


@router.get(CODES)
def codes(request: Request, session: SessionDep, sealer: SealerDep, account: AccountDep) -> Response:
    """New recovery codes, where some were made; else the form that makes them."""
    found = second_factor.find(session, account.user.id)
    if found is None or found.confirmed_at is None:
        return redirect(request, OWN)
    page = ReauthenticatePage(PasswordAndCodeForm(), second_factor.shown_codes(sealer, found))
    return render(request, "accounts/second_factor_codes.html", page)


@router.post(CODES)
def renew_codes(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    sealer: SealerDep,
    account: AccountBeforeDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Make new recovery codes and show them."""
    form: PasswordAndCodeForm = PasswordAndCodeForm.read(data)
    try:
        if not _is_present(database, session, sealer, account, client, form):
            return render(request, "accounts/second_factor_codes.html", ReauthenticatePage(form), status=422)
    except TooManyAttempts as error:
        page = ReauthenticatePage(form, refusal=error.zh)
        return render(request, "accounts/second_factor_codes.html", page, status=error.status, headers=error.headers)
    second_factor.renew_codes(session, sealer, account.user)
    return redirect(request, CODES)


@router.post(f"{CODES}/noted")
def codes_noted(request: Request, session: SessionDep, sealer: SealerDep, account: AccountDep) -> Response:
    """The codes that were shown are in force from now on."""
    second_factor.put_codes_in_force(session, sealer, account.user)
    return flash.put(redirect(request, OWN), "codes-renewed")


@router.get(OFF)
def off_form(request: Request, session: SessionDep, account: AccountDep) -> Response:
    """The form that switches it off."""
    if not second_factor.is_on(session, account.user.id):
        return redirect(request, OWN)
    return render(request, "accounts/second_factor_off.html", ReauthenticatePage(PasswordAndCodeForm()))


@router.post(OFF)
def switch_off(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    sealer: SealerDep,
    account: AccountBeforeDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Switch it off; asks for both factors. Whoever has a lost phone is out of all other browsers at once."""
    form: PasswordAndCodeForm = PasswordAndCodeForm.read(data)
    try:
        if not _is_present(database, session, sealer, account, client, form):
            return render(request, "accounts/second_factor_off.html", ReauthenticatePage(form), status=422)
    except TooManyAttempts as error:
        page = ReauthenticatePage(form, refusal=error.zh)
        return render(request, "accounts/second_factor_off.html", page, status=error.status, headers=error.headers)
    second_factor.switch_off(session, account.user, actor_id=account.user.id)
    service.end_other_sessions(session, account.user, account.session)
    token = service.renew(session, account.user, account.session, client)
    response = flash.put(redirect(request, OWN), "second-factor-off")
    sessions.set_cookie(response, token, settings)
    return response
