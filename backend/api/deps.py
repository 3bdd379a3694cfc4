"""Who calls the API: a bearer token alone. No cookie is read, so no other site's page can act for anybody."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header, Path, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel import Session

from backend.accounts import second_factor
from backend.api import service
from backend.api.problems import ChangedMeanwhile, Incomplete, MissingScope, TokenRefused, VersionNeeded
from backend.api.scopes import Scope, cut
from backend.api.service import Access
from backend.db import ID_PATTERN
from backend.deps import get_database, get_settings
from backend.errors import SecondFactorMissing
from backend.i18n import gettext as _
from backend.organisations.policy import Viewer
from backend.pace import Asked, spend

SCHEME = HTTPBearer(auto_error=False, scheme_name="token", description="A personal token, made at /account/tokens.")


def get_access(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(SCHEME)]
) -> Access:
    """Whose token it is; raises TokenRefused or TooManyRequests."""
    if credentials is None:
        raise _refused(request)
    database = get_database(request)
    with database.session() as session:
        access = service.access(session, credentials.credentials)
        lacks_second_factor = access is not None and not get_settings(request).demo and _lacks(session, access.viewer)
        unnoted = access is not None and service.use_is_unnoted(session, access.token_id)
    if access is None:
        raise _refused(request)
    spend(request, Asked.REQUEST, access.viewer.user_id)
    if lacks_second_factor:
        raise SecondFactorMissing
    if unnoted:
        with database.session(write=True) as session:
            service.note_use(session, access.token_id)
    request.state.viewer = access.viewer
    return access


def _refused(request: Request) -> TokenRefused:
    """Count a request without a valid token by its address; raises TooManyRequests."""
    spend(request, Asked.REQUEST, None)
    return TokenRefused()


def _lacks(session: Session, viewer: Viewer) -> bool:
    """A broker or administrator without a second factor does as little by a program as in a browser."""
    return (viewer.is_broker or viewer.is_admin) and not second_factor.is_on(session, str(viewer.user_id))


AccessDep = Annotated[Access, Depends(get_access)]


def refuse_unknown_parameters(request: Request, _access: AccessDep) -> None:
    """A filter whose name is misspelt would be left out without a word; raises Incomplete for it instead."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = {field.alias for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)}
    if unknown := sorted(request.query_params.keys() - known):
        raise Incomplete([(name, _("没有这个参数。")) for name in unknown])


def _viewer(scope: Scope, write: Scope | None) -> Callable[[Access], Viewer]:
    def get_viewer(access: AccessDep) -> Viewer:
        if scope not in access.scopes:
            raise MissingScope(scope)
        return cut(access.viewer, access.scopes, write)

    return get_viewer


ReaderDep = Annotated[Viewer, Depends(_viewer(Scope.READ, None))]
NeedReaderDep = Annotated[Viewer, Depends(_viewer(Scope.READ, Scope.WRITE_NEEDS))]
NeedWriterDep = Annotated[Viewer, Depends(_viewer(Scope.WRITE_NEEDS, Scope.WRITE_NEEDS))]
CapabilityReaderDep = Annotated[Viewer, Depends(_viewer(Scope.READ, Scope.WRITE_CAPABILITIES))]
CapabilityWriterDep = Annotated[Viewer, Depends(_viewer(Scope.WRITE_CAPABILITIES, Scope.WRITE_CAPABILITIES))]

IdPath = Annotated[str, Path(pattern=f"^{ID_PATTERN}$", examples=["0123456789abcdef"])]
IfMatch = Annotated[str | None, Header(description='The ETag of the version that was read: `"3"`.', examples=['"3"'])]


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def check_version(if_match: str | None, version: int, *, required: bool) -> None:
    """Raise VersionNeeded without a tag where one is required, ChangedMeanwhile where it is not the present one."""
    if if_match is None:
        if required:
            raise VersionNeeded
        return
    tags = {tag.strip() for tag in if_match.split(",")}
    if "*" not in tags and etag(version) not in tags:
        raise ChangedMeanwhile
