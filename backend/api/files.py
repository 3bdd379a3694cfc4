"""The files of needs and capabilities for programs: the services, checks and policy of the pages."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile

from backend.api import schemas
from backend.api.deps import CapabilityReaderDep, CapabilityWriterDep, IdPath, NeedReaderDep, NeedWriterDep
from backend.api.problems import Incomplete
from backend.api.responses import PROBLEMS
from backend.attachments import names, service
from backend.attachments.deps import StorageDep, check_target, receive, strip_before
from backend.attachments.kinds import MEDIA_TYPES
from backend.attachments.routes import stream
from backend.attachments.storage import Storage
from backend.attachments.stripping import Stripped
from backend.db import ID_PATTERN, new_id
from backend.deps import RecordingSessionDep, SessionDep, SettingsDep
from backend.disclosure.models import SubjectKind
from backend.disclosure.policy import Opened
from backend.i18n import gettext as _
from backend.organisations.policy import Viewer

router = APIRouter(responses=PROBLEMS)

UPLOADS = rf"/(?:needs|capabilities)/{ID_PATTERN}/attachments"
_BOOLEANS = {"true": True, "false": False}
_FIELDS = {"file", "strip", "id"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "PDF, PNG, JPEG, WebP, docx, xlsx, pptx, or txt and csv in UTF-8.",
                        },
                        "strip": {
                            "type": "boolean",
                            "default": True,
                            "description": "Take metadata about its makers out; always for an anonymous subject.",
                        },
                        "id": {
                            "type": "string",
                            "pattern": f"^{ID_PATTERN}$",
                            "description": "16 hex digits that you choose: sent twice, it makes one file.",
                        },
                    },
                },
                "examples": {"word": {"value": {"file": "(content)", "strip": True, "id": "0123456789abcdef"}}},
            }
        },
    }
}
AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"description": "The same id has made it before.", "model": schemas.AttachmentOut}
}
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The content; its name stands in Content-Disposition.",
        "content": {
            media_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for media_type in MEDIA_TYPES.values()
        },
    }
}


@dataclass(frozen=True)
class Sent:
    """An upload as it came in."""

    file: UploadFile
    strip: bool
    id: str


def _need_target(request: Request, viewer: NeedWriterDep, need_id: IdPath) -> Opened:
    return check_target(request, SubjectKind.NEED, need_id, viewer)


def _capability_target(request: Request, viewer: CapabilityWriterDep, capability_id: IdPath) -> Opened:
    return check_target(request, SubjectKind.CAPABILITY, capability_id, viewer)


NeedTargetDep = Annotated[Opened, Depends(_need_target)]
CapabilityTargetDep = Annotated[Opened, Depends(_capability_target)]


async def _for_need(request: Request, _target: NeedTargetDep) -> AsyncIterator[Sent]:
    async with receive(request) as form:
        yield _sent(form)


async def _for_capability(request: Request, _target: CapabilityTargetDep) -> AsyncIterator[Sent]:
    async with receive(request) as form:
        yield _sent(form)


NeedFileDep = Annotated[Sent, Depends(_for_need)]
CapabilityFileDep = Annotated[Sent, Depends(_for_capability)]


def _sent(form: FormData) -> Sent:
    """The fields of an upload; raises Incomplete."""
    problems = [(name, _("未知的字段。")) for name in form if name not in _FIELDS]
    file, strip, given = form.get("file"), form.get("strip", "true"), form.get("id") or new_id()
    if not isinstance(file, UploadFile) or not file.filename:
        problems.append(("file", _("请选择要上传的文件。")))
    if not isinstance(strip, str) or strip.lower() not in _BOOLEANS:
        problems.append(("strip", _("请填写 true 或 false。")))
    if not isinstance(given, str) or not re.fullmatch(ID_PATTERN, given):
        problems.append(("id", _("编号应为 16 位小写十六进制数字。")))
    if problems:
        raise Incomplete(problems)
    assert isinstance(file, UploadFile) and isinstance(strip, str) and isinstance(given, str)
    return Sent(file, _BOOLEANS[strip.lower()], given)


def _stripped_of_need(
    request: Request, storage: StorageDep, viewer: NeedReaderDep, need_id: IdPath, attachment_id: IdPath
) -> Stripped | None:
    return strip_before(request, storage, viewer, SubjectKind.NEED, need_id, attachment_id)


def _stripped_of_capability(
    request: Request, storage: StorageDep, viewer: CapabilityReaderDep, capability_id: IdPath, attachment_id: IdPath
) -> Stripped | None:
    return strip_before(request, storage, viewer, SubjectKind.CAPABILITY, capability_id, attachment_id)


StrippedOfNeedDep = Annotated[Stripped | None, Depends(_stripped_of_need)]
StrippedOfCapabilityDep = Annotated[Stripped | None, Depends(_stripped_of_capability)]


def _list(session: Session, viewer: Viewer, kind: SubjectKind, subject_id: str) -> schemas.AttachmentsOut:
    found = service.files(session, viewer, kind, subject_id)
    items = [schemas.AttachmentOut.model_validate(entry) for entry in found.entries]
    return schemas.AttachmentsOut(items=items, can_change=found.can_change)


def _add(
    response: Response, session: Session, storage: Storage, viewer: Viewer, target: Opened, sent: Sent, max_bytes: int
) -> schemas.AttachmentOut:
    kind, subject_id = target.facts.kind, target.facts.id
    upload = service.Upload(
        id=sent.id,
        name=names.clean_name(sent.file.filename),
        content=sent.file.file,
        strip=sent.strip or target.anonymous,
    )
    added, is_new = service.add(session, storage, viewer, kind, subject_id, upload, max_bytes)
    response.status_code = 201 if is_new else 200
    [entry] = [e for e in service.files(session, viewer, kind, subject_id).entries if e.id == added.id]
    return schemas.AttachmentOut.model_validate(entry)


@router.get("/needs/{need_id}/attachments", tags=["files"])
def list_files_of_need(session: SessionDep, viewer: NeedReaderDep, need_id: IdPath) -> schemas.AttachmentsOut:
    """The files of a need, where its annex is open to you."""
    return _list(session, viewer, SubjectKind.NEED, need_id)


@router.post("/needs/{need_id}/attachments", tags=["files"], status_code=201, responses=AGAIN, openapi_extra=BODY)
def add_file_to_need(
    response: Response,
    viewer: NeedWriterDep,
    need_id: IdPath,
    target: NeedTargetDep,
    sent: NeedFileDep,
    session: SessionDep,
    storage: StorageDep,
    settings: SettingsDep,
) -> schemas.AttachmentOut:
    """Add a file; 200 where the same `id` has made it before."""
    made = _add(response, session, storage, viewer, target, sent, settings.max_upload_bytes)
    response.headers["Location"] = f"/api/v1/needs/{need_id}/attachments/{made.id}"
    return made


@router.get("/needs/{need_id}/attachments/{attachment_id}", tags=["files"], responses=CONTENT, response_class=Response)
def get_file_of_need(
    viewer: NeedReaderDep,
    need_id: IdPath,
    attachment_id: IdPath,
    stripped: StrippedOfNeedDep,
    session: RecordingSessionDep,
    storage: StorageDep,
) -> Response:
    """The content of a file; each download is recorded."""
    reading = service.open_file(session, storage, viewer, SubjectKind.NEED, need_id, attachment_id, stripped)
    return stream(reading, {"Content-Disposition": names.disposition(reading.name)})


@router.delete("/needs/{need_id}/attachments/{attachment_id}", tags=["files"], status_code=204)
def remove_file_of_need(session: SessionDep, viewer: NeedWriterDep, need_id: IdPath, attachment_id: IdPath) -> None:
    """Take a file away."""
    service.remove(session, viewer, SubjectKind.NEED, need_id, attachment_id)


@router.get("/capabilities/{capability_id}/attachments", tags=["files"])
def list_files_of_capability(
    session: SessionDep, viewer: CapabilityReaderDep, capability_id: IdPath
) -> schemas.AttachmentsOut:
    """The files of a capability, where its annex is open to you."""
    return _list(session, viewer, SubjectKind.CAPABILITY, capability_id)


@router.post(
    "/capabilities/{capability_id}/attachments", tags=["files"], status_code=201, responses=AGAIN, openapi_extra=BODY
)
def add_file_to_capability(
    response: Response,
    viewer: CapabilityWriterDep,
    capability_id: IdPath,
    target: CapabilityTargetDep,
    sent: CapabilityFileDep,
    session: SessionDep,
    storage: StorageDep,
    settings: SettingsDep,
) -> schemas.AttachmentOut:
    """Add a file; 200 where the same `id` has made it before."""
    made = _add(response, session, storage, viewer, target, sent, settings.max_upload_bytes)
    response.headers["Location"] = f"/api/v1/capabilities/{capability_id}/attachments/{made.id}"
    return made


@router.get(
    "/capabilities/{capability_id}/attachments/{attachment_id}",
    tags=["files"],
    responses=CONTENT,
    response_class=Response,
)
def get_file_of_capability(
    viewer: CapabilityReaderDep,
    capability_id: IdPath,
    attachment_id: IdPath,
    stripped: StrippedOfCapabilityDep,
    session: RecordingSessionDep,
    storage: StorageDep,
) -> Response:
    """The content of a file; each download is recorded."""
    kind = SubjectKind.CAPABILITY
    reading = service.open_file(session, storage, viewer, kind, capability_id, attachment_id, stripped)
    return stream(reading, {"Content-Disposition": names.disposition(reading.name)})


@router.delete("/capabilities/{capability_id}/attachments/{attachment_id}", tags=["files"], status_code=204)
def remove_file_of_capability(
    session: SessionDep, viewer: CapabilityWriterDep, capability_id: IdPath, attachment_id: IdPath
) -> None:
    """Take a file away."""
    service.remove(session, viewer, SubjectKind.CAPABILITY, capability_id, attachment_id)
