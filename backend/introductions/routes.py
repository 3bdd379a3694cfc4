"""Pages of introductions: the list, the form of a new one, a case, and what its parties and brokers do in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.deps import FormDep, ReadingSessionDep, RecordingSessionDep, SealerDep, SessionDep
from backend.disclosure.filters import page_number
from backend.disclosure.models import SubjectKind
from backend.disclosure.service import BadNote
from backend.errors import NotFound
from backend.htmx import redirect
from backend.i18n import gettext as _
from backend.introductions import beginning as beginnings
from backend.introductions import cases, lists, parties, pdf, policy, service, showing
from backend.introductions.beginning import Beginning
from backend.introductions.case_page import ACCEPT, DECLINE, TAKE_ON, Refused, clock_of, render_case
from backend.introductions.cases import Case
from backend.introductions.forms import (
    NOTE_WORDS,
    AskForm,
    Consents,
    DeclineForm,
    NoteForm,
    ProposeForm,
    TakeOnForm,
)
from backend.introductions.lists import Line, Tab
from backend.introductions.models import Introduction, Side
from backend.introductions.signing import BadConsent, Consent
from backend.introductions.states import DeclineReason, IntroductionAction, IntroductionStatus
from backend.introductions.undertaking import PRESENT, Undertaking
from backend.matching.deps import EngineDep
from backend.matching.pace import spending
from backend.organisations.deps import SignedInDep
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter(prefix="/introductions")

RENEWED = _("保密承诺的文本已更新，请重新阅读并接受。已填写的内容都还在。")


@dataclass(frozen=True)
class ListPage:
    """Context of introductions/list.html."""

    tab: Tab
    lines: Sequence[Line]
    counts: dict[Tab, int]
    page: int
    pages: int


@dataclass(frozen=True)
class NewPage:
    """Context of introductions/new.html."""

    beginning: Beginning
    form: AskForm | ProposeForm
    undertaking: Undertaking
    refused: str = ""


@dataclass(frozen=True)
class PairsPage:
    """Context of introductions/pairs.html: open cases by the id of the other side, and those that came to nothing."""

    pairs: Sequence[tuple[str, Introduction]]
    former: Sequence[tuple[str, Introduction]]


@router.get("")
def introductions(
    request: Request, session: SessionDep, viewer: SignedInDep, tab: str = "", page: str = "1"
) -> Response:
    """The viewer's cases: what waits for them first, unless another part is asked for."""
    clock, number = clock_of(request), page_number(page)
    counts = lists.counts(session, viewer)
    chosen = Tab(tab) if tab in list(Tab) else Tab.WAITING if counts[Tab.WAITING] else Tab.OPEN
    lines = lists.page_of(session, viewer, clock, chosen, number)
    context = ListPage(chosen, lines, counts, number, max(1, -(-counts[chosen] // lists.PAGE_SIZE)))
    return render(request, "introductions/list.html", context)


@router.get("/new")
def new(
    request: Request,
    session: ReadingSessionDep,
    viewer: SignedInDep,
    engine: EngineDep,
    sealer: SealerDep,
    need: str = "",
    capability: str = "",
    side: str = SubjectKind.NEED,
    follows: str = "",
) -> Response:
    """The form of a new introduction; a pair that has an open case leads there."""
    beginning = beginnings.begin(session, viewer, need, capability)
    if beginning.present is not None:
        return redirect(request, cases.path_of(beginning.present.id))
    kind = SubjectKind(side) if side in list(SubjectKind) else SubjectKind.NEED
    said = beginnings.said(session, engine, viewer, kind, beginning, spending(request, viewer))
    values = {
        "need": need,
        "capability": capability,
        "suggested": beginnings.seal(sealer, viewer, beginning, said),
        "follows": beginnings.followed(session, viewer, need, follows) or "",
    }
    form: AskForm | ProposeForm
    if beginning.by_broker:
        form = ProposeForm(data={**values, "message": beginnings.prepared_message(session, engine, beginning)})
    else:
        form = AskForm(data={**values, "signed_name": viewer.name, "contact": viewer.email})
    return render(request, "introductions/new.html", NewPage(beginning, form, PRESENT))


@router.post("")
def create(request: Request, session: SessionDep, viewer: SignedInDep, sealer: SealerDep, data: FormDep) -> Response:
    """Ask for an introduction, or make one; sent twice it makes one case."""
    need_id, capability_id = str(data.get("need") or ""), str(data.get("capability") or "")
    beginning = beginnings.begin(session, viewer, need_id, capability_id)
    form: Any = (ProposeForm if beginning.by_broker else AskForm).read(data)
    refused = ""
    if form.validate():
        said = beginnings.unseal(sealer, viewer, beginning, str(form.suggested.data or ""))
        try:
            if beginning.by_broker:
                follows = beginnings.followed(session, viewer, need_id, str(form.follows.data or ""))
                made = service.propose(session, viewer, need_id, capability_id, form.message.data, said, follows)
            else:
                # What is asked for is one message: it stands in the line of the case once.
                consent = _consent(form, message="")
                made = service.ask(session, viewer, need_id, capability_id, form.message.data, consent, said)
        except BadConsent:
            refused = RENEWED
        else:
            code = "introduction-proposed" if beginning.by_broker else "introduction-asked"
            return flash.put(redirect(request, cases.path_of(made.id)), code)
    page = NewPage(beginning, form, PRESENT, refused)
    return render(request, "introductions/new.html", page, status=422)


def _consent(form: Consents, message: str | None = None) -> Consent:
    words = str(form.message.data or "") if message is None else message
    return Consent(str(form.digest.data or ""), str(form.signed_name.data), str(form.contact.data), words)


@router.get("/pairs")
def pairs(
    request: Request,
    session: SessionDep,
    viewer: SignedInDep,
    side: str = "",
    subject: str = "",
    shown: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """Beside the suggestions for a need or capability: the state of each pair that has, or had, a case.

    `shown` names the other sides that stand on the page; without it all are told.
    """
    if side not in list(SubjectKind):
        raise NotFound
    found = lists.open_beside(session, viewer, SubjectKind(side), subject)
    former = lists.former_beside(session, viewer, SubjectKind(side), subject)
    if shown is not None:
        found, former = ([(id_, row) for id_, row in rows if id_ in shown] for rows in (found, former))
    return render(request, "introductions/pairs.html", PairsPage(found, former), block="pairs")


@router.get("/{introduction_id}")
def detail(
    request: Request, introduction_id: str, session: RecordingSessionDep, viewer: SignedInDep, q: str = ""
) -> Response:
    """A case."""
    return render_case(request, session, viewer, introduction_id, q=q)


@router.get("/{introduction_id}/undertaking.pdf")
def undertaking_pdf(introduction_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The undertakings that the viewer may take along."""
    case = cases.get(session, viewer, introduction_id)
    found = showing.signatures_for(session, viewer, case)
    if not found:
        raise NotFound
    headers = {
        "Content-Disposition": f'attachment; filename="undertaking-{introduction_id}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(pdf.write(introduction_id, found), media_type="application/pdf", headers=headers)


@router.post("/{introduction_id}/accept")
def accept(request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Accept for one's organisation, with the undertaking."""
    party = _speaking(session, viewer, introduction_id).party_of(viewer)
    form = Consents.read(data)
    message = ""
    if form.validate():
        try:
            if party is not None and party.side is Side.PARTNER:
                parties.accept(session, viewer, introduction_id, _consent(form))
                code = "party-accepted"
            else:
                row = service.answer(session, viewer, introduction_id, _consent(form))
                code = "introduced" if row.status is IntroductionStatus.INTRODUCED else "introduction-accepted"
        except BadConsent:
            message = RENEWED
        else:
            return _back(request, introduction_id, code)
    return render_case(request, session, viewer, introduction_id, Refused(ACCEPT, form, message))


@router.post("/{introduction_id}/decline")
def decline(
    request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Decline for one's organisation, or leave as a further party."""
    if parties.has_left(session, viewer, introduction_id):
        return flash.put(redirect(request, "/introductions"), "party-left")
    party = _speaking(session, viewer, introduction_id).party_of(viewer)
    form = DeclineForm.read(data, prefix=DECLINE)
    if not form.validate():
        return render_case(request, session, viewer, introduction_id, Refused(DECLINE, form))
    reason = DeclineReason(form.reason.data)
    if party is not None and party.side is Side.PARTNER:
        parties.leave(session, viewer, introduction_id, reason, form.words())
        # Who has left sees the case no more.
        return flash.put(redirect(request, "/introductions"), "party-left")
    service.decline(session, viewer, introduction_id, reason, form.words())
    return _back(request, introduction_id, "introduction-declined")


@router.post("/{introduction_id}/propose")
def propose(
    request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """A broker takes on what one side has asked for."""
    policy.check_can_broker(viewer, cases.get(session, viewer, introduction_id).facts)
    form = TakeOnForm.read(data, prefix=TAKE_ON)
    if not form.validate():
        return render_case(request, session, viewer, introduction_id, Refused(TAKE_ON, form))
    service.take_on(session, viewer, introduction_id, form.message.data or "")
    return _back(request, introduction_id, "introduction-proposed")


@router.post("/{introduction_id}/meet")
@router.post("/{introduction_id}/agree")
@router.post("/{introduction_id}/turn-down")
@router.post("/{introduction_id}/withdraw")
def act(request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """An action that needs no more than a note."""
    _speaking(session, viewer, introduction_id)
    action = request.url.path.rpartition("/")[2]
    form = NoteForm.read(data, prefix=action)
    if form.validate():
        try:
            service.act(session, viewer, introduction_id, action, form.note.data or "")
        except BadNote:
            form.note.errors = [NOTE_WORDS[IntroductionAction(action)][1]]
        else:
            return _back(request, introduction_id, f"introduction-{action}")
    return render_case(request, session, viewer, introduction_id, Refused(action, form))


def _speaking(session: Session, viewer: Viewer, introduction_id: str) -> Case:
    """The case, for those who act in it: a refusal comes before the mistakes of a form."""
    case = cases.get(session, viewer, introduction_id)
    policy.check_can_speak(viewer, case.facts)
    return case


def _back(request: Request, introduction_id: str, code: str) -> Response:
    return flash.put(redirect(request, cases.path_of(introduction_id)), code)
