"""What the routes of attachments ask for: the storage, the subject, and a file that is received piece by piece."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

from backend.attachments import service
from backend.attachments.errors import StorageUnavailable
from backend.attachments.storage import Storage
from backend.deps import get_database
from backend.disclosure.models import SubjectKind
from backend.disclosure.policy import Opened
from backend.errors import NotFound
from backend.organisations.deps import SignedInDep


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


async def get_upload(request: Request, _target: TargetDep) -> AsyncIterator[FormData]:
    """The form with its file, which is written to disk as it comes in; raises StorageUnavailable."""
    try:
        form = await request.form(max_files=1, max_fields=20)
    except OSError as error:
        raise StorageUnavailable from error
    yield form
    await form.close()


StorageDep = Annotated[Storage, Depends(get_storage)]
UploadDep = Annotated[FormData, Depends(get_upload)]
