"""Pages of conversations: that of a case, its live line, files of messages, and a search over all."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response, StreamingResponse

from backend import flash
from backend.accounts import sessions
from backend.attachments import names
from backend.attachments import service as attachments
from backend.attachments.deps import StorageDep
from backend.attachments.errors import ChecksBusy, FileRefused, StorageUnavailable
from backend.attachments.kinds import ACCEPT
from backend.attachments.models import Attachment, Holder
from backend.attachments.routes import VIEW_POLICY, stream
from backend.attachments.storage import Storage
from backend.conversations import live, service, showing, threads
from backend.conversations.deps import have_read
from backend.conversations.forms import ALL, NOTE, EditForm, MessageForm
from backend.conversations.live import Live
from backend.conversations.showing import Conversation, Line
from backend.conversations.threads import TERM_LENGTH, Hit, Thread
from backend.db import ID_PATTERN, new_id
from backend.deps import FormDep, RecordingSessionDep, SessionDep, SettingsDep, get_database
from backend.errors import DomainError, NotFound
from backend.forms import clean_line
from backend.htmx import redirect, wants_fragment
from backend.notifications import service as notifications
from backend.notifications.deps import seen
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter()

UPLOADS = rf"/introductions/{ID_PATTERN}/conversation"
"""The addresses that take files."""
BASE = "/introductions/{introduction_id}/conversation"
MESSAGE = f"{BASE}/messages/{{key}}"


@dataclass(frozen=True)
class ConversationPage:
    """Context of conversations/detail.html, whose block `conversation` is a part of the page of the case."""

    conversation: Conversation
    line: Line
    steps: bool
    form: MessageForm
    stamp: str
    accept: str
    max_files: int
    max_size: str


@dataclass(frozen=True)
class LinePage:
    """Context of conversations/line.html."""

    url: str
    line: Line


@dataclass(frozen=True)
class EditPage:
    """Context of conversations/edit.html."""

    url: str
    key: str
    form: EditForm


@dataclass(frozen=True)
class ThreadsPage:
    """Context of conversations/list.html."""

    term: str
    hits: Sequence[Hit]
    threads: Sequence[Thread]


def check_target(request: Request, introduction_id: str, viewer: SignedInDep) -> None:
    """Ask the policy before files are received: a stranger's never fill the disk."""
    with get_database(request).session() as session:
        service.check_can_post(session, viewer, introduction_id)


TargetDep = Annotated[None, Depends(check_target)]


async def get_message(request: Request, _target: TargetDep) -> AsyncIterator[FormData]:
    """The form with its files, which are written to disk as they come in."""
    try:
        # More files than a message holds are told beside their field; how much comes in at all is limited elsewhere.
        form = await request.form(max_files=10 * service.MAX_FILES, max_fields=60)
    except OSError as error:
        raise StorageUnavailable from error
    try:
        yield form
    finally:
        await form.close()


MessageDep = Annotated[FormData, Depends(get_message)]


@router.get("/conversations")
def conversations(request: Request, session: SessionDep, viewer: SignedInDep, q: str = "") -> Response:
    """The viewer's conversations, and a search over all of them."""
    term = clean_line(q)[:TERM_LENGTH]
    hits = threads.search(session, viewer, term) if term else ()
    page = ThreadsPage(term, hits, () if term else threads.threads(session, viewer))
    return render(request, "conversations/list.html", page)


@router.get(BASE)
def conversation(
    request: Request,
    introduction_id: str,
    session: RecordingSessionDep,
    viewer: SignedInDep,
    settings: SettingsDep,
    before: str = "",
    q: str = "",
) -> Response:
    """The conversation of a case: a page, and a part of the page of the case."""
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 12 else None
    term = clean_line(q)[:TERM_LENGTH]
    seen(request, notifications.mark_subject_read(session, viewer, introduction_id))
    return _page(request, session, viewer, introduction_id, settings.max_upload_bytes, before=number, term=term)


def _page(
    request: Request,
    session: Session,
    viewer: Viewer,
    introduction_id: str,
    max_bytes: int,
    form: MessageForm | None = None,
    *,
    before: int | None = None,
    term: str = "",
    status: int = 200,
) -> Response:
    # As a part of the page of the case it holds the messages alone: the steps stand on that page already.
    steps = not wants_fragment(request)
    found = showing.show(session, viewer, introduction_id, before=before, term=term, steps=steps)
    if before is None and not term:
        have_read(request, introduction_id)
    shown = form or MessageForm(data={"key": new_id(), "audience": ALL if found.can_write else NOTE, "mentioned": []})
    shown.mentioned.choices = [(p.user.id, f"{p.user.name}（{p.organisation_name}）") for p in found.people]
    page = ConversationPage(
        conversation=found,
        line=found.line,
        steps=steps,
        form=shown,
        stamp=service.stamp(session, viewer, introduction_id),
        accept=ACCEPT,
        max_files=service.MAX_FILES,
        max_size=attachments.megabytes(max_bytes),
    )
    return render(request, "conversations/detail.html", page, block="conversation", status=status)


