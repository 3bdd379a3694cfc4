"""Dependencies that every feature uses: the transaction of a request and the submitted form."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.datastructures import FormData

from backend.config import Settings
from backend.csrf import SAFE_METHODS
from backend.db import Database
from backend.sealing import Sealer


def get_database(request: Request) -> Database:
    """The database of this application."""
    database: Database = request.app.state.database
    return database


def get_settings(request: Request) -> Settings:
    """The settings of this application."""
    settings: Settings = request.app.state.settings
    return settings


def get_sealer(request: Request) -> Sealer:
    """The sealer of this application."""
    sealer: Sealer = request.app.state.sealer
    return sealer


def get_session(request: Request) -> Iterator[Session]:
    """The one transaction of a request; writes are followed up after the commit and before the answer goes out."""
    write = request.method not in SAFE_METHODS
    with get_database(request).session(write=write) as session:
        yield session
    if write:
        follow_ups: list[Callable[[], None]] = request.app.state.after_commit
        for follow_up in follow_ups:
            follow_up()


def get_recording_session(request: Request) -> Iterator[Session]:
    """The transaction of a page that is read, and whose reading is itself recorded."""
    with get_database(request).session(write=True) as session:
        yield session


def get_reading_session(request: Request) -> Iterator[Session]:
    """The transaction of a form that is only looked at: it takes no lock and follows nothing up."""
    with get_database(request).session() as session:
        yield session


async def get_form(request: Request) -> FormData:
    """The fields of a submitted form."""
    return await request.form(max_files=0, max_fields=200)


async def get_form_with_file(request: Request) -> AsyncIterator[FormData]:
    """The fields of a submitted form that may bring one file along; what was spooled to disk goes with the request."""
    async with request.form(max_files=1, max_fields=200) as data:
        yield data


# Without the scope FastAPI would commit after the answer has gone out, and a failed commit would still answer 200.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]
RecordingSessionDep = Annotated[Session, Depends(get_recording_session, scope="function")]
ReadingSessionDep = Annotated[Session, Depends(get_reading_session, scope="function")]
FormDep = Annotated[FormData, Depends(get_form)]
DatabaseDep = Annotated[Database, Depends(get_database)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
SealerDep = Annotated[Sealer, Depends(get_sealer)]
