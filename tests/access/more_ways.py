"""The addresses of files and of the JSON API, as `ways` lists those of the pages.

In braces besides: {kind} the kind of the text, {others} the other kind, {others_kinds} the first part of its address,
{file} its file, {organisation} its author's.
"""

# GET, asked by each reader for each text and its file.
FOR_FILES: dict[str, list[str]] = {
    "/attachments/{kind}/{id}": ["/attachments/{kind}/{s}"],
    "/attachments/{kind}/{id}/{attachment_id}": ["/attachments/{kind}/{s}/{file}", "/attachments/{others}/{s}/{file}"],
    "/attachments/{kind}/{id}/{attachment_id}/view": ["/attachments/{kind}/{s}/{file}/view"],
}
# POST, sent by each reader who may not write: nothing changes, and the answer says nothing.
WRITING_FILES: dict[str, list[str]] = {
    "/attachments/{kind}/{id}": ["/attachments/{kind}/{s}"],
    "/attachments/{kind}/{id}/{attachment_id}/remove": ["/attachments/{kind}/{s}/{file}/remove"],
}
# GET of a program, by a token of each reader, for each text or for all.
FOR_PROGRAMS: dict[str, list[str]] = {
    "/me": ["/me"],
    "/{kinds}": ["/{kinds}?per_page=100", "/{kinds}?own=true", "/{kinds}?organisation_id={organisation}"],
    "/{kinds}/{id}": ["/{kinds}/{s}"],
    "/{kinds}/{id}/suggestions": ["/{kinds}/{s}/suggestions"],
    "/organisations/{organisation_id}": ["/organisations/{organisation}"],
    "/search": ["/search?side={kind}&per_page=100", "/search?side={kind}&q={words}"],
}
# POST and PATCH of a program of somebody who may not write.
WRITING_PROGRAMS: dict[str, list[tuple[str, str]]] = {
    "/{kinds}": [("POST", "/{kinds}")],
    "/{kinds}/{id}": [("PATCH", "/{kinds}/{s}")],
    "/{kinds}/{id}/actions": [("POST", "/{kinds}/{s}/actions")],
}
# GET of a program, by a token of each reader, for each text and its file.
FOR_FILES_OF_PROGRAMS: dict[str, list[str]] = {
    "/{kinds}/{id}/attachments": ["/{kinds}/{s}/attachments"],
    "/{kinds}/{id}/attachments/{attachment_id}": [
        "/{kinds}/{s}/attachments/{file}",
        "/{others_kinds}/{s}/attachments/{file}",
    ],
}
# POST and DELETE of a program of somebody who may not write.
WRITING_FILES_OF_PROGRAMS: dict[str, list[tuple[str, str]]] = {
    "/{kinds}/{id}/attachments": [("POST", "/{kinds}/{s}/attachments")],
    "/{kinds}/{id}/attachments/{attachment_id}": [("DELETE", "/{kinds}/{s}/attachments/{file}")],
}
# POST of a program that only asks.
ASKING: dict[str, list[str]] = {"/match": ["/match"]}
# Of the conversation and the meetings of a case; what each of its readers sees and may do is asked in
# test_conversations.py, test_meetings.py and test_docking.py.
_TALK = "/introductions/{introduction_id}/conversation"
_MEET = "/introductions/{introduction_id}/meetings"
IN_CASES: frozenset[str] = frozenset(
    {
        *(f"/docking/{{event_id}}{part}" for part in ("", "/edit", "/plan", "/talks/{talk_id}")),
        _TALK,
        f"{_TALK}/line",
        _MEET,
        f"{_MEET}/{{meeting_id}}",
        f"{_MEET}/{{meeting_id}}/meeting.ics",
        f"{_TALK}/events",
        f"{_TALK}/messages/{{key}}/edit",
        f"{_TALK}/messages/{{key}}/attachments/{{attachment_id}}",
        f"{_TALK}/messages/{{key}}/attachments/{{attachment_id}}/view",
    }
)
WRITING_IN_CASES: frozenset[str] = frozenset(
    {
        "/docking",
        *(
            f"/docking/{{event_id}}/{part}"
            for part in ("edit", "matches", "wishes", "plan", "publish", "cancel", "answers")
        ),
        "/docking/{event_id}/wishes/{talk_id}/remove",
        "/docking/{event_id}/talks/{talk_id}",
        "/docking/{event_id}/talks/{talk_id}/introduce",
        _TALK,
        f"{_TALK}/messages/{{key}}/edit",
        f"{_TALK}/messages/{{key}}/delete",
        _MEET,
        *(f"{_MEET}/{{meeting_id}}/{action}" for action in ("answers", "fix", "move", "cancel", "hold")),
    }
)
