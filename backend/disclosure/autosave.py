"""A form that saves itself while it is being filled in: what it answers, and giving up what it has kept."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from backend.disclosure import drafts
from backend.disclosure.forms import SubjectForm
from backend.disclosure.pages import Edited, Editor, Form, prepare
from backend.disclosure.policy import check_can_create
from backend.disclosure.service import FIRST_VERSION, EditedElsewhere
from backend.errors import NotFound
from backend.htmx import redirect
from backend.organisations.policy import Viewer
from backend.templating import render

TEMPLATE = "components/autosave.html"
DRAFT = "draft"


@dataclass(frozen=True)
class Autosaved:
    """Context of components/autosave.html: when and where the form was saved, or why it was not.

    `version` is what the form has to know from now on. `beside` says that the text itself has not changed.
    """

    saved_at: datetime | None = None
    version: int | None = None
    beside: bool = False
    problem: tuple[str, str] | None = None
    conflict: str | None = None


def save(
    request: Request,
    session: Session,
    viewer: Viewer,
    editor: Editor[Form, Edited],
    data: FormData,
    subject_id: str,
) -> Response:
    """Save a form that is being filled in: into a new draft or a draft, beside a text that others may read.

    A form without a title, or with something that could not be stored, says so and keeps waiting: 200 and 422. An edit
    elsewhere is never overwritten: 409. Raises NotFound, Forbidden or Conflict as saving does.
    """
    form: Form = editor.form.read(data)
    if form.subject_id.data != subject_id:
        raise NotFound
    existing = editor.editable(session, viewer, subject_id) if editor.find(session, subject_id) else None
    if existing is None:
        check_can_create(viewer)
    prepare(session, viewer, editor, form, existing.organisation_id if existing else form.organisation_id.data)
    if existing is not None:
        form.organisation_id.data = existing.organisation_id
    if not form.title.data:
        return render(request, TEMPLATE, Autosaved())
    if not form.validate():
        _id, label, message = form.problems[0]
        return render(request, TEMPLATE, Autosaved(problem=(label, message)), status=422)
    try:
        page = _save(session, viewer, editor, data, form, existing)
    except (EditedElsewhere, drafts.CopyWaits) as error:
        text = None if isinstance(error, EditedElsewhere) else error.zh
        # The line of the form itself, not the one at the head of the page, which would jump there.
        headers = {"HX-Retarget": "#autosave", "HX-Reswap": "innerHTML"}
        return render(request, TEMPLATE, Autosaved(conflict=text or ""), status=error.status, headers=headers)
    # A page that is opened again finds the draft.
    headers = {} if page.beside else {"HX-Replace-Url": editor.edit_url(subject_id)}
    return render(request, TEMPLATE, page, headers=headers)


def _save(
    session: Session,
    viewer: Viewer,
    editor: Editor[Form, Edited],
    data: FormData,
    form: Form,
    existing: Edited | None,
) -> Autosaved:
    kind, editing = editor.kind, form.editing.data or ""
    if existing is None:
        subject = editor.save(session, viewer, str(form.subject_id.data), form, None)
        row = drafts.into_draft(session, kind, subject, viewer.user_id, editing, changed=False)
        return Autosaved(row.saved_at, subject.version)
    expected = form.expected_version()
    seen = drafts.seen_version(session, kind, existing, viewer.user_id, editing, expected)
    seen = FIRST_VERSION if seen is None else seen
    if editor.status(existing) != DRAFT:
        row = drafts.beside(session, kind, existing, viewer.user_id, editing, seen, _fields(form, data))
        return Autosaved(row.saved_at, seen, beside=True)
    if existing.version != seen:
        raise EditedElsewhere
    changed = editor.write(session, existing, form)
    row = drafts.into_draft(session, kind, existing, viewer.user_id, editing, changed=changed)
    return Autosaved(row.saved_at, existing.version)


def _fields(form: SubjectForm, data: FormData) -> dict[str, list[str]]:
    """The fields of the form as they were sent."""
    return {f.name: [v for v in data.getlist(f.name) if isinstance(v, str)] for f in form}


def discard(
    request: Request, session: Session, viewer: Viewer, editor: Editor[Form, Edited], subject_id: str
) -> Response:
    """Give up what an earlier form has kept; raises NotFound, Forbidden or Conflict as editing does."""
    editor.editable(session, viewer, subject_id)
    drafts.forget(session, editor.kind, subject_id, viewer.user_id)
    return redirect(request, editor.edit_url(subject_id))
