"""Errors of the API as `application/problem+json`, in both languages. Source: RFC 9457."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from backend.errors import Conflict, DomainError, NotFound, NotSignedIn
from backend.i18n import gettext as _

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field or parameter."""

    pointer: str = Field(description="JSON Pointer into the body, as a fragment, or the name of a parameter.")
    detail: str


class Problem(BaseModel):
    """An error. `code` is stable and meant for programs, `detail` for people, in the language that was asked for."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    detail_zh: str
    detail_en: str
    errors: list[FieldProblem] = []

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Precondition Failed",
                    "status": 412,
                    "code": "changed-meanwhile",
                    "detail": "内容已被修改，请重新读取后再改。",
                    "detail_zh": "内容已被修改，请重新读取后再改。",
                    "detail_en": "The text has changed. Read it again before changing it.",
                    "errors": [],
                }
            ]
        }
    }


class MissingScope(DomainError):
    """The token was not made for this."""

    status = 403

    def __init__(self, scope: str) -> None:
        super().__init__(f"这个令牌没有 {scope} 权限。", f"This token lacks the scope {scope}.")


class TokenRefused(NotSignedIn):
    """No token, or one that is unknown, expired or revoked."""

    zh = "请在 Authorization 中提供有效的令牌。令牌可能已过期或停用。"
    en = "Send a valid token as Authorization: Bearer. It may have expired or been revoked."


class ChangedMeanwhile(Conflict):
    """The version that was sent along is not the present one."""

    status = 412
    zh = "内容已被修改，请重新读取后再改。"
    en = "The text has changed. Read it again before changing it."


class VersionNeeded(DomainError):
    """A change has to say which version it was made from."""

    status = 428
    zh = "修改时请在 If-Match 中提供读取时得到的 ETag。"
    en = "Send the ETag of the version that you have read as If-Match."


class Incomplete(DomainError):
    """Fields that are not as they have to be: the same rules and words as those of the pages."""

    status = 422
    zh = "内容需要修改，见 errors。"
    en = "The content has to be changed, see errors."

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.problems = [FieldProblem(pointer=f"#/{name}", detail=detail) for name, detail in problems]


def code_of(error: DomainError) -> str:
    """The stable name of an error: edited-elsewhere."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()


def answer(
    request: Request,
    status: int,
    code: str,
    zh: str,
    en: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem in the language that the client prefers; Chinese unless English is asked for first."""
    english = request.headers.get("accept-language", "").strip().lower().startswith("en")
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=en if english else zh,
        detail_zh=zh,
        detail_en=en,
        errors=list(errors),
    )
    fixed = {"Cache-Control": "no-store", "Content-Language": "en" if english else "zh", "Vary": "Accept-Language"}
    return JSONResponse(problem.model_dump(), status, {**fixed, **(headers or {})}, MEDIA_TYPE)


def of_domain(request: Request, error: Exception) -> Response:
    """A domain error, whatever service raised it."""
    assert isinstance(error, DomainError)
    headers = dict(error.headers) | ({"WWW-Authenticate": "Bearer"} if error.status == 401 else {})
    errors = error.problems if isinstance(error, Incomplete) else ()
    return answer(request, error.status, code_of(error), error.zh, error.en, errors=errors, headers=headers)


def of_http(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown addresses and methods, bodies that are no JSON."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return of_domain(request, NotFound())
    phrase = HTTPStatus(error.status_code).phrase
    code = re.sub(r"[^a-z]+", "-", phrase.lower())
    headers = dict(error.headers or {})
    return answer(request, error.status_code, code, _("请求无法处理。"), f"{phrase}.", headers=headers)


def of_validation(request: Request, error: Exception) -> Response:
    """Fields of a wrong kind. What was sent is not repeated: it may be private, and need not be text."""
    assert isinstance(error, RequestValidationError)
    problems = [FieldProblem(pointer=_pointer(e["loc"]), detail=str(e["msg"])) for e in error.errors()]
    return answer(
        request,
        422,
        "invalid",
        _("请求的格式或取值不正确，见 errors。"),
        "Wrong form or value, see errors.",
        errors=problems,
    )


def of_fault(request: Request, status: int, zh: str) -> Response:
    """A fault of the program (500), or a database that does not answer now (503); the log tells more."""
    en = "The server is busy. Please try again." if status == 503 else "The server failed."
    return answer(request, status, "busy" if status == 503 else "fault", zh, en)


def _pointer(place: Sequence[Any]) -> str:
    if place and place[0] == "body":
        return "#" + "".join(f"/{str(part).encode('utf-8', 'replace').decode()}" for part in place[1:])
    return str(place[-1]) if place else ""
