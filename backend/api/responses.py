"""The errors that every route may answer with, for the description of the API."""

from typing import Any

from backend.api.problems import MEDIA_TYPE

_SCHEMA = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WORDS = {
    400: "The body cannot be read.",
    401: "No token, or one that is not valid any more.",
    403: "The token lacks a scope, or its user a right.",
    404: "Not there, or not to be seen by this user.",
    405: "The address does not take this method.",
    409: "The state does not allow it.",
    412: "The text has changed since it was read.",
    413: "The body is too large.",
    415: "The body is of another kind than described.",
    422: "Fields are not as they have to be.",
    428: "If-Match is missing.",
    429: "Too much in too short a time; Retry-After says when to go on.",
    503: "The server is busy, or a part of it does not answer. Try again later.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": _SCHEMA} for status, words in _WORDS.items()
}
PROBLEMS[429]["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}
