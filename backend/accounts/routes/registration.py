"""Registration, and the link that confirms an address."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.accounts import passwords, registration, throttle
from backend.accounts.deps import AccountDep, ClientDep
from backend.accounts.forms import ConfirmForm, EmailForm, RegistrationForm, safe_next
from backend.accounts.routes.refusals import WRONG_PASSWORD, expired, refuse_field
from backend.accounts.routes.sign_in import admitted, single_sign_on_name
from backend.deps import DatabaseDep, FormDep, SessionDep, SettingsDep
from backend.errors import LinkExpired, TooManyAttempts
from backend.htmx import redirect
from backend.templating import render

router = APIRouter()

NEXT_STEPS = "/account/next-steps"


@dataclass(frozen=True)
class RegistrationPage:
    """Context of accounts/register.html."""

    form: RegistrationForm
    single_sign_on: str | None
    refusal: str | None = None


@dataclass(frozen=True)
class SentPage:
    """Context of accounts/confirmation_sent.html; nothing in it depends on the address that was typed."""


@dataclass(frozen=True)
class ConfirmPage:
    """Context of accounts/confirm.html."""

    form: ConfirmForm
    email: str
    refusal: str | None = None


@dataclass(frozen=True)
class AskAgainPage:
    """Context of accounts/confirm_again.html."""

    form: EmailForm
    refusal: str | None = None


@dataclass(frozen=True)
class NextStepsPage:
    """Context of accounts/next_steps.html; the frame knows who is looking."""


@router.get("/register")
def registration_form(request: Request, settings: SettingsDep) -> Response:
    """The form for a new account."""
    form = RegistrationForm(data={"next": safe_next(request.query_params.get("next"))})
    return render(request, "accounts/register.html", RegistrationPage(form, single_sign_on_name(settings)))


@router.post("/register")
def register(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Note the account and send the link."""
    form: RegistrationForm = RegistrationForm.read(data)
    other = single_sign_on_name(settings)
    try:
        throttle.spend_before(database, throttle.new_passwords_from(client.address))
        if not form.validate():
            return render(request, "accounts/register.html", RegistrationPage(form, other), status=422)
        registration.register(
            session,
            name=form.name.data or "",
            email=form.email.data or "",
            hashed=passwords.hash_password(form.password.data or ""),
            next_url=safe_next(form.next.data)[:200],
            address=client.address,
        )
    except TooManyAttempts as error:
        page = RegistrationPage(form, other, error.zh)
        return render(request, "accounts/register.html", page, status=error.status, headers=error.headers)
    return redirect(request, "/confirm/sent")


@router.get("/confirm/sent")
def confirmation_sent(request: Request) -> Response:
    """What to do after registration."""
    return render(request, "accounts/confirmation_sent.html", SentPage())


@router.get("/confirm/again")
def ask_again_form(request: Request) -> Response:
    """The form for another link."""
    return render(request, "accounts/confirm_again.html", AskAgainPage(EmailForm()))


@router.post("/confirm/again")
def ask_again(request: Request, session: SessionDep, client: ClientDep, data: FormDep) -> Response:
    """Send another link."""
    form: EmailForm = EmailForm.read(data)
    if not form.validate():
        return render(request, "accounts/confirm_again.html", AskAgainPage(form), status=422)
    try:
        registration.send_again(session, email=form.email.data or "", address=client.address)
    except TooManyAttempts as error:
        page = AskAgainPage(form, error.zh)
        return render(request, "accounts/confirm_again.html", page, status=error.status, headers=error.headers)
    return redirect(request, "/confirm/sent")


@router.get("/confirm")
def confirm_form(request: Request, session: SessionDep, token: str = "") -> Response:
    """The page of the link. Opening it uses nothing up: mail programs open links on their own."""
    try:
        _found, user = registration.find(session, token)
    except LinkExpired as error:
        return expired(request, error, "/confirm/again")
    return render(request, "accounts/confirm.html", ConfirmPage(ConfirmForm(data={"token": token}), user.email))


@router.post("/confirm")
def confirm(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Confirm the address and sign in."""
    form: ConfirmForm = ConfirmForm.read(data)
    token, password = form.token.data, form.password.data or ""
    email = ""
    try:
        email = registration.email_of(database, token)
        if not form.validate():
            return render(request, "accounts/confirm.html", ConfirmPage(form, email), status=422)
        tried = registration.try_password(database, token=token, password=password, client=client)
        confirmed = registration.confirm(session, token=token, password=tried, client=client)
    except LinkExpired as error:
        return expired(request, error, "/confirm/again")
    except TooManyAttempts as error:
        page = ConfirmPage(form, email, error.zh)
        return render(request, "accounts/confirm.html", page, status=error.status, headers=error.headers)
    if confirmed is None:
        refuse_field(form.password, WRONG_PASSWORD)
        return render(request, "accounts/confirm.html", ConfirmPage(form, email), status=422)
    done, next_url = confirmed
    url = next_url if next_url not in ("", "/") else NEXT_STEPS
    return admitted(request, session, settings, done, url, "address-confirmed")


@router.get(NEXT_STEPS)
def next_steps(request: Request, account: AccountDep) -> Response:
    """What to do with a new account."""
    return render(request, "accounts/next_steps.html", NextStepsPage())
