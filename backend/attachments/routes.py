"""The files of a need or capability: a part of its page and a page of its own, upload, download, removal."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from backend import flash
from backend.attachments import names, service
from backend.attachments.deps import KindDep, StorageDep, StrippedDep, TargetDep, UploadDep
from backend.attachments.errors import ChecksBusy, FileRefused, StorageUnavailable
from backend.attachments.forms import UploadForm
from backend.attachments.kinds import ACCEPT
from backend.attachments.storage import CHUNK
from backend.db import ID_PATTERN, new_id
from backend.deps import RecordingSessionDep, SessionDep, SettingsDep
from backend.disclosure.cards import PATHS
from backend.disclosure.models import SubjectKind
from backend.errors import NotFound
from backend.htmx import redirect, wants_fragment
from backend.organisations.deps import SignedInDep, ViewerDep
from backend.templating import render

router = APIRouter()

UPLOADS = re.compile(rf"/attachments/[a-z]+/{ID_PATTERN}")
"""The addresses that take files."""

DOWNLOAD_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
VIEW_POLICY = f"{DOWNLOAD_POLICY}; style-src 'unsafe-inline'"
"""A browser frames a single image in a page of its own, with styles of its own."""


@dataclass(frozen=True)
class AttachmentsPage:
    """Context of attachments/list.html, whose block `attachments` is the fragment."""

    kind: SubjectKind
    subject_id: str
    subject_url: str
    url: str
    files: service.Files
    form: UploadForm
    accept: str
    max_files: int
    max_total: str
    max_bytes: int
    max_size: str


def _page(
    kind: SubjectKind, subject_id: str, files: service.Files, form: UploadForm, max_bytes: int
) -> AttachmentsPage:
    return AttachmentsPage(
        kind=kind,
        subject_id=subject_id,
        subject_url=f"{PATHS[kind]}/{subject_id}",
        url=f"/attachments/{kind}/{subject_id}",
        files=files,
        form=form,
        accept=ACCEPT,
        max_files=service.MAX_FILES,
        max_total=service.megabytes(service.MAX_TOTAL_BYTES),
        max_bytes=max_bytes,
        max_size=service.megabytes(max_bytes),
    )


@router.get("/attachments/{kind}/{subject_id}")
def attachments(
    request: Request, kind: KindDep, subject_id: str, session: SessionDep, viewer: ViewerDep, settings: SettingsDep
) -> Response:
    """The files of a subject: a fragment of its page, and a page of its own."""
    files = service.files(session, viewer, kind, subject_id)
    form = UploadForm(data={"attachment_id": new_id(), "strip": True})
    page = _page(kind, subject_id, files, form, settings.max_upload_bytes)
    return render(request, "attachments/list.html", page, block="attachments")


@router.post("/attachments/{kind}/{subject_id}")
def upload(
    request: Request,
    kind: KindDep,
    subject_id: str,
    viewer: SignedInDep,
    target: TargetDep,
    data: UploadDep,
    session: SessionDep,
    storage: StorageDep,
    settings: SettingsDep,
) -> Response:
    """Take a file in; a refusal comes back as the form with the reason beside the file."""
    form: UploadForm = UploadForm.read(data)
    status = 422
    if form.validate():
        sent = service.Upload(
            id=str(form.attachment_id.data),
            name=names.clean_name(form.file.data.filename),
            content=form.file.data.file,
            strip=bool(form.strip.data) or target.anonymous,
        )
        try:
            service.add(session, storage, viewer, kind, subject_id, sent, settings.max_upload_bytes)
            return flash.put(redirect(request, f"{PATHS[kind]}/{subject_id}"), "attachment-added")
        except (FileRefused, StorageUnavailable, ChecksBusy) as error:
            if wants_fragment(request) and not isinstance(error, FileRefused):
                # htmx shows it above the page, in which the form stays as it is.
                raise
            form.file.errors = [error.zh]
            status = error.status
    files = service.files(session, viewer, kind, subject_id)
    page = _page(kind, subject_id, files, form, settings.max_upload_bytes)
    return render(request, "attachments/list.html", page, block="attachments", status=status)


@router.get("/attachments/{kind}/{subject_id}/{attachment_id}")
def download(
    kind: KindDep,
    subject_id: str,
    attachment_id: str,
    stripped: StrippedDep,
    session: RecordingSessionDep,
    storage: StorageDep,
    viewer: ViewerDep,
) -> Response:
    """The content of a file, to be saved and never to be run."""
    reading = service.open_file(session, storage, viewer, kind, subject_id, attachment_id, stripped)
    return stream(reading, {"Content-Disposition": names.disposition(reading.name)})


@router.get("/attachments/{kind}/{subject_id}/{attachment_id}/view")
def view(
    kind: KindDep,
    subject_id: str,
    attachment_id: str,
    stripped: StrippedDep,
    session: RecordingSessionDep,
    storage: StorageDep,
    viewer: ViewerDep,
) -> Response:
    """An image in the browser, in a sandbox; images have been encoded by this site. Everything else is downloaded."""
    reading = service.open_file(session, storage, viewer, kind, subject_id, attachment_id, stripped)
    if not reading.is_image:
        reading.content.close()
        raise NotFound
    return stream(reading, {"Content-Disposition": "inline"}, VIEW_POLICY)


@router.post("/attachments/{kind}/{subject_id}/{attachment_id}/remove")
def remove(
    request: Request, kind: KindDep, subject_id: str, attachment_id: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """Take a file away."""
    service.remove(session, viewer, kind, subject_id, attachment_id)
    return flash.put(redirect(request, f"{PATHS[kind]}/{subject_id}"), "attachment-removed")


def stream(reading: service.Reading, headers: dict[str, str], content_policy: str = DOWNLOAD_POLICY) -> Response:
    """A content piece by piece, under a policy of its own."""

    def pieces() -> Iterator[bytes]:
        with reading.content as content:
            while piece := content.read(CHUNK):
                yield piece

    fixed = {
        "Content-Length": str(reading.size),
        "Content-Security-Policy": content_policy,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(pieces(), media_type=reading.media_type, headers={**headers, **fixed})
