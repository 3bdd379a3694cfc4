"""Dependencies of the pages of accounts: who is signed in, and what is known of the browser."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from backend.accounts import sessions
from backend.accounts.models import User, UserSession
from backend.accounts.service import Client
from backend.client_address import client_address
from backend.deps import SessionDep, SettingsDep, get_database
from backend.errors import NotSignedIn


@dataclass(frozen=True)
class Account:
    """The user of a request, and the session of the browser."""

    user: User
    session: UserSession


def get_account(request: Request, session: SessionDep, settings: SettingsDep) -> Account:
    """Who is signed in; raises NotSignedIn for a visitor."""
    idle = timedelta(hours=settings.session_idle_hours)
    found = sessions.find(session, sessions.token_of(request), idle)
    if found is None:
        raise NotSignedIn
    return Account(*found)


def get_account_before(request: Request, settings: SettingsDep) -> Account:
    """Who is signed in, read in a transaction that is over: so passwords can be tried before that of the request.

    Raises NotSignedIn for a visitor.
    """
    with get_database(request).session() as session:
        return get_account(request, session, settings)


def get_client(request: Request, settings: SettingsDep) -> Client:
    """What is known of the browser."""
    return Client(client_address(request), request.headers.get("user-agent", ""), settings.session_days)


AccountDep = Annotated[Account, Depends(get_account)]
AccountBeforeDep = Annotated[Account, Depends(get_account_before)]
ClientDep = Annotated[Client, Depends(get_client)]
