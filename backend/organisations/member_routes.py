"""Pages of the members of an organisation: invitations, requests, roles."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from backend import flash
from backend.db import new_id
from backend.deps import FormDep, SessionDep
from backend.errors import NotFound, NotSignedIn
from backend.htmx import redirect
from backend.organisations import invitations, members, requests, service
from backend.organisations.deps import SignedInDep, ViewerDep
from backend.organisations.forms import InvitationForm
from backend.organisations.models import Department, Invitation, MemberRole, Organisation
from backend.organisations.policy import Viewer
from backend.templating import render

router = APIRouter()


@dataclass(frozen=True)
class MembersPage:
    """Context of organisations/members.html. Invitations and requests are empty for others than owners."""

    organisation: Organisation
    members: Sequence[members.Member]
    can_manage: bool
    form: InvitationForm
    invitations: Sequence[Invitation]
    requests: Sequence[requests.OpenRequest]
    roles: Sequence[MemberRole] = (MemberRole.EDITOR, MemberRole.VIEWER, MemberRole.OWNER)


@dataclass(frozen=True)
class MemberPage:
    """Context of organisations/member.html: one member, for owners and for the member."""

    organisation: Organisation
    member: members.Member
    can_manage: bool
    departments: Sequence[Department]
    roles: Sequence[MemberRole] = (MemberRole.OWNER, MemberRole.EDITOR, MemberRole.VIEWER)


@dataclass(frozen=True)
class InvitationPage:
    """Context of organisations/invitation.html."""

    invited: invitations.Invited
    token: str


@dataclass(frozen=True)
class InvitationsPage:
    """Context of organisations/invitations.html: what was sent to the address of whoever has signed in."""

    invited: Sequence[invitations.Invited]


@router.get("/organisations/{organisation_id}/members")
def members_page(request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """The members; owners invite and answer requests here."""
    form = InvitationForm(data={"invitation_id": new_id(), "role": MemberRole.EDITOR.value})
    return _show_members(request, session, viewer, organisation_id, form)


@router.post("/organisations/{organisation_id}/members")
def invite(request: Request, organisation_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Invite somebody by e-mail."""
    form: InvitationForm = InvitationForm.read(data)
    if not form.validate():
        return _show_members(request, session, viewer, organisation_id, form, status=422)
    role = MemberRole(str(form.role.data))
    try:
        invitations.invite(session, viewer, organisation_id, str(form.invitation_id.data), str(form.email.data), role)
    except (invitations.AlreadyMember, invitations.TooManyInvitations, invitations.AddressInName) as error:
        form.email.errors = [error.zh]
        return _show_members(request, session, viewer, organisation_id, form, status=422)
    return flash.put(redirect(request, f"/organisations/{organisation_id}/members"), "member-invited")


@router.post("/organisations/{organisation_id}/invitations/{invitation_id}/withdraw")
def withdraw_invitation(
    request: Request, organisation_id: str, invitation_id: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """Make a link useless."""
    invitations.withdraw(session, viewer, organisation_id, invitation_id)
    return flash.put(redirect(request, f"/organisations/{organisation_id}/members"), "invitation-withdrawn")


@router.get("/invitation")
def invitation_page(request: Request, session: SessionDep, viewer: ViewerDep, token: str = "") -> Response:
    """What a link invites to. The token stands behind the question mark, which no log keeps.

    Without a token, as after signing in: what the viewer's own address has been invited to.
    """
    if not token:
        if not viewer.is_signed_in:
            raise NotSignedIn
        return render(
            request, "organisations/invitations.html", InvitationsPage(invitations.of_viewer(session, viewer))
        )
    page = InvitationPage(invitations.read(session, viewer, token), token)
    return render(request, "organisations/invitation.html", page)


@router.post("/invitation")
def accept_invitation(request: Request, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Become a member, by a link or by one's own address."""
    if invitation_id := str(data.get("invitation_id", "")):
        organisation_id = invitations.accept_own(session, viewer, invitation_id)
    else:
        organisation_id = invitations.accept(session, viewer, str(data.get("token", "")))
    return flash.put(redirect(request, f"/organisations/{organisation_id}"), "member-joined")


@router.post("/organisations/requests/{request_id}/{answer}")
def answer_request(
    request: Request, request_id: str, answer: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Accept or refuse a request for membership."""
    role = str(data.get("role", ""))
    if answer == "accept" and role in list(MemberRole):
        organisation_id = requests.accept(session, viewer, request_id, MemberRole(role))
    elif answer == "refuse":
        organisation_id = requests.refuse(session, viewer, request_id)
    else:
        raise NotFound
    is_own = viewer.owns(organisation_id)
    back = f"/organisations/{organisation_id}/members" if is_own else "/organisations/waiting"
    return flash.put(redirect(request, back), f"request-{answer}")


@router.get("/organisations/{organisation_id}/members/{user_id}")
def member_page(
    request: Request, organisation_id: str, user_id: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """One member: role, department, leaving."""
    organisation = service.get(session, viewer, organisation_id)
    page = MemberPage(
        organisation=organisation,
        member=members.one(session, viewer, organisation_id, user_id),
        can_manage=viewer.owns(organisation_id),
        departments=service.departments_of(session, organisation_id),
    )
    return render(request, "organisations/member.html", page)


@router.post("/organisations/{organisation_id}/members/{user_id}/role")
def change_role(
    request: Request, organisation_id: str, user_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Give a member another role."""
    role = str(data.get("role", ""))
    if role not in list(MemberRole):
        raise NotFound
    members.change_role(session, viewer, organisation_id, user_id, MemberRole(role))
    return _back_to_members(request, organisation_id, "member-changed")


@router.post("/organisations/{organisation_id}/members/{user_id}/department")
def set_department(
    request: Request, organisation_id: str, user_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Note in which department a member works."""
    members.set_department(session, viewer, organisation_id, user_id, str(data.get("department_id", "")) or None)
    return _back_to_members(request, organisation_id, "member-changed")


@router.post("/organisations/{organisation_id}/members/{user_id}/remove")
def remove_member(
    request: Request, organisation_id: str, user_id: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """End a membership; one's own leads to the list of those that are left."""
    if user_id == viewer.user_id:
        members.leave(session, viewer, organisation_id)
        return flash.put(redirect(request, "/organisations"), "member-left")
    members.remove(session, viewer, organisation_id, user_id)
    return _back_to_members(request, organisation_id, "member-removed")


@router.post("/organisations/{organisation_id}/members/{user_id}/hand-over")
def hand_over(
    request: Request, organisation_id: str, user_id: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """Make another member owner in one's own place."""
    members.hand_over(session, viewer, organisation_id, user_id)
    return _back_to_members(request, organisation_id, "handed-over")


def _show_members(
    request: Request,
    session: Session,
    viewer: Viewer,
    organisation_id: str,
    form: InvitationForm,
    *,
    status: int = 200,
) -> Response:
    organisation = service.get(session, viewer, organisation_id)
    manages = viewer.owns(organisation_id)
    page = MembersPage(
        organisation=organisation,
        members=members.listing(session, viewer, organisation_id),
        can_manage=manages,
        form=form,
        invitations=invitations.of_organisation(session, organisation_id) if manages else (),
        requests=requests.of_organisation(session, organisation_id) if manages else (),
    )
    return render(request, "organisations/members.html", page, status=status)


def _back_to_members(request: Request, organisation_id: str, code: str) -> Response:
    return flash.put(redirect(request, f"/organisations/{organisation_id}/members"), code)
