"""The rehearsal beside the form of a need, and filling the form from a file or a pasted text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from backend.deps import FormDep, ReadingSessionDep, get_form_with_file
from backend.disclosure import pages
from backend.disclosure.pages import FormPage
from backend.disclosure.policy import check_can_create
from backend.forms import clean
from backend.htmx import wants_fragment
from backend.i18n import gettext as _
from backend.matching.deps import EngineDep
from backend.matching.pace import spend_search
from backend.needs.forms import NeedForm
from backend.needs.models import NeedKind
from backend.needs.routes import EDITOR
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.rehearsal import service
from backend.rehearsal.finders import EVERYWHERE, Draft
from backend.rehearsal.parts import Part, Parts, lines_of, take_apart
from backend.rehearsal.reading import LARGEST, UnreadableFile, read
from backend.rehearsal.service import Rehearsal
from backend.templating import render

router = APIRouter()

FILL_PATH = "/needs/fill"
PASTED_LENGTH = 60_000
TEXTS = (*EVERYWHERE, "contact")


@dataclass(frozen=True)
class RehearsalPage:
    """Context of rehearsal/panel.html."""

    rehearsal: Rehearsal | None


@dataclass(frozen=True)
class Filling:
    """What a file or a pasted text has done to the form: labels of the fields filled, parts that no field takes."""

    error: str | None = None
    pasted: str = ""
    fields: Sequence[tuple[str, str]] = ()
    left_out: Sequence[Part] = ()


@dataclass(frozen=True)
class Upload:
    """A form with the content of its file, which has to be read before the form is closed."""

    data: FormData
    content: bytes | None


async def get_upload(data: Annotated[FormData, Depends(get_form_with_file)]) -> Upload:
    """The form and at most so much of its file as shows that it is too large; None without a file."""
    file = data.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return Upload(data, None)
    return Upload(data, await file.read(LARGEST + 1))


def _opened(session: Session, viewer: Viewer, data: FormData) -> tuple[NeedForm, FormPage]:
    """The form as sent, unchecked, and its page; raises Forbidden, NotFound or Conflict as saving it would."""
    form: NeedForm = EDITOR.form.read(data)
    subject_id = form.subject_id.data or ""
    existing = EDITOR.editable(session, viewer, subject_id) if EDITOR.find(session, subject_id) else None
    if existing is None:
        check_can_create(viewer)
        pages.prepare(session, viewer, EDITOR, form, form.organisation_id.data)
        return form, FormPage(form, True, False, EDITOR.path, "draft")
    form.organisation_id.data = existing.organisation_id
    pages.prepare(session, viewer, EDITOR, form, existing.organisation_id)
    return form, pages.page_of(form, EDITOR, existing)


def _texts(form: NeedForm) -> dict[str, str]:
    return {name: form[name].data or "" for name in TEXTS}


@router.post("/needs/rehearsal")
def rehearse(
    request: Request, session: ReadingSessionDep, viewer: SignedInDep, engine: EngineDep, data: FormDep
) -> Response:
    """Check and match a need as it is being written: the panel beside the form, without a script the whole page."""
    spend_search(request, viewer)
    # Before this session reads: it goes on seeing the passages that there were at its first look.
    engine.follow_if_possible()
    form, page = _opened(session, viewer, data)
    kinds = {value for value, *_label in form.kind.iter_choices()}
    draft = Draft(
        texts=_texts(form),
        kind=form.kind.data if form.kind.data in kinds else NeedKind.CLINICAL.value,
        anonymous=bool(form.anonymous.data),
        own_names=service.own_names(viewer, form.organisation_id.data),
    )
    points = [*form.teaser_requirement_lines(), *form.requirement_lines()]
    found = service.rehearse(session, engine, viewer, draft, points, form.subject_id.data or "")
    if wants_fragment(request):
        return render(request, "rehearsal/panel.html", RehearsalPage(found))
    return render(request, EDITOR.template, replace(page, panel=found))


@router.post(FILL_PATH)
def fill(
    request: Request, session: ReadingSessionDep, viewer: SignedInDep, upload: Annotated[Upload, Depends(get_upload)]
) -> Response:
    """Fill the form from a file, a pasted text, or one of its own fields that holds several; nothing is stored."""
    form, page = _opened(session, viewer, upload.data)
    pasted = upload.data.get("pasted")
    text = clean(pasted if isinstance(pasted, str) else "")
    field = upload.data.get("split")
    try:
        if isinstance(field, str) and field in service.SPLITTABLE:
            texts, parts = service.split_field(_texts(form), field)
        else:
            parts = _parts(upload, text, has_title=bool(form.title.data))
            texts = service.merged(_texts(form), parts)
    except UnreadableFile as error:
        filling = Filling(error.zh, text)
        return render(request, EDITOR.template, replace(page, filling=filling), status=error.status)
    for name, content in texts.items():
        form[name].data = content
    labels = [(name, form[name].label.text) for name in TEXTS if name in parts.fields]
    return render(request, EDITOR.template, replace(page, filling=Filling(None, "", labels, parts.left_out)))


def _parts(upload: Upload, text: str, *, has_title: bool) -> Parts:
    """The parts of the file, and of the text that was pasted; raises UnreadableFile where there is neither."""
    blocks = read(upload.content) if upload.content is not None else []
    if len(text) > PASTED_LENGTH:
        raise UnreadableFile(_("粘贴的文字过长，请分几次粘贴。"))
    blocks += lines_of(text)
    if not blocks:
        raise UnreadableFile(_("请选择一个文件，或在下方粘贴文字。"))
    return take_apart(blocks, has_title=has_title)
