"""The forms of a step: who answers for it until when, and what is said with each move."""

import re
from datetime import date
from typing import Any

from starlette.datastructures import FormData
from wtforms import HiddenField
from wtforms.validators import ValidationError

from backend.forms import BaseForm, Choice, text_area, text_field
from backend.i18n import gettext as _
from backend.introductions.models import Leg
from backend.ledger.models import LINK_LENGTH, OWNER_LENGTH, TEXT_LENGTH
from backend.ledger.service import Move, Plan
from backend.ledger.states import StepAction
from backend.ledger.wordings import BLOCKERS
from backend.needs.models import NeedKind
from backend.typed_days import read_day
from backend.working_days import today

LEGS = {Leg.RESEARCH: _("研发段"), Leg.PRODUCTION: _("生产段")}
PLAN = "plan"
UNNAMED = _("未指定")


def _check_day(text: str | None) -> date | None:
    try:
        return read_day(text)
    except ValueError:
        raise ValidationError(_("请填写日期，例如 2026-12-01 或 2026年12月1日。")) from None


class StepForm(BaseForm):
    """What every form of a step carries: the version that it was opened with, and where it leads back to."""

    version = HiddenField()

    def seen(self) -> int:
        """The version that the form was opened with; one that cannot be read is none that there ever was."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1

    def said(self) -> Move:
        """What the form says."""
        return Move()


class PlanForm(StepForm):
    """Who answers for a step until when."""

    owner_organisation_id = Choice(_("责任单位"), [], empty=UNNAMED)
    owner_name = text_field(_("责任人"), OWNER_LENGTH)
    due_on = text_field(_("计划完成日期"), 20)
    leg = Choice(_("所属分段"), [(k.value, v) for k, v in LEGS.items()])

    def validate_due_on(self, field: Any) -> None:
        """It may be empty."""
        _check_day(field.data)

    def planned(self) -> Plan:
        """What the form says; it is valid."""
        leg = Leg(self.leg.data) if self.leg.data else None
        owner, name = self.owner_organisation_id.data or None, self.owner_name.data or ""
        return Plan(owner, name, read_day(self.due_on.data), leg)


class FinishForm(StepForm):
    """A step is done: when, and what shows it."""

    site_url = ""

    done_on = text_field(_("完成日期"), 20)
    evidence = text_area(_("完成依据"), TEXT_LENGTH, rows=3)
    evidence_link = text_field(_("本平台内的文件链接"), LINK_LENGTH)

    def validate_done_on(self, field: Any) -> None:
        """What is done was done by today."""
        day = _check_day(field.data)
        if day is not None and day > today():
            raise ValidationError(_("完成日期不能晚于今天。"))

    def validate_evidence_link(self, field: Any) -> None:
        """A link of others could lead anywhere: a page of this site knows who may open it."""
        path = own_path(field.data or "", self.site_url)
        if path is None:
            raise ValidationError(_("请粘贴本平台内的链接，例如引荐往来中一份文件的地址。其他出处请写在完成依据中。"))
        field.data = path

    def said(self) -> Move:
        """When it was done, and what shows it."""
        return Move(
            done_on=read_day(self.done_on.data),
            evidence=self.evidence.data or "",
            evidence_link=self.evidence_link.data or "",
        )


class BlockForm(StepForm):
    """A step is held up: by what, and what is lacking."""

    note = text_area(_("受阻原因"), TEXT_LENGTH, required=_("请写明受阻原因，参与各方和撮合员会看到。"), rows=3)
    blocker_kind = Choice(_("缺少的条件"), [(k.value, v) for k, v in BLOCKERS.items()], empty=_("其他，无需另找支持"))

    def said(self) -> Move:
        """What holds it up."""
        kind = NeedKind(self.blocker_kind.data) if self.blocker_kind.data else None
        return Move(note=self.note.data or "", blocker_kind=kind)


class SkipForm(StepForm):
    """A step is skipped, and why."""

    note = text_area(_("跳过理由"), TEXT_LENGTH, required=_("请写明跳过理由，例如“豁免临床评价目录内产品”。"), rows=3)

    def said(self) -> Move:
        """Why."""
        return Move(note=self.note.data or "")


class ReopenForm(StepForm):
    """A step is opened again, and why."""

    note = text_area(_("重新打开的理由"), TEXT_LENGTH, required=_("请写明重新打开的理由。"), rows=3)

    def said(self) -> Move:
        """Why."""
        return Move(note=self.note.data or "")


MOVES: dict[StepAction, type[StepForm]] = {
    StepAction.START: StepForm,
    StepAction.FINISH: FinishForm,
    StepAction.BLOCK: BlockForm,
    StepAction.RESUME: StepForm,
    StepAction.SKIP: SkipForm,
    StepAction.REOPEN: ReopenForm,
}
OWN_PATH = re.compile(r"/(?:attachments|introductions|needs|capabilities)/[\w./#?=&%-]+", re.ASCII)


def own_path(link: str, site_url: str = "") -> str | None:
    """The path of a link into this site; empty for an empty one, None for any other."""
    path = link.removeprefix(site_url)
    return path if not path or OWN_PATH.fullmatch(path) else None


def read_move(action: StepAction, data: FormData, site_url: str) -> StepForm:
    """The form of an action, as submitted; `site_url` is where this site is reached."""
    form: StepForm = MOVES[action].read(data, prefix=action.value)
    if isinstance(form, FinishForm):
        form.site_url = site_url
    return form
