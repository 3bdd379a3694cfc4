"""One's own account: name, address, password, signed-in browsers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from backend import flash
from backend.accounts import credentials, devices, passwords, second_factor, service, sessions, throttle
from backend.accounts.deps import Account, AccountBeforeDep, AccountDep, ClientDep
from backend.accounts.forms import ChangeEmailForm, NameForm, PasswordForm, PresentPassword, TokenForm
from backend.accounts.models import User
from backend.accounts.routes.refusals import WRONG_PASSWORD, expired, refuse_field
from backend.db import Database
from backend.deps import DatabaseDep, FormDep, SessionDep, SettingsDep
from backend.errors import DomainError, LinkExpired, TooManyAttempts
from backend.htmx import redirect
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class AccountPage:
    """Context of accounts/account.html."""

    user: User
    form: NameForm
    second_factor_on: bool
    codes_left: int
    session_count: int


@dataclass(frozen=True)
class PasswordPage:
    """Context of accounts/password.html."""

    form: PasswordForm
    refusal: str | None = None


@dataclass(frozen=True)
class EmailPage:
    """Context of accounts/email.html."""

    form: ChangeEmailForm
    email: str
    refusal: str | None = None


@dataclass(frozen=True)
class ConfirmEmailPage:
    """Context of accounts/email_confirm.html."""

    form: TokenForm
    email: str


@dataclass(frozen=True)
class SessionLine:
    """A signed-in browser."""

    id: str
    browser: str
    created_at: datetime
    last_seen_at: datetime
    here: bool


@dataclass(frozen=True)
class SessionsPage:
    """Context of accounts/sessions.html."""

    lines: Sequence[SessionLine]
    form: PresentPassword
    has_password: bool
    refusal: str | None = None


def _account_page(
    request: Request, session: SessionDep, settings: SettingsDep, account: Account, form: NameForm, status: int = 200
) -> Response:
    idle = timedelta(hours=settings.session_idle_hours)
    page = AccountPage(
        user=account.user,
        form=form,
        second_factor_on=second_factor.is_on(session, account.user.id),
        codes_left=second_factor.codes_left(session, account.user.id),
        session_count=len(sessions.open_ones(session, account.user.id, idle)),
    )
    return render(request, "accounts/account.html", page, status=status)


@router.get("/account")
def own_account(request: Request, session: SessionDep, settings: SettingsDep, account: AccountDep) -> Response:
    """One's own account."""
    return _account_page(request, session, settings, account, NameForm(data={"name": account.user.name}))


@router.post("/account")
def rename(
    request: Request, session: SessionDep, settings: SettingsDep, account: AccountDep, data: FormDep
) -> Response:
    """Change the name."""
    form: NameForm = NameForm.read(data)
    if not form.validate():
        return _account_page(request, session, settings, account, form, status=422)
    service.rename(session, account.user, form.name.data or "")
    return flash.put(redirect(request, "/account"), "name-changed")


@router.get("/account/password")
def password_form(request: Request, account: AccountDep) -> Response:
    """The form for another password."""
    return render(request, "accounts/password.html", PasswordPage(PasswordForm()))


