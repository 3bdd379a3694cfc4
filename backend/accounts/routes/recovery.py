"""A new password where the old one is lost."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import flash
from backend.accounts import credentials, passwords, sessions, throttle
from backend.accounts.deps import ClientDep
from backend.accounts.forms import EmailForm, ResetForm
from backend.accounts.routes.refusals import expired
from backend.deps import DatabaseDep, FormDep, SessionDep, SettingsDep
from backend.errors import LinkExpired, TooManyAttempts
from backend.htmx import redirect
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class ForgotPage:
    """Context of accounts/forgot.html."""

    form: EmailForm
    refusal: str | None = None


@dataclass(frozen=True)
class ResetSentPage:
    """Context of accounts/reset_sent.html; nothing in it depends on the address that was typed."""


@dataclass(frozen=True)
class ResetPage:
    """Context of accounts/reset.html."""

    form: ResetForm
    email: str
    refusal: str | None = None


@router.get("/password/forgot")
def forgot_form(request: Request) -> Response:
    """The form that asks for a link."""
    return render(request, "accounts/forgot.html", ForgotPage(EmailForm()))


@router.post("/password/forgot")
def forgot(request: Request, session: SessionDep, client: ClientDep, data: FormDep) -> Response:
    """Send the link."""
    form: EmailForm = EmailForm.read(data)
    if not form.validate():
        return render(request, "accounts/forgot.html", ForgotPage(form), status=422)
    try:
        credentials.ask_reset(session, email=form.email.data or "", address=client.address)
    except TooManyAttempts as error:
        page = ForgotPage(form, error.zh)
        return render(request, "accounts/forgot.html", page, status=error.status, headers=error.headers)
    return redirect(request, "/password/sent")


@router.get("/password/sent")
def reset_sent(request: Request) -> Response:
    """What to do after the link was asked for."""
    return render(request, "accounts/reset_sent.html", ResetSentPage())


@router.get("/password/reset")
def reset_form(request: Request, session: SessionDep, token: str = "") -> Response:
    """The page of the link; opening it uses nothing up."""
    try:
        _found, user = credentials.find_reset(session, token)
    except LinkExpired as error:
        return expired(request, error, "/password/forgot")
    return render(request, "accounts/reset.html", ResetPage(ResetForm(data={"token": token}), user.email))


@router.post("/password/reset")
def reset(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Set the new password."""
    form: ResetForm = ResetForm.read(data)
    token = form.token.data
    email = ""
    try:
        throttle.spend_before(database, throttle.new_passwords_from(client.address))
        user = credentials.whose_reset(database, token)
        email, form.own = user.email, (user.email, user.name)
        if not form.validate():
            return render(request, "accounts/reset.html", ResetPage(form, email), status=422)
        hashed = passwords.hash_password(form.password.data or "")
        credentials.reset(session, token=token, hashed=hashed, address=client.address)
    except LinkExpired as error:
        return expired(request, error, "/password/forgot")
    except TooManyAttempts as error:
        page = ResetPage(form, email, error.zh)
        return render(request, "accounts/reset.html", page, status=error.status, headers=error.headers)
    response = flash.put(redirect(request, "/sign-in"), "password-reset")
    sessions.clear_cookie(response, settings)
    return response