@router.post(BASE)
def post(
    request: Request,
    introduction_id: str,
    viewer: SignedInDep,
    data: MessageDep,
    session: SessionDep,
    storage: StorageDep,
    settings: SettingsDep,
) -> Response:
    """Send a message; what is refused comes back as it was typed."""
    form: MessageForm = MessageForm.read(data)
    status = 422
    if form.validate():
        files: list[Attachment] = []
        try:
            files = _received(form, storage, viewer, settings.max_upload_bytes)
            draft = service.Draft(
                str(form.key.data), form.text.data or "", form.mentioned.data or (), form.audience.data == NOTE
            )
            _message, is_new = service.post(session, viewer, introduction_id, draft, files)
        except (FileRefused, StorageUnavailable, ChecksBusy) as error:
            form.files.errors = [error.zh]
            status = error.status
        except DomainError:
            _discard(storage, files)
            raise
        else:
            if not is_new:
                _discard(storage, files)
            return redirect(request, f"/introductions/{introduction_id}/conversation#write")
    return _page(request, session, viewer, introduction_id, settings.max_upload_bytes, form, status=status)


def _received(form: MessageForm, storage: Storage, viewer: Viewer, max_bytes: int) -> list[Attachment]:
    """The files of a form, checked and stored; where one is refused, none is kept."""
    kept: list[Attachment] = []
    try:
        for file in form.uploads:
            upload = attachments.Upload(new_id(), names.clean_name(file.filename), file.file, strip=True)
            key = str(form.key.data)
            kept.append(attachments.receive(storage, Holder.MESSAGE, key, upload, max_bytes, viewer.user_id))
    except DomainError:
        _discard(storage, kept)
        raise
    return kept


def _discard(storage: Storage, files: Sequence[Attachment]) -> None:
    for attachment in files:
        storage.discard(attachment.stored_name)


@router.get(f"{BASE}/line")
def line(
    request: Request, introduction_id: str, session: RecordingSessionDep, viewer: SignedInDep, steps: str = ""
) -> Response:
    """The end of the line, asked for by the page when something has come; with `steps=no` the messages alone."""
    found = showing.line(session, viewer, introduction_id, steps=steps != "no")
    url = f"/introductions/{introduction_id}/conversation"
    return render(request, "conversations/line.html", LinePage(url, found))


@router.get(f"{BASE}/events")
async def events(request: Request, introduction_id: str, _viewer: SignedInDep, settings: SettingsDep) -> Response:
    """Tells a browser, for some minutes, whenever the line has changed."""
    streams: Live = request.app.state.live
    if streams.is_full:
        # A browser that gets 204 does not ask again.
        return Response(status_code=204)
    idle = timedelta(hours=settings.session_idle_hours)
    look = live.looker(get_database(request), sessions.token_of(request), idle, introduction_id)
    stamp = await live.first(streams, look)
    seen_last = request.headers.get("last-event-id") or request.query_params.get("seen") or stamp
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(live.stream(streams, look, seen_last), media_type="text/event-stream", headers=headers)


@router.get(f"{MESSAGE}/edit")
def edit_form(request: Request, introduction_id: str, key: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The form that changes a message."""
    message = service.to_edit(session, viewer, introduction_id, key)
    return _edit_page(request, introduction_id, key, EditForm(data={"text": message.text}))


def _edit_page(request: Request, introduction_id: str, key: str, form: EditForm, status: int = 200) -> Response:
    page = EditPage(f"/introductions/{introduction_id}/conversation", key, form)
    return render(request, "conversations/edit.html", page, status=status)


@router.post(f"{MESSAGE}/edit")
def edit(
    request: Request, introduction_id: str, key: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Change a message."""
    service.to_edit(session, viewer, introduction_id, key)
    form: EditForm = EditForm.read(data)
    if form.validate():
        try:
            service.edit(session, viewer, introduction_id, key, form.text.data or "")
        except service.BadMessage as error:
            form.text.errors = [error.zh]
        else:
            target = f"/introductions/{introduction_id}/conversation#message-{key}"
            return flash.put(redirect(request, target), "message-edited")
    return _edit_page(request, introduction_id, key, form, 422)


@router.post(f"{MESSAGE}/delete")
def delete(request: Request, introduction_id: str, key: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Take a message back."""
    service.delete(session, viewer, introduction_id, key)
    target = f"/introductions/{introduction_id}/conversation#message-{key}"
    return flash.put(redirect(request, target), "message-deleted")


@router.get(f"{MESSAGE}/attachments/{{attachment_id}}")
def download(
    introduction_id: str,
    key: str,
    attachment_id: str,
    session: RecordingSessionDep,
    storage: StorageDep,
    viewer: SignedInDep,
) -> Response:
    """A file of a message, to be saved and never to be run."""
    reading = attachments.read_content(storage, service.file_of(session, viewer, introduction_id, key, attachment_id))
    return stream(reading, {"Content-Disposition": names.disposition(reading.name)})


@router.get(f"{MESSAGE}/attachments/{{attachment_id}}/view")
def view(
    introduction_id: str,
    key: str,
    attachment_id: str,
    session: RecordingSessionDep,
    storage: StorageDep,
    viewer: SignedInDep,
) -> Response:
    """An image of a message in the browser, in a sandbox."""
    reading = attachments.read_content(storage, service.file_of(session, viewer, introduction_id, key, attachment_id))
    if not reading.is_image:
        reading.content.close()
        raise NotFound
    return stream(reading, {"Content-Disposition": "inline"}, VIEW_POLICY)
