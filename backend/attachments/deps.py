"""What the routes of attachments ask for: the storage, the subject, and a file that is received piece by piece."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

from backend.attachments import service
from backend.attachments.errors import StorageUnavailable
from backend.attachments.storage import Storage
from backend.attachments.stripping import Stripped, strip_stored
from backend.deps import get_database
from backend.disclosure.models import SubjectKind
from backend.disclosure.policy import Opened
from backend.errors import NotFound
from backend.organisations.deps import SignedInDep, ViewerDep
from backend.organisations.policy import Viewer


def get_storage(request: Request) -> Storage:
    """The storage of this application."""
    storage: Storage = request.app.state.storage
    return storage


def get_kind(kind: str) -> SubjectKind:
    """The kind of subject in an address; raises NotFound."""
    if kind not in list(SubjectKind):
        raise NotFound
    return SubjectKind(kind)


KindDep = Annotated[SubjectKind, Depends(get_kind)]


def check_target(request: Request, kind: KindDep, subject_id: str, viewer: SignedInDep) -> Opened:
    """Ask the policy before the file is received: a stranger's file never fills the disk."""
    with get_database(request).session() as session:
        return service.check_can_add(session, viewer, kind, subject_id)


TargetDep = Annotated[Opened, Depends(check_target)]


@asynccontextmanager
async def receive(request: Request) -> AsyncIterator[FormData]:
    """The form with its file, which is written to disk as it comes in; raises StorageUnavailable."""
    try:
        form = await request.form(max_files=1, max_fields=20)
    except OSError as error:
        raise StorageUnavailable from error
    try:
        yield form
    finally:
        await form.close()


async def get_upload(request: Request, _target: TargetDep) -> AsyncIterator[FormData]:
    """The same, once the policy has been asked."""
    async with receive(request) as form:
        yield form


StorageDep = Annotated[Storage, Depends(get_storage)]


def strip_before(
    request: Request, storage: Storage, viewer: Viewer, kind: SubjectKind, subject_id: str, attachment_id: str
) -> Stripped | None:
    """What is to be kept of a file from now on, made before the transaction that writes its opening down begins.

    Else nobody could save anything for as long as it takes.
    """
    with get_database(request).session() as session:
        attachment = service.to_strip(session, viewer, kind, subject_id, attachment_id)
    return strip_stored(storage, attachment) if attachment is not None else None


def get_stripped(
    request: Request, storage: StorageDep, viewer: ViewerDep, kind: KindDep, subject_id: str, attachment_id: str
) -> Stripped | None:
    """The same for a page."""
    return strip_before(request, storage, viewer, kind, subject_id, attachment_id)


StrippedDep = Annotated[Stripped | None, Depends(get_stripped)]
UploadDep = Annotated[FormData, Depends(get_upload)]