@router.post("/account/password")
def change_password(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    account: AccountBeforeDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Change the password; all other sessions end."""
    form: PasswordForm = PasswordForm.read(data)
    form.own = (account.user.email, account.user.name)
    try:
        throttle.spend_before(database, throttle.new_passwords_from(client.address))
        if form.validate():
            tried = credentials.try_present(database, account.user, form.present.data or "")
            hashed = passwords.hash_password(form.password.data or "") if tried.answer[0] else ""
            if not credentials.is_present(session, account.user, tried):
                refuse_field(form.present, WRONG_PASSWORD)
    except TooManyAttempts as error:
        return _refused(request, "accounts/password.html", PasswordPage(form, error.zh), error)
    if form.errors:
        return render(request, "accounts/password.html", PasswordPage(form), status=422)
    token = credentials.change_password(session, account.user, account.session, hashed, client)
    response = flash.put(redirect(request, "/account"), "password-changed")
    sessions.set_cookie(response, token, settings)
    return response


@router.get("/account/email")
def email_form(request: Request, account: AccountDep) -> Response:
    """The form for another address."""
    return render(request, "accounts/email.html", EmailPage(ChangeEmailForm(), account.user.email))


@router.post("/account/email")
def ask_email(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    account: AccountBeforeDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Send a link to the new address."""
    form: ChangeEmailForm = ChangeEmailForm.read(data)
    user = account.user
    try:
        if form.validate():
            tried = credentials.try_present(database, user, form.password.data or "")
            if not credentials.is_present(session, user, tried):
                refuse_field(form.password, WRONG_PASSWORD)
        if not form.errors:
            credentials.ask_email(session, user, form.email.data or "", client.address)
    except TooManyAttempts as error:
        return _refused(request, "accounts/email.html", EmailPage(form, user.email, error.zh), error)
    if form.errors:
        return render(request, "accounts/email.html", EmailPage(form, user.email), status=422)
    return flash.put(redirect(request, "/account"), "email-asked")


@router.get("/account/email/confirm")
def confirm_email_form(request: Request, session: SessionDep, token: str = "") -> Response:
    """The page of the link; opening it uses nothing up."""
    try:
        found, _user = credentials.find_email(session, token)
    except LinkExpired as error:
        return expired(request, error, "/account/email")
    page = ConfirmEmailPage(TokenForm(data={"token": token}), found.email)
    return render(request, "accounts/email_confirm.html", page)


@router.post("/account/email/confirm")
def confirm_email(request: Request, session: SessionDep, client: ClientDep, data: FormDep) -> Response:
    """Put the new address in place."""
    form: TokenForm = TokenForm.read(data)
    try:
        credentials.change_email(session, token=form.token.data, address=client.address)
    except LinkExpired as error:
        return expired(request, error, "/account/email")
    return flash.put(redirect(request, "/account"), "email-changed")


def _sessions_page(
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    account: Account,
    form: PresentPassword,
    error: TooManyAttempts | None = None,
) -> Response:
    idle = timedelta(hours=settings.session_idle_hours)
    lines = [
        SessionLine(s.id, devices.describe(s.user_agent), s.created_at, s.last_seen_at, here=s.id == account.session.id)
        for s in sessions.open_ones(session, account.user.id, idle)
    ]
    page = SessionsPage(lines, form, bool(account.user.password_hash), error.zh if error else None)
    status, headers = (error.status, error.headers) if error else (422 if form.errors else 200, {})
    return render(request, "accounts/sessions.html", page, status=status, headers=headers)


def _refuse_without_password(
    request: Request,
    database: Database,
    session: SessionDep,
    settings: SettingsDep,
    account: Account,
    data: FormData,
) -> Response | None:
    """The page again, unless the password was typed: whoever finds a browser open must not lock its owner out."""
    form: PresentPassword = PresentPassword.read(data)
    try:
        if form.validate():
            tried = credentials.try_present(database, account.user, form.password.data or "")
            if not credentials.is_present(session, account.user, tried):
                refuse_field(form.password, WRONG_PASSWORD)
    except TooManyAttempts as error:
        return _sessions_page(request, session, settings, account, form, error)
    return _sessions_page(request, session, settings, account, form) if form.errors else None


@router.get("/account/sessions")
def session_list(request: Request, session: SessionDep, settings: SettingsDep, account: AccountDep) -> Response:
    """Where one is signed in."""
    return _sessions_page(request, session, settings, account, PresentPassword())


@router.post("/account/sessions/end-others")
def end_other_sessions(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    account: AccountBeforeDep,
    data: FormDep,
) -> Response:
    """End all sessions but this one."""
    if refused := _refuse_without_password(request, database, session, settings, account, data):
        return refused
    service.end_other_sessions(session, account.user, account.session)
    return flash.put(redirect(request, "/account/sessions"), "sessions-ended")


@router.post("/account/sessions/{session_id}/end")
def end_session(
    request: Request,
    session_id: str,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    account: AccountBeforeDep,
    data: FormDep,
) -> Response:
    """End one session; ending this one is signing out, which asks for no password."""
    here = session_id == account.session.id
    if not here and (refused := _refuse_without_password(request, database, session, settings, account, data)):
        return refused
    service.end_session(session, account.user, session_id)
    if not here:
        return flash.put(redirect(request, "/account/sessions"), "session-ended")
    response = flash.put(redirect(request, "/"), "signed-out")
    sessions.clear_cookie(response, settings)
    return response


def _refused(request: Request, template: str, page: object, error: DomainError) -> Response:
    return render(request, template, page, status=error.status, headers=error.headers)
