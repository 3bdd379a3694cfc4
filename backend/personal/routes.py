"""One's own data: to take along, and the end of the account."""

import json
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import flash
from backend.accounts import credentials, second_factor, sessions
from backend.accounts.deps import AccountBeforeDep, AccountDep, ClientDep
from backend.accounts.forms import PasswordAndCodeForm, PresentPassword
from backend.accounts.routes.refusals import holds_both_factors
from backend.deps import DatabaseDep, FormDep, RecordingSessionDep, SealerDep, SessionDep, SettingsDep
from backend.errors import DomainError, TooManyAttempts
from backend.htmx import redirect
from backend.organisations.deps import SignedInDep
from backend.personal import service
from backend.personal.service import OnlyOwner
from backend.templating import render

router = APIRouter()

FILE_NAME = "yiqiao-account.json"


@dataclass(frozen=True)
class DataPage:
    """Context of personal/data.html."""


@dataclass(frozen=True)
class DeletePage:
    """Context of personal/delete.html. Where a code is not asked for, the form has no field for it."""

    form: PresentPassword
    asks_code: bool
    has_password: bool
    refusal: str | None = None


@router.get("/account/data")
def data_page(request: Request, viewer: SignedInDep) -> Response:
    """What can be done with one's own data."""
    return render(request, "personal/data.html", DataPage())


@router.get("/account/data/download")
def download(request: Request, session: RecordingSessionDep, viewer: SignedInDep, account: AccountDep) -> Response:
    """Everything that is kept about the user, as a JSON file."""
    content = json.dumps(service.export(session, account.user), ensure_ascii=False, indent=2)
    headers = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/json", headers=headers)


def _form(asks_code: bool) -> type[PresentPassword]:
    return PasswordAndCodeForm if asks_code else PresentPassword


@router.get("/account/delete")
def delete_form(request: Request, session: SessionDep, viewer: SignedInDep, account: AccountDep) -> Response:
    """What the end of the account means, and the form for it."""
    asks_code = second_factor.is_on(session, account.user.id)
    names = service.only_owner_of(session, account.user.id)
    refusal = OnlyOwner(names).zh if names else None
    page = DeletePage(_form(asks_code)(), asks_code, bool(account.user.password_hash), refusal)
    return render(request, "personal/delete.html", page)


@router.post("/account/delete")
def delete(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    sealer: SealerDep,
    viewer: SignedInDep,
    account: AccountBeforeDep,
    client: ClientDep,
    data: FormDep,
) -> Response:
    """End the account."""
    user = account.user
    with database.session() as before:
        asks_code = second_factor.is_on(before, user.id)
    form: PresentPassword = _form(asks_code).read(data)

    def again(error: DomainError | None = None) -> Response:
        page = DeletePage(form, asks_code, bool(user.password_hash), error.zh if error else None)
        status, headers = (error.status, error.headers) if error else (422, {})
        return render(request, "personal/delete.html", page, status=status, headers=headers)

    if not form.validate():
        return again()
    try:
        tried = credentials.try_present(database, user, form.password.data or "")
        if not holds_both_factors(session, sealer, user, form, tried, client.address):
            return again()
        service.delete_account(session, user, actor_id=user.id)
    except (TooManyAttempts, OnlyOwner) as error:
        return again(error)
    response = flash.put(redirect(request, "/"), "account-deleted")
    sessions.clear_cookie(response, settings)
    return response
