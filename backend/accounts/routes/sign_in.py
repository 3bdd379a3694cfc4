"""Signing in, in one step or two, and out."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.accounts import service, sessions
from backend.accounts.deps import ClientDep
from backend.accounts.forms import CodeForm, SignInForm, safe_next
from backend.accounts.routes.refusals import WRONG_CODE, refuse_field
from backend.accounts.service import Step
from backend.config import Settings
from backend.deps import DatabaseDep, FormDep, SealerDep, SessionDep, SettingsDep
from backend.errors import TooManyAttempts
from backend.htmx import redirect
from backend.i18n import gettext as _
from backend.templating import render

router = APIRouter()

PENDING = "yiqiao_pending"
PENDING_SECONDS = 600


@dataclass(frozen=True)
class SignInPage:
    """Context of accounts/sign_in.html. `unconfirmed` is an address whose link can be sent again."""

    form: SignInForm
    single_sign_on: str | None
    refusal: str | None = None
    unconfirmed: str | None = None


@dataclass(frozen=True)
class CodePage:
    """Context of accounts/code.html."""

    form: CodeForm
    refusal: str | None = None


def single_sign_on_name(settings: Settings) -> str | None:
    """The name of the other way to sign in, where there is one."""
    return settings.oidc_name if settings.oidc_issuer else None


@router.get("/sign-in")
def sign_in_form(request: Request, settings: SettingsDep) -> Response:
    """The sign-in form."""
    form = SignInForm(data={"next": safe_next(request.query_params.get("next"))})
    return render(request, "accounts/sign_in.html", SignInPage(form, single_sign_on_name(settings)))


@router.post("/sign-in")
def sign_in(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Check the password; open a session, or ask for the code."""
    form: SignInForm = SignInForm.read(data)
    other = single_sign_on_name(settings)
    if not form.validate():
        return render(request, "accounts/sign_in.html", SignInPage(form, other), status=422)
    email = form.email.data or ""
    try:
        tried = service.try_password(database, email=email, password=form.password.data or "", client=client)
        done = service.sign_in(session, email=email, password=tried, client=client)
    except TooManyAttempts as error:
        page = SignInPage(form, other, error.zh)
        return render(request, "accounts/sign_in.html", page, status=error.status, headers=error.headers)
    if done.step is Step.REFUSED:
        refusal = _("邮箱或密码不正确。请核对后重试；如忘记密码，可以重设。")
        return render(request, "accounts/sign_in.html", SignInPage(form, other, refusal), status=422)
    if done.step is Step.UNCONFIRMED:
        page = SignInPage(form, other, unconfirmed=email)
        return render(request, "accounts/sign_in.html", page, status=422)
    if (former := sessions.token_of(request)) is not None:
        sessions.revoke(session, former)
    return admitted(request, session, settings, done, safe_next(form.next.data), "signed-in")


def admitted(
    request: Request, session: Session, settings: Settings, done: service.SignIn, url: str, message: str
) -> Response:
    """The answer to a right password: on to the page that was asked for, or to the code.

    Whoever asked for none comes to the page where their work begins, which floors above know.
    """
    if done.step is Step.CODE:
        response = redirect(request, f"/sign-in/code?next={quote(url)}")
        _put_pending(response, done.token, settings)
        return response
    landing: Callable[[Session, str], str] = request.app.state.landing
    response = flash.put(redirect(request, landing(session, done.token) if url == "/" else url), message)
    sessions.set_cookie(response, done.token, settings)
    return response


@router.get("/sign-in/code")
def code_form(request: Request, session: SessionDep) -> Response:
    """The form for the code of the second factor."""
    url = safe_next(request.query_params.get("next"))
    if not service.is_waiting_for_code(
        session, request.cookies.get(sessions.secure_name(PENDING, request.app.state.settings))
    ):
        return redirect(request, f"/sign-in?next={quote(url)}")
    return render(request, "accounts/code.html", CodePage(CodeForm(data={"next": url})))


@router.post("/sign-in/code")
def enter_code(
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    sealer: SealerDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """Check the code and open a session."""
    form: CodeForm = CodeForm.read(data)
    if not form.validate():
        return render(request, "accounts/code.html", CodePage(form), status=422)
    pending = request.cookies.get(sessions.secure_name(PENDING, request.app.state.settings))
    try:
        done = service.enter_code(session, sealer, pending=pending, code=form.code.data or "", client=client)
    except TooManyAttempts as error:
        page = CodePage(form, error.zh)
        return render(request, "accounts/code.html", page, status=error.status, headers=error.headers)
    url = safe_next(form.next.data)
    if done is None:
        return redirect(request, f"/sign-in?next={quote(url)}")
    if done.step is Step.REFUSED:
        refuse_field(form.code, WRONG_CODE)
        return render(request, "accounts/code.html", CodePage(form), status=422)
    if (former := sessions.token_of(request)) is not None:
        sessions.revoke(session, former)
    message = "signed-in" if done.recovery_codes_left is None else "signed-in-by-recovery-code"
    response = admitted(request, session, settings, done, url, message)
    response.delete_cookie(
        sessions.secure_name(PENDING, settings),
        path="/sign-in",
        httponly=True,
        samesite="lax",
        secure=settings.sends_cookies_by_https_alone,
    )
    return response


@router.post("/sign-out")
def sign_out(request: Request, session: SessionDep, settings: SettingsDep) -> Response:
    """End the session."""
    token = sessions.token_of(request)
    if token:
        service.sign_out(session, token)
    response = flash.put(redirect(request, "/"), "signed-out")
    sessions.clear_cookie(response, settings)
    return response


def _put_pending(response: Response, token: str, settings: Settings) -> None:
    response.set_cookie(
        sessions.secure_name(PENDING, settings),
        token,
        max_age=PENDING_SECONDS,
        httponly=True,
        samesite="lax",
        secure=settings.sends_cookies_by_https_alone,
        path="/sign-in",
    )
