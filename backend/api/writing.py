"""Texts that programs write: by the forms of the pages, so that one set of rules and wordings holds for both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from pydantic import BaseModel
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile

from backend.api.deps import check_version
from backend.api.problems import Incomplete
from backend.db import new_id
from backend.disclosure.pages import Edited, Editor, Form, author_membership, prepare
from backend.disclosure.policy import check_can_create
from backend.errors import NotFound
from backend.organisations.policy import Viewer
from backend.transitions import Table, transition

FOR_OTHERS = frozenset({"submitted", "published"})
"""Statuses that ask for more than a draft holds."""
LINES = frozenset({"requirements", "teaser_requirements"})


@dataclass(frozen=True)
class Writer(Generic[Form, Edited]):
    """The form of a side and its states."""

    editor: Editor[Form, Edited]
    table: Table

    def create(self, session: Session, viewer: Viewer, draft: BaseModel) -> tuple[str, bool]:
        """Make a draft; returns its id and whether it is new. Raises Forbidden, NotFound or Incomplete."""
        check_can_create(viewer)
        sent = draft.model_dump(mode="json", exclude_unset=True)
        subject_id = str(sent.pop("id", None) or new_id())
        if self.editor.find(session, subject_id) is not None:
            self.editor.editable(session, viewer, subject_id)
            return subject_id, False
        chosen = sent.pop("organisation_id", None)
        if chosen is not None and not viewer.may_write_for(chosen):
            raise NotFound
        author = author_membership(viewer, chosen)
        assert author is not None, "whoever may create writes for an organisation"
        known = {"subject_id": subject_id, "organisation_id": author.organisation_id, "region": author.region}
        form = self._form(session, viewer, known | sent, author.organisation_id)
        self._check(form)
        self.editor.save(session, viewer, subject_id, form, None)
        return subject_id, True

    def change(
        self, session: Session, viewer: Viewer, subject_id: str, change: BaseModel, if_match: str | None
    ) -> None:
        """Change the fields that were sent; raises NotFound, Forbidden, Conflict, ChangedMeanwhile or Incomplete."""
        subject = self.editor.editable(session, viewer, subject_id)
        check_version(if_match, subject.version, required=True)
        sent = change.model_dump(mode="json", exclude_unset=True)
        form = self._form(session, viewer, {**self.editor.data(session, subject), **sent}, subject.organisation_id)
        form.publishing = self.editor.is_open(subject)
        self._check(form)
        self.editor.save(session, viewer, subject_id, form, subject.version)

    def act(
        self, session: Session, viewer: Viewer, subject_id: str, action: str, note: str, if_match: str | None
    ) -> None:
        """Take an author's action; raises NotFound, Forbidden, Conflict, ChangedMeanwhile or Incomplete."""
        subject = self.editor.find(session, subject_id)
        if subject is None or subject.organisation_id not in viewer.organisation_ids:
            raise NotFound
        check_version(if_match, subject.version, required=False)
        if viewer.may_write_for(subject.organisation_id):
            step = transition(self.table, self.editor.status(subject), action)
            if step.target in FOR_OTHERS:
                data = self.editor.data(session, subject)
                form = self._form(session, viewer, data, subject.organisation_id)
                form.publishing = True
                self._check(form)
        self.editor.act(session, viewer, subject_id, action, note)

    def _form(self, session: Session, viewer: Viewer, values: Mapping[str, Any], organisation_id: str) -> Form:
        form: Form = self.editor.form.read(_form_data(values))
        return prepare(session, viewer, self.editor, form, organisation_id)

    def _check(self, form: Form) -> None:
        if not form.validate():
            raise Incomplete([(field.name, str(field.errors[0])) for field in form if field.errors])


def _form_data(values: Mapping[str, Any]) -> FormData:
    """Values as a browser would send them: nothing for none and no, a line for each requirement."""
    pairs: list[tuple[str, str | UploadFile]] = []
    for name, value in values.items():
        if isinstance(value, bool):
            pairs += [(name, "y")] if value else []
        elif isinstance(value, list):
            lines = [str(line) for line in value]
            pairs += [(name, "\n".join(lines))] if name in LINES else [(name, line) for line in lines]
        elif value is not None:
            pairs.append((name, str(value)))
    return FormData(pairs)
