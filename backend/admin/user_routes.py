"""Pages of accounts for administrators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.admin import users
from backend.admin.deps import AdminDep
from backend.admin.forms import STATES, SuspensionForm
from backend.deps import FormDep, SessionDep
from backend.disclosure.filters import page_count, page_number
from backend.errors import NotFound
from backend.forms import clean_line
from backend.htmx import redirect
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter(prefix="/admin/users")

Q_LENGTH = 254


@dataclass(frozen=True)
class UsersPage:
    """Context of admin/users.html, whose block `results` is the fragment. `query` are the filters as an address."""

    rows: Sequence[users.Row]
    total: int
    q: str
    state: str
    states: Mapping[users.State, str]
    page: int
    pages: int
    query: str


@dataclass(frozen=True)
class UserPage:
    """Context of admin/user.html."""

    found: users.Detail
    states: Mapping[users.State, str]
    form: SuspensionForm


@router.get("")
def listing(
    request: Request, session: SessionDep, viewer: AdminDep, q: str = "", state: str = "", page: str = "1"
) -> Response:
    """Accounts by name, address and state."""
    text, number = clean_line(q)[:Q_LENGTH], page_number(page)
    chosen = users.State(state) if state in list(users.State) else None
    rows, total = users.page(session, viewer, text, chosen, number)
    pages = page_count(total, users.PAGE_SIZE)
    query = urlencode({"q": text, "state": chosen or ""})
    shown = UsersPage(rows, total, text, chosen or "", STATES, number, pages, query)
    return render(request, "admin/users.html", shown, block="results")


@router.get("/{user_id}")
def one(request: Request, user_id: str, session: SessionDep, viewer: AdminDep) -> Response:
    """One account."""
    return _show(request, session, viewer, user_id, SuspensionForm())


def _show(request: Request, session: Session, viewer: Viewer, user_id: str, form: SuspensionForm) -> Response:
    page = UserPage(users.detail(session, viewer, user_id), STATES, form)
    return render(request, "admin/user.html", page, status=422 if form.errors else 200)


@router.post("/{user_id}/{action}")
def act(request: Request, user_id: str, action: str, session: SessionDep, viewer: AdminDep, data: FormDep) -> Response:
    """Suspend or reactivate an account."""
    steps = {"suspend": users.suspend, "reactivate": users.reactivate}
    if action not in steps:
        raise NotFound
    form: SuspensionForm = SuspensionForm.read(data)
    if not form.validate():
        return _show(request, session, viewer, user_id, form)
    steps[action](session, viewer, user_id, str(form.reason.data))
    return flash.put(redirect(request, f"/admin/users/{user_id}"), f"account-{action}")
