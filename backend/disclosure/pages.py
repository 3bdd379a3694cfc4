"""What the pages of needs and capabilities share: showing the form, taking a submitted one, and acting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from fastapi import Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response
from wtforms import TextAreaField

from backend import flash
from backend.db import new_id, utc_now
from backend.disclosure import drafts
from backend.disclosure.cards import PATHS
from backend.disclosure.forms import SubjectForm
from backend.disclosure.models import Audience, SubjectKind, TieredSubject
from backend.disclosure.policy import check_can_create
from backend.disclosure.service import BadNote, EditedElsewhere
from backend.errors import Conflict, NotFound
from backend.forms import clean
from backend.htmx import redirect
from backend.i18n import gettext as _
from backend.organisations.policy import MembershipFacts, Viewer
from backend.templating import render

FORM_ONLY = frozenset({"subject_id", "version", "editing", "requirements"})
SUBMIT, PUBLISH, SUBMITTED = "submit", "publish", "submitted"
DISCARD = "discard"
REVIEWS = "/reviews"
NOT_OF_THE_TEXT = frozenset({"organisation_id", "department_id"})
"""Fields that are checked against the memberships of whoever fills the form in, which says nothing of the text."""

Form = TypeVar("Form", bound=SubjectForm)
Edited = TypeVar("Edited", bound=TieredSubject)


@dataclass(frozen=True)
class FormPage:
    """Context of needs/form.html and capabilities/form.html. `status` is that of the stored subject.

    `copy` is what an earlier form has saved by itself beside a text that others may read; `taken_up` says that the form
    shows it. `panel` and `filling` are what a higher floor puts beside the form.
    """

    form: SubjectForm
    is_new: bool
    is_open: bool
    url: str
    status: str
    conflict: str | None = None
    copy: drafts.DraftCopy | None = None
    taken_up: bool = False
    panel: Any = None
    filling: Any = None

    @property
    def unsaved(self) -> bool:
        """Whether the form shows more than what is stored."""
        return bool(self.form.problems or self.conflict or self.panel or self.filling)


@dataclass(frozen=True)
class NoteProblem:
    """An action whose reason was missing or too long: the reason as it was typed, and what is wrong with it."""

    action: str
    text: str
    message: str


@dataclass(frozen=True)
class Checks:
    """What the form says of a text that waits for its review: (label, message) of problems, labels of empty fields."""

    problems: tuple[tuple[str, str], ...]
    empty: tuple[str, ...]


@dataclass(frozen=True)
class Editor(Generic[Form, Edited]):
    """What tells the two forms apart. The functions are those of the feature's own service and routes."""

    kind: SubjectKind
    template: str
    form: type[Form]
    find: Callable[[Session, str], Edited | None]
    check_can_edit: Callable[[Viewer, Edited], None]
    data: Callable[[Session, Edited], Mapping[str, Any]]
    prepare: Callable[[Session, Form, Viewer, MembershipFacts | None], None]
    save: Callable[[Session, Viewer, str, Form, int | None], Edited]
    write: Callable[[Session, Edited, Form], bool]
    act: Callable[[Session, Viewer, str, str, str], Edited]
    show: Callable[[Request, Session, Viewer, str, "NoteProblem"], Response]
    status: Callable[[Edited], str]
    is_open: Callable[[Edited], bool]

    @property
    def path(self) -> str:
        """The list of the feature, and the start of every address in it."""
        return PATHS[self.kind]

    def edit_url(self, subject_id: str) -> str:
        """The address of the form of a stored subject."""
        return f"{self.path}/{subject_id}/edit"

    def editable(self, session: Session, viewer: Viewer, subject_id: str) -> Edited:
        """A subject whose text the viewer may change; raises NotFound, Forbidden or Conflict."""
        subject = self.find(session, subject_id)
        if subject is None:
            raise NotFound
        self.check_can_edit(viewer, subject)
        return subject


def author_membership(viewer: Viewer, organisation_id: str | None) -> MembershipFacts | None:
    """The membership in which the viewer writes: the chosen organisation, else the first that they write for."""
    memberships = [m for m in viewer.memberships if m.may_write and m.verified]
    return next((m for m in memberships if m.organisation_id == organisation_id), next(iter(memberships), None))


