"""Files by the JSON API: the same checks, the same policy and the same trail as by the pages."""

from typing import Any

import pytest
from httpx2 import Response
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.api.scopes import Scope
from backend.attachments.models import Attachment
from backend.config import Settings
from backend.db import Database, new_id
from backend.disclosure.models import Audience, Release, SubjectKind, Tier
from backend.needs import service as needs
from backend.organisations.models import MemberRole
from tests import files
from tests.factories import Factory, Party
from tests.web.test_api import CallAs, Caller, call_as, check_problem, events

__all__ = ["call_as"]
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
NAME = "某某医院方案.docx"


def send(call: Caller, url: str, name: str = NAME, content: bytes | None = None, **fields: str) -> Response:
    """Upload a file the way a program does."""
    upload = {"file": (name, files.word() if content is None else content)}
    return call.client.post(f"/api/v1{url}", data=fields, files=upload, headers=call.headers)


def rows(database: Database) -> list[Attachment]:
    """The files that are there."""
    with database.session() as session:
        return list(session.exec(select(Attachment).where(col(Attachment.removed_at).is_(None))).all())


def release(database: Database, kind: SubjectKind, subject_id: str, party: Party) -> None:
    """Open brief and annex to an organisation."""
    with database.session(write=True) as session:
        for tier in (Tier.BRIEF, Tier.ANNEX):
            organisation_id = party.organisation.id
            session.add(
                Release(subject_kind=kind, subject_id=subject_id, tier=tier, organisation_id=organisation_id, version=1)
            )


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_a_file_is_added_listed_read_and_removed(
    kind: SubjectKind, make: Factory, call_as: CallAs, database: Database
) -> None:
    author = make.hospital()
    made = make.need(author) if kind is SubjectKind.NEED else make.capability(author)
    url = f"/{'needs' if kind is SubjectKind.NEED else 'capabilities'}/{made.id}/attachments"
    call, id_ = call_as(author), new_id()
    answer = send(call, url, id=id_)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1{url}/{id_}"
    found = answer.json()
    assert (found["id"], found["name"], found["media_type"], found["stripped"]) == (id_, NAME, WORD, True)
    # The same request once more makes nothing more.
    again = send(call, url, id=id_)
    assert (again.status_code, again.json()) == (200, found)
    assert call.get(url) == {"items": [found], "can_change": True}
    content = call("GET", f"{url}/{id_}")
    assert content.headers["content-type"] == WORD and int(content.headers["content-length"]) == found["size"]
    assert content.headers["content-disposition"].startswith("attachment;")
    assert content.headers["cache-control"] == "no-store" and "sandbox" in content.headers["content-security-policy"]
    assert len(content.content) == found["size"] and not files.holds_canary(content.content)
    assert call("DELETE", f"{url}/{id_}").status_code == 204
    assert call.get(url)["items"] == [] and call("GET", f"{url}/{id_}").status_code == 404
    who = author.user.id
    assert events(database, "attachment:") == [
        ("attachment:add", who),
        ("attachment:open", who),
        ("attachment:remove", who),
    ]


def test_metadata_stays_only_where_it_is_asked_for_and_nobody_is_hidden(
    make: Factory, call_as: CallAs, database: Database
) -> None:
    author = make.hospital()
    call = call_as(author)
    named, hidden = (make.need(author, anonymous=anonymous) for anonymous in (False, True))
    kept = send(call, f"/needs/{named.id}/attachments", strip="false").json()
    assert kept["stripped"] is False
    assert files.holds_canary(call("GET", f"/needs/{named.id}/attachments/{kept['id']}").content)
    assert send(call, f"/needs/{hidden.id}/attachments", strip="false").json()["stripped"] is True
    # A need that becomes anonymous later gives nothing away by a program either.
    with database.session(write=True) as session:
        need = needs.find(session, named.id)
        assert need is not None
        need.anonymous = True
    partner = make.party()
    release(database, SubjectKind.NEED, named.id, partner)
    reader = call_as(partner, [Scope.READ])
    [seen] = reader.get(f"/needs/{named.id}/attachments")["items"]
    assert seen["name"] == "附件1.docx"
    content = reader("GET", f"/needs/{named.id}/attachments/{seen['id']}")
    assert content.status_code == 200 and not files.holds_canary(content.content)
    assert [event for event, who in events(database, "attachment:") if who == partner.user.id] == [
        "attachment:strip",
        "attachment:open",
    ]


