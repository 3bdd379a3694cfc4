"""Signing in and out."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import flash
from backend.accounts import service, sessions
from backend.accounts.forms import SignInForm, safe_next
from backend.deps import FormDep, SessionDep, SettingsDep
from backend.htmx import redirect
from backend.i18n import gettext as _
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class SignInPage:
    """Context of accounts/sign_in.html."""

    form: SignInForm
    refusal: str | None = None


@router.get("/sign-in")
def sign_in_form(request: Request) -> Response:
    """The sign-in form."""
    form = SignInForm(data={"next": safe_next(request.query_params.get("next"))})
    return render(request, "accounts/sign_in.html", SignInPage(form))


@router.post("/sign-in")
def sign_in(request: Request, session: SessionDep, settings: SettingsDep, data: FormDep) -> Response:
    """Check the password and open a session."""
    form: SignInForm = SignInForm.read(data)
    if not form.validate():
        return render(request, "accounts/sign_in.html", SignInPage(form), status=422)
    token = service.sign_in(
        session,
        email=form.email.data or "",
        password=form.password.data or "",
        days=settings.session_days,
        user_agent=request.headers.get("user-agent", ""),
    )
    if token is None:
        refusal = _("邮箱或密码不正确。请核对后重试；如忘记密码，请联系平台管理员。")
        return render(request, "accounts/sign_in.html", SignInPage(form, refusal), status=422)
    response = flash.put(redirect(request, safe_next(form.next.data)), "signed-in")
    sessions.set_cookie(response, token, settings)
    return response


@router.post("/sign-out")
def sign_out(request: Request, session: SessionDep, settings: SettingsDep) -> Response:
    """End the session."""
    token = request.cookies.get(sessions.COOKIE)
    if token:
        service.sign_out(session, token)
    response = flash.put(redirect(request, "/"), "signed-out")
    sessions.clear_cookie(response, settings)
    return response
