"""Every address of the site, as somebody would ask it who looks for a text.

A route that stands in none of the tables fails the matrix: whoever adds one says here how a text could come out of it.
In braces: {s} a text with canaries, {own} the reader's own text of the other kind, {author} the organisation of the
text's author, {kinds} and {others} the first part of the address of the text and of the other kind.
"""

from backend.disclosure.models import SubjectKind
from tests.access.world import PLURAL

# GET, asked once by each reader, as a page and as a fragment.
FOR_READERS: dict[str, list[str]] = {
    "/": ["/"],
    "/search": [
        f"/search?side={kind}{more}"
        for kind in SubjectKind
        for more in ("", "&page=2", "&page=3", "&q={words}", "&q={words}&page=2", "&region=310107", "&q={unnamed}")
    ],
    "/sign-in": ["/sign-in"],
    "/needs": ["/needs", "/needs?page=2"],
    "/needs/new": ["/needs/new"],
    "/capabilities": ["/capabilities"],
    "/capabilities/new": ["/capabilities/new"],
    "/organisations": ["/organisations"],
    "/organisations/new": ["/organisations/new"],
    "/organisations/waiting": ["/organisations/waiting"],
    "/invitation": ["/invitation?token={words}"],
}
# GET, asked by each reader for each text.
FOR_TEXTS: dict[str, list[str]] = {
    "/{kinds}/{id}": ["/{kinds}/{s}"],
    "/{kinds}/{id}/edit": ["/{kinds}/{s}/edit"],
    "/{kinds}/{id}/suggestions": ["/{kinds}/{s}/suggestions"],
}
# GET, asked by each reader for their own texts, beside which others are shown.
FOR_OWN: dict[str, list[str]] = {
    "/{kinds}/{id}": ["/{kinds}/{own}"],
    "/{kinds}/{id}/edit": ["/{kinds}/{own}/edit"],
    "/{kinds}/{id}/suggestions": ["/{kinds}/{own}/suggestions"],
}
# GET, asked by each reader for the organisations of the authors.
FOR_AUTHORS: dict[str, list[str]] = {
    "/organisations/{organisation_id}": ["/organisations/{author}"],
    "/organisations/{organisation_id}/needs": ["/organisations/{author}/needs"],
    "/organisations/{organisation_id}/capabilities": ["/organisations/{author}/capabilities"],
    "/organisations/{organisation_id}/edit": ["/organisations/{author}/edit"],
    "/organisations/{organisation_id}/merge": ["/organisations/{author}/merge?into={words}"],
    "/organisations/{organisation_id}/members": ["/organisations/{author}/members"],
    "/organisations/{organisation_id}/members/{user_id}": ["/organisations/{author}/members/{member}"],
    "/organisations/{organisation_id}/departments": ["/organisations/{author}/departments"],
    "/organisations/{organisation_id}/departments/{department_id}": [
        "/organisations/{author}/departments/{department}"
    ],
}
# POST, sent by each reader who may not write, for each text: nothing changes, and the answer says nothing.
WRITING: dict[str, list[str]] = {
    "/{kinds}": ["/{kinds}"],
    "/{kinds}/{id}/edit": ["/{kinds}/{s}/edit"],
    "/{kinds}/{id}/{action}": [f"/{{kinds}}/{{s}}/{a}" for a in ("publish", "withdraw", "discard", "restore")],
    "/needs/{id}/requirements/split": ["/needs/{s}/requirements/split"],
    "/{kinds}/{id}/autosave": ["/{kinds}/{s}/autosave"],
    "/{kinds}/{id}/copy/discard": ["/{kinds}/{s}/copy/discard"],
    "/needs/{id}/support": ["/needs/{s}/support"],
    "/needs/{id}/support/undo": ["/needs/{s}/support/undo"],
}
# POST that stores nothing and shows texts of others beside what was typed, asked by each reader.
TRYING: dict[str, list[str]] = {
    "/needs/rehearsal": ["/needs/rehearsal"],
    "/needs/fill": ["/needs/fill"],
}
# POST that no text can come out of, with the reason.
WITHOUT_TEXTS: dict[str, str] = {
    "/sign-in": "it knows no text",
    "/organisations": "it registers an organisation",
    "/organisations/join": "it asks for membership, and answers the same whoever asks",
    "/organisations/requests/{request_id}/{answer}": "it answers a request for membership",
    "/organisations/{organisation_id}/edit": "it changes what is registered",
    "/organisations/{organisation_id}/verify": "it decides about an organisation",
    "/organisations/{organisation_id}/refuse": "it decides about an organisation",
    "/organisations/{organisation_id}/merge": "for brokers with jurisdiction over both; see test_organisation_merge.py",
    "/organisations/{organisation_id}/members": "it invites",
    "/organisations/{organisation_id}/invitations/{invitation_id}/withdraw": "it ends an invitation",
    "/organisations/{organisation_id}/members/{user_id}/role": "it changes a role",
    "/organisations/{organisation_id}/members/{user_id}/department": "it changes a department",
    "/organisations/{organisation_id}/members/{user_id}/remove": "it ends a membership",
    "/organisations/{organisation_id}/members/{user_id}/hand-over": "it changes roles",
    "/organisations/{organisation_id}/departments": "it adds a department",
    "/organisations/{organisation_id}/departments/{department_id}": "it renames a department",
    "/organisations/{organisation_id}/departments/{department_id}/remove": "it removes a department",
    "/invitation": "it accepts an invitation",
    "/sign-out": "it ends the session and leads home",
}
_IDS = ("{need_id}", "{capability_id}", "{subject_id}")


def canonical(path: str) -> str:
    """The path of a route with one name for all parameters that hold the id of a text."""
    for name in _IDS:
        path = path.replace(name, "{id}")
    return path


def _each(*tables: dict[str, list[str]]) -> set[str]:
    """The paths of tables, written out for both kinds."""
    return {path.replace("{kinds}", plural) for table in tables for path in table for plural in PLURAL.values()}


def reading() -> set[str]:
    """The routes that answer GET."""
    return _each(FOR_READERS, FOR_TEXTS, FOR_OWN, FOR_AUTHORS)


def writing() -> set[str]:
    """The routes that answer anything else."""
    return _each(WRITING, TRYING) | set(WITHOUT_TEXTS)