def test_scopes_and_policy_are_those_of_the_text(make: Factory, call_as: CallAs, database: Database) -> None:
    author = make.hospital()
    need = make.need(author, audience=Audience.PUBLIC)
    url = f"/needs/{need.id}/attachments"
    made = send(call_as(author), url).json()
    for scopes in ([Scope.READ], [Scope.READ, Scope.WRITE_CAPABILITIES]):
        reader = call_as(author, scopes)
        check_problem(send(reader, url), 403, "missing-scope")
        check_problem(reader("DELETE", f"{url}/{made['id']}"), 403, "missing-scope")
        assert reader.get(url)["can_change"] is False
        assert reader("GET", f"{url}/{made['id']}").status_code == 200
    check_problem(call_as(author, [Scope.WRITE_NEEDS])("GET", url), 403, "missing-scope")
    viewer = call_as(make.join(author, MemberRole.VIEWER))
    check_problem(send(viewer, url), 403, "forbidden")
    stranger = call_as(make.party())
    for answer in (stranger("GET", url), stranger("GET", f"{url}/{made['id']}"), send(stranger, url)):
        check_problem(answer, 404, "not-found")
    check_problem(stranger("DELETE", f"{url}/{made['id']}"), 404, "not-found")
    # A file is not reached through another subject.
    own = make.need(author)
    check_problem(call_as(author)("GET", f"/needs/{own.id}/attachments/{made['id']}"), 404, "not-found")
    assert [row.id for row in rows(database)] == [made["id"]]


def test_what_is_wrong_is_a_problem_and_keeps_nothing(
    make: Factory, call_as: CallAs, database: Database, settings: Settings
) -> None:
    author = make.hospital()
    url = f"/needs/{make.need(author).id}/attachments"
    call = call_as(author)
    refused = check_problem(send(call, url, "图.png", b"GIF89a"), 422, "file-refused")
    assert "不符" in refused["detail_zh"] and files.CANARY not in str(refused)
    check_problem(send(call, url, "程序.exe", b"MZ"), 422, "file-refused")
    check_problem(send(call, url, "空.txt", b""), 422, "file-refused")
    large = send(call, url, "大.txt", b"x" * (settings.max_upload_bytes + 1))
    assert "20 MB" in check_problem(large, 422, "file-refused")["detail_zh"]
    check_problem(send(call, url, "更大.txt", b"x" * (2 * settings.max_upload_bytes + 1)), 413, "body-too-large")

    def pointers(answer: Response) -> list[str]:
        return [error["pointer"] for error in check_problem(answer, 422, "incomplete")["errors"]]

    wrong: dict[str, Any] = {"strip": "perhaps", "id": "X" * 16, "extra": "1"}
    assert pointers(send(call, url, "好.txt", b"x", **wrong)) == ["#/extra", "#/strip", "#/id"]
    assert pointers(call("POST", url)) == ["#/file"]
    no_file = call.client.post(f"/api/v1{url}", data={"file": "text"}, headers=call.headers)
    assert pointers(no_file) == ["#/file"]
    broken = {**call.headers, "Content-Type": "multipart/form-data; boundary=x"}
    check_problem(call.client.post(f"/api/v1{url}", content=b"not multipart", headers=broken), 400, "bad-request")
    assert rows(database) == []


def test_policy_is_asked_before_the_file_is_received(client: TestClient, make: Factory, call_as: CallAs) -> None:
    """A body that cannot be read is not even looked at."""
    url = f"/needs/{make.need(make.hospital()).id}/attachments"
    stranger = call_as(make.party())
    for call, status, code in (
        (Caller(client, None), 401, "token-refused"),
        (Caller(client, "yq_invented"), 401, "token-refused"),
        (stranger, 404, "not-found"),
    ):
        check_problem(send(call, url), status, code)
        broken = {**call.headers, "Content-Type": "multipart/form-data; boundary=x"}
        check_problem(client.post(f"/api/v1{url}", content=b"not multipart", headers=broken), status, code)