def values_of(form: SubjectForm) -> dict[str, object]:
    """The submitted values as columns of the subject; an empty choice is none."""
    values: dict[str, object] = {f.name: f.data for f in form if f.name not in FORM_ONLY}
    for name in ("specialty", "device_category", "department_id", "stage"):
        if name in values:
            values[name] = values[name] or None
    values["audience"] = Audience(str(values["audience"]))
    return values


def data_of(subject: TieredSubject) -> dict[str, Any]:
    """The columns of a subject as data for its form."""
    return {**subject.model_dump(), "subject_id": subject.id, "version": str(subject.version)}


def prepare(
    session: Session, viewer: Viewer, editor: Editor[Form, Edited], form: Form, organisation_id: str | None
) -> Form:
    """Offer what the viewer may choose; `organisation_id` is the author's."""
    form.organisation_id.choices = [
        (m.organisation_id, m.organisation_name) for m in viewer.memberships if m.may_write and m.verified
    ]
    editor.prepare(session, form, viewer, author_membership(viewer, organisation_id))
    return form


def show_new(
    request: Request, session: Session, viewer: Viewer, editor: Editor[Form, Edited], defaults: Mapping[str, str]
) -> Response:
    """An empty form, filled in as far as the author's membership tells."""
    check_can_create(viewer)
    author = author_membership(viewer, None)
    known = {"organisation_id": author.organisation_id, "region": author.region} if author else {}
    form = editor.form(data={"subject_id": new_id(), "editing": new_id(), **known, **defaults})
    prepare(session, viewer, editor, form, None)
    return render(request, editor.template, FormPage(form, True, False, editor.path, "draft"))


def show_edit(
    request: Request,
    session: Session,
    viewer: Viewer,
    editor: Editor[Form, Edited],
    subject_id: str,
    *,
    take_up: bool = False,
) -> Response:
    """The form with the present text, or with what an earlier form has saved by itself beside it."""
    subject = editor.editable(session, viewer, subject_id)
    copy = drafts.waiting(session, editor.kind, subject_id, viewer.user_id)
    form = _stored_form(session, viewer, editor, subject)
    if take_up and copy is not None and copy.data is not None:
        fields = [(name, value) for name, values in copy.data.items() for value in values]
        form = editor.form.read(FormData(fields))
        form.subject_id.data, form.organisation_id.data = subject.id, subject.organisation_id
        form.editing.data, form.version.data = copy.editing, str(copy.version)
        prepare(session, viewer, editor, form, subject.organisation_id)
    page = replace(page_of(form, editor, subject), copy=copy, taken_up=take_up and copy is not None)
    return render(request, editor.template, page)


def page_of(form: SubjectForm, editor: Editor[Form, Edited], subject: Edited) -> FormPage:
    """The context of the form of a stored subject."""
    return FormPage(form, False, editor.is_open(subject), editor.edit_url(subject.id), editor.status(subject))


def _stored_form(session: Session, viewer: Viewer, editor: Editor[Form, Edited], subject: Edited) -> Form:
    form = editor.form(data={**editor.data(session, subject), "editing": new_id()})
    return prepare(session, viewer, editor, form, subject.organisation_id)


def submit(
    request: Request,
    session: Session,
    viewer: Viewer,
    editor: Editor[Form, Edited],
    data: FormData,
    subject_id: str | None,
) -> Response:
    """Take the form: save the subject, and publish it where the publish button was used.

    Nothing that was typed is lost: an error answers 422, an edit in another window 409, both with the form as sent.
    """
    form: Form = editor.form.read(data)
    opened_new = subject_id is None
    if subject_id is None:
        check_can_create(viewer)
        # A form that is sent twice, or sent again after the back button, finds the subject that it made before.
        subject_id = form.subject_id.data if editor.find(session, form.subject_id.data or "") else None
    submitting = data.get("action") == SUBMIT
    existing, conflict = _existing(session, viewer, editor, subject_id)
    form.publishing = submitting or (existing is not None and editor.is_open(existing))
    prepare(session, viewer, editor, form, existing.organisation_id if existing else form.organisation_id.data)
    if existing is None:
        page = FormPage(form, True, False, editor.path, "draft")
    else:
        form.organisation_id.data = existing.organisation_id
        page = page_of(form, editor, existing)
    if conflict is not None and existing is not None:
        if submitting and editor.status(existing) == SUBMITTED and _says_the_same(form, existing):
            return _done(request, editor, existing, SUBMIT)
        return render(request, editor.template, replace(page, conflict=conflict.zh), status=conflict.status)
    if not form.validate():
        return render(request, editor.template, page, status=422)
    try:
        target_id = existing.id if existing is not None else str(form.subject_id.data)
        subject = editor.save(session, viewer, target_id, form, _seen_version(session, viewer, editor, existing, form))
    except EditedElsewhere as error:
        assert existing is not None
        form.version.data = str(existing.version)
        page = replace(page, conflict=error.zh)
        return render(request, editor.template, page, status=error.status)
    drafts.forget(session, editor.kind, target_id, viewer.user_id)
    code = "saved" if opened_new else "changed"
    if submitting and not editor.is_open(subject):
        subject = editor.act(session, viewer, subject.id, SUBMIT, "")
        code = PUBLISH if editor.is_open(subject) else SUBMIT
    return _done(request, editor, subject, code)


