"""Every address of the site, as somebody would ask it who looks for a text.

A route that stands in none of the tables fails the matrix: whoever adds one says here how a text could come out of it.
In braces: {s} a text with canaries, {own} the reader's own text of the other kind, {author} the organisation of the
text's author, {kinds} and {others} the first part of the address of the text and of the other kind.
"""

from backend.capabilities.states import CapabilityAction
from backend.disclosure.models import SubjectKind
from backend.needs.states import NeedAction
from tests.access import more_ways
from tests.access.world import PLURAL

DESK_ACTIONS = ("defer", "hand-over", "take-back")

# GET, asked once by each reader, as a page and as a fragment.
FOR_READERS: dict[str, list[str]] = {
    "/": ["/"],
    "/search": [
        f"/search?side={kind}{more}"
        for kind in SubjectKind
        for more in ("", "&page=2", "&page=3", "&q={words}", "&q={words}&page=2", "&region=310107", "&q={unnamed}")
    ],
    "/sign-in": ["/sign-in"],
    "/sign-in/code": ["/sign-in/code"],
    "/sign-in/single": ["/sign-in/single"],
    "/sign-in/single/callback": ["/sign-in/single/callback?code=x&state=y"],
    "/register": ["/register"],
    "/confirm": ["/confirm?token=x"],
    "/confirm/sent": ["/confirm/sent"],
    "/confirm/again": ["/confirm/again"],
    "/password/forgot": ["/password/forgot"],
    "/password/sent": ["/password/sent"],
    "/password/reset": ["/password/reset?token=x"],
    "/account": ["/account"],
    "/account/next-steps": ["/account/next-steps"],
    "/account/password": ["/account/password"],
    "/account/email": ["/account/email"],
    "/account/email/confirm": ["/account/email/confirm?token=x"],
    "/account/sessions": ["/account/sessions"],
    "/account/second-factor": ["/account/second-factor"],
    "/account/second-factor/set-up": ["/account/second-factor/set-up"],
    "/account/second-factor/codes": ["/account/second-factor/codes"],
    "/account/second-factor/off": ["/account/second-factor/off"],
    "/account/data": ["/account/data"],
    "/account/data/download": ["/account/data/download"],
    "/account/delete": ["/account/delete"],
    "/account/tokens": ["/account/tokens"],
    "/healthz": ["/healthz"],
    "/readyz": ["/readyz"],
    "/metrics": ["/metrics"],
    "/admin": ["/admin"],
    "/admin/mails": ["/admin/mails"],
    "/admin/system": ["/admin/system"],
    "/admin/index": ["/admin/index"],
    "/needs": ["/needs", "/needs?page=2"],
    "/needs/new": ["/needs/new"],
    "/capabilities": ["/capabilities"],
    "/capabilities/new": ["/capabilities/new"],
    "/organisations": ["/organisations"],
    "/organisations/new": ["/organisations/new"],
    "/organisations/waiting": ["/organisations/waiting"],
    "/invitation": ["/invitation?token={words}", "/invitation"],
    "/reviews": ["/reviews"],
    "/desk": ["/desk", "/desk?view=handed", "/desk?view=deferred", "/desk?kind=match", "/desk?page=2"],
    "/desk/export.{ending}": ["/desk/export.csv", "/desk/export.csv?view=handed", "/desk/export.xlsx?kind=match"],
    "/desk/assignment": ["/desk/assignment", "/desk/assignment?cap=1&per_need=5"],
    "/desk/assignment/done": ["/desk/assignment/done"],
    "/released": ["/released"],
    "/introductions": ["/introductions", "/introductions?tab=open", "/introductions?tab=ended"],
    "/responses": ["/responses"],
    "/transfers": ["/transfers"],
    "/transfers/template.xlsx": ["/transfers/template.xlsx"],
    "/transfers/{import_id}": ["/transfers/0123456789abcdef"],
    "/transfers/{import_id}/drafts": ["/transfers/0123456789abcdef/drafts"],
    "/transfers/{import_id}/problems.xlsx": ["/transfers/0123456789abcdef/problems.xlsx"],
    "/exports/{what}.{ending}": [
        *(f"/exports/{what}.csv" for what in ("needs", "capabilities", "organisations", "introductions", "ledger")),
        *(f"/exports/search.csv?side={kind}{more}" for kind in SubjectKind for more in ("", "&q={words}")),
    ],
    "/ledger": ["/ledger", "/ledger?stalled=1"],
    "/docking": ["/docking"],
    "/docking/new": ["/docking/new"],
    "/conversations": ["/conversations", "/conversations?q={words}", "/conversations?q=canary"],
    # Figures alone, and what an office adds to them.
    "/results": ["/results", "/results?region=310107&basis=need"],
    "/results/export.xlsx": ["/results/export.xlsx"],
    "/results/report": ["/results/report", "/results/report?region=310107"],
    "/results/report.docx": ["/results/report.docx"],
    "/results/report.xlsx": ["/results/report.xlsx"],
    "/notifications": ["/notifications", "/notifications?page=2"],
    "/notifications/preferences": ["/notifications/preferences"],
}
# GET, asked by each reader for each text.
FOR_TEXTS: dict[str, list[str]] = {
    "/{kinds}/{id}": ["/{kinds}/{s}"],
    "/{kinds}/{id}/edit": ["/{kinds}/{s}/edit"],
    "/{kinds}/{id}/suggestions": ["/{kinds}/{s}/suggestions"],
    # It leads to the page of the second, whatever was shown.
    "/{kinds}/{id}/suggestions/{id}": [
        "/needs/0123456789abcdef/suggestions/{s}",
        "/capabilities/0123456789abcdef/suggestions/{s}",
    ],
    "/{kinds}/{id}/versions": ["/{kinds}/{s}/versions"],
    "/{kinds}/{id}/versions/{number}": ["/{kinds}/{s}/versions/1", "/{kinds}/{s}/versions/2?since=1"],
    "/{kinds}/{id}/reasoned-access": ["/{kinds}/{s}/reasoned-access"],
    "/{kinds}/{id}/releases": ["/{kinds}/{s}/releases", "/{kinds}/{s}/releases?q=测试"],
    "/desk/needs/{id}": ["/desk/needs/{s}"],
    "/desk/items/{kind}/{id}": ["/desk/items/review-need/{s}", "/desk/items/review-capability/{s}"],
}
# GET, asked by each reader for each need: its call and the response to that have its id, see `world.build`.
FOR_CALLS: dict[str, list[str]] = {
    "/needs/{id}/responses": ["/needs/{s}/responses"],
    "/needs/{id}/responses/new": ["/needs/{s}/responses/new"],
    "/calls/{call_id}": ["/calls/{s}"],
    "/calls/{call_id}/edit": ["/calls/{s}/edit"],
    "/calls/{call_id}/respond": ["/calls/{s}/respond"],
    "/calls/{call_id}/review": ["/calls/{s}/review"],
    "/calls/{call_id}/results": ["/calls/{s}/results"],
    "/exports/calls/{call_id}.{ending}": ["/exports/calls/{s}.csv", "/exports/calls/{s}.xlsx"],
    "/calls/{call_id}/decision": ["/calls/{s}/decision"],
    "/responses/{response_id}": ["/responses/{s}"],
    "/responses/{response_id}/review": ["/responses/{s}/review"],
}
# GET, asked by each reader for their own texts, beside which others are shown.
FOR_OWN: dict[str, list[str]] = {
    "/{kinds}/{id}": ["/{kinds}/{own}"],
    "/{kinds}/{id}/edit": ["/{kinds}/{own}/edit"],
    "/{kinds}/{id}/suggestions": ["/{kinds}/{own}/suggestions"],
}
# GET, asked by each reader for each text beside their own of the other kind: a pair to be introduced.
FOR_PAIRS: dict[str, list[str]] = {
    "/introductions/new": ["/introductions/new?need={need}&capability={capability}&side={kind}"],
    "/introductions/pairs": ["/introductions/pairs?side={kind}&subject={s}"],
}
# Of a case; what each of its readers sees is asked in test_introductions.py.
OF_CASES: frozenset[str] = frozenset(
    {"/introductions/{introduction_id}", "/introductions/{introduction_id}/undertaking.pdf"}
)
WRITING_CASES: frozenset[str] = frozenset(
    {
        "/introductions",
        *(
            f"/introductions/{{introduction_id}}/{action}"
            for action in (
                *("accept", "decline", "propose", "meet", "agree", "turn-down", "withdraw", "hand-over"),
                *("parties", "parties/{party_id}/{answer}"),
                *("brokers", "brokers/take", "brokers/agree", "brokers/{broker_id}/remove"),
            )
        ),
    }
)
# Of the ledger of a case; what each of its readers sees is asked in test_ledger.py.
OF_LEDGERS: frozenset[str] = frozenset(
    {
        "/introductions/{introduction_id}/ledger",
        "/introductions/{introduction_id}/ledger/{step}",
        "/introductions/{introduction_id}/story",
    }
)
WRITING_LEDGERS: frozenset[str] = frozenset(
    {
        "/introductions/{introduction_id}/ledger/{step}",
        "/introductions/{introduction_id}/ledger/{step}/need",
        "/introductions/{introduction_id}/ledger/{step}/{action}",
    }
)
# GET, asked by each reader for the organisations of the authors. Who has which account, and who did what, stands on
# pages of administrators alone.
FOR_AUTHORS: dict[str, list[str]] = {
    "/admin/users": ["/admin/users", "/admin/users?q=测试&page=2"],
    "/admin/users/{user_id}": ["/admin/users/{member}"],
    "/admin/audit": ["/admin/audit", "/admin/audit?page=2", "/admin/audit?organisation={author}"],
    "/admin/audit.csv": ["/admin/audit.csv?organisation={author}"],
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
    "/{kinds}/{id}/{action}": [
        f"/{{kinds}}/{{s}}/{a}"
        for a in (*NeedAction, *CapabilityAction)
        # What a broker may do is tried apart.
        if a not in ("publish", "match", "reopen")
    ],
    # With what an administrator has to write there, see test_reasoned_access.py.
    "/{kinds}/{id}/reasoned-access": ["/{kinds}/{s}/reasoned-access"],
    "/{kinds}/{id}/releases": ["/{kinds}/{s}/releases"],
    "/{kinds}/{id}/releases/{release_id}/revoke": ["/{kinds}/{s}/releases/0123456789abcdef/revoke"],
    "/{kinds}/{id}/proposals": ["/{kinds}/{s}/proposals"],
    "/{kinds}/{id}/proposals/{proposal_id}/{answer}": ["/{kinds}/{s}/proposals/0123456789abcdef/accept"],
    "/needs/{id}/requirements/split": ["/needs/{s}/requirements/split"],
    "/{kinds}/{id}/autosave": ["/{kinds}/{s}/autosave"],
    "/{kinds}/{id}/copy/discard": ["/{kinds}/{s}/copy/discard"],
    "/needs/{id}/support": ["/needs/{s}/support"],
    "/needs/{id}/support/undo": ["/needs/{s}/support/undo"],
    "/needs/{id}/responses": ["/needs/{s}/responses"],
    "/calls/{call_id}/edit": ["/calls/{s}/edit"],
    "/calls/{call_id}/date": ["/calls/{s}/date"],
    "/calls/{call_id}/act/{action}": ["/calls/{s}/act/withdraw"],
    "/calls/{call_id}/respond": ["/calls/{s}/respond"],
    "/calls/{call_id}/reviewers": ["/calls/{s}/reviewers"],
    "/calls/{call_id}/reviewers/{review_id}/remove": ["/calls/{s}/reviewers/0123456789abcdef/remove"],
    "/calls/{call_id}/review/accept": ["/calls/{s}/review/accept"],
    "/calls/{call_id}/review/refuse": ["/calls/{s}/review/refuse"],
    "/calls/{call_id}/review/submit": ["/calls/{s}/review/submit"],
    "/calls/{call_id}/decision": ["/calls/{s}/decision"],
    "/responses/{response_id}/withdraw": ["/responses/{s}/withdraw"],
    "/responses/{response_id}/review": ["/responses/{s}/review"],
    **{f"/desk/items/{{kind}}/{{id}}/{a}": [f"/desk/items/review-capability/{{s}}/{a}"] for a in DESK_ACTIONS},
}
# POST that stores nothing and shows texts of others beside what was typed, asked by each reader.
TRYING: dict[str, list[str]] = {
    "/needs/rehearsal": ["/needs/rehearsal"],
    "/needs/fill": ["/needs/fill"],
}
# POST that no text can come out of, with the reason.
WITHOUT_TEXTS: dict[str, str] = {
    "/desk/assignment": "it introduces what a broker has ticked, see test_assignment.py",
    "/admin/mails/retry": "of administrators alone, and it leads to the list of mails, which knows no text",
    "/admin/mails/{mail_id}/retry": "likewise",
    "/admin/users/{user_id}/{action}": "of administrators alone: it suspends or reactivates an account",
    "/sign-in": "it knows no text",
    "/organisations": "it registers an organisation",
    "/organisations/join": "it asks for membership, and answers the same whoever asks",
    "/organisations/requests/{request_id}/{answer}": "it answers a request for membership",
    "/organisations/{organisation_id}/edit": "it changes what is registered",
    "/organisations/{organisation_id}/verify": "it decides about an organisation",
    "/organisations/{organisation_id}/refuse": "it decides about an organisation",
    "/organisations/{organisation_id}/merge": "of who decides over both; see test_organisation_merge.py",
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
    "/transfers": "it keeps a file for those who sent it; see test_imports.py",
    "/transfers/{import_id}/{action}": "it acts on what the reader's own organisation has sent",
    "/account/tokens": "it knows no text",
    "/account/tokens/{token_id}/{action}": "it knows no text",
    "/results/report": "of brokers and administrators: it keeps their words beside figures; see test_results.py",
    "/sign-out": "it ends the session and leads home",
    "/notifications/read": "it marks the reader's own notifications and leads to their list",
    "/notifications/{notification_id}/read": "likewise",
    "/notifications/preferences": "it keeps which kinds of event come as mails",
    "/sign-in/code": "it knows no text",
    "/register": "it knows no text",
    "/confirm": "it knows no text",
    "/confirm/again": "it knows no text",
    "/password/forgot": "it knows no text",
    "/password/reset": "it knows no text",
    "/account": "one's own name alone",
    "/account/password": "one's own password alone",
    "/account/email": "one's own address alone",
    "/account/email/confirm": "one's own address alone",
    "/account/sessions/end-others": "one's own sessions alone",
    "/account/sessions/{session_id}/end": "one's own sessions alone",
    "/account/second-factor": "one's own second factor alone",
    "/account/second-factor/set-up": "one's own second factor alone",
    "/account/second-factor/codes": "one's own second factor alone",
    "/account/second-factor/codes/noted": "one's own second factor alone",
    "/account/second-factor/off": "one's own second factor alone",
    "/account/delete": "it ends one's own account and leads home",
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
    pages = (FOR_READERS, FOR_TEXTS, FOR_CALLS, FOR_OWN, FOR_AUTHORS, FOR_PAIRS)
    return _each(*pages, more_ways.FOR_FILES) | OF_CASES | OF_LEDGERS | more_ways.IN_CASES


def writing() -> set[str]:
    """The routes that answer anything else."""
    known = set(WITHOUT_TEXTS) | WRITING_CASES | WRITING_LEDGERS | more_ways.WRITING_IN_CASES
    return _each(WRITING, TRYING, more_ways.WRITING_FILES) | known