def _existing(
    session: Session, viewer: Viewer, editor: Editor[Form, Edited], subject_id: str | None
) -> tuple[Edited | None, Conflict | None]:
    """The subject that a form is about, and why it cannot be changed now; raises NotFound or Forbidden.

    A colleague may have submitted it meanwhile: what was typed comes back then, and is not lost.
    """
    if not subject_id:
        return None, None
    try:
        return editor.editable(session, viewer, subject_id), None
    except Conflict:
        return editor.find(session, subject_id), Conflict(
            _("这份内容目前不能修改，可能已提交审核。您填写的内容保留在下方；取回或退回后可再次保存。"),
            "This text cannot be changed now; it may have been submitted. What you typed is kept below.",
        )


def _says_the_same(form: SubjectForm, subject: TieredSubject) -> bool:
    """Whether a form repeats what is stored: it was sent twice."""
    values = values_of(form) if form.validate() else {}
    stored = subject.model_dump()
    return bool(values) and all(stored[name] == value for name, value in values.items() if name in stored)


def _done(request: Request, editor: Editor[Form, Edited], subject: Edited, code: str, url: str = "") -> Response:
    return flash.put(redirect(request, url or f"{editor.path}/{subject.id}"), f"{editor.kind}-{code}")


def _seen_version(
    session: Session, viewer: Viewer, editor: Editor[Form, Edited], existing: Edited | None, form: Form
) -> int | None:
    version = form.expected_version()
    if existing is None:
        return version
    return drafts.seen_version(session, editor.kind, existing, viewer.user_id, form.editing.data or "", version)


def act(
    request: Request,
    session: Session,
    viewer: Viewer,
    editor: Editor[Form, Edited],
    subject_id: str,
    action: str,
    data: FormData,
) -> Response:
    """Take an action; a draft too incomplete to submit comes back as a form that says what is missing.

    Whoever cannot read the subject any more, as a broker who has returned it, goes on to what else waits.
    """
    if action == SUBMIT:
        subject = editor.editable(session, viewer, subject_id)
        form = _stored_form(session, viewer, editor, subject)
        form.publishing = True
        if not form.validate():
            page = page_of(form, editor, subject)
            return render(request, editor.template, page, status=422)
    note = clean(str(data.get("note") or ""))
    try:
        subject = editor.act(session, viewer, subject_id, action, note)
    except BadNote as error:
        return editor.show(request, session, viewer, subject_id, NoteProblem(action, note, error.zh))
    if action == DISCARD:
        drafts.forget_all(session, editor.kind, subject_id)
    code = PUBLISH if action == SUBMIT and editor.is_open(subject) else action
    stays = subject.organisation_id in viewer.organisation_ids or editor.is_open(subject)
    return _done(request, editor, subject, code, "" if stays else REVIEWS)


def checks(session: Session, viewer: Viewer, editor: Editor[Form, Edited], subject: Edited) -> Checks:
    """What the form says of a stored text, as it would to its author."""
    form = _stored_form(session, viewer, editor, subject)
    form.publishing = True
    form.validate()
    problems = [(label, message) for id_, label, message in form.problems if id_ not in NOT_OF_THE_TEXT]
    empty = [f.label.text for f in form if isinstance(f, TextAreaField) and not f.data and not f.errors]
    return Checks(tuple(problems), tuple(empty))


def days_left(confirmed_at: datetime | None, days: int) -> int | None:
    """Full days until a text that was confirmed at a moment lapses; None where it does not."""
    return (confirmed_at + timedelta(days=days) - utc_now()).days if confirmed_at is not None else None
