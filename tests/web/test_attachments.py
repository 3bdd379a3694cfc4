"""The files of needs and capabilities on their pages: who sees, opens and changes them, and what is refused."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from httpx2 import Response
from PIL import Image
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.apart import runner
from backend.attachments import checks
from backend.attachments.models import Attachment
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database, new_id
from backend.disclosure.models import Audience, Release, SubjectKind, Tier
from backend.needs import service as needs
from backend.organisations.models import MemberRole
from tests import files
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.web.pages import read

NAME = "某某医院方案.docx"


@dataclass(frozen=True)
class Subject:
    """A published need with one file."""

    author: Party
    id: str

    @property
    def url(self) -> str:
        """The address of its files."""
        return f"/attachments/need/{self.id}"


def send(
    client: TestClient,
    url: str,
    name: str = NAME,
    content: bytes | None = None,
    headers: dict[str, str] | None = None,
    **fields: str,
) -> Response:
    """Upload a file the way a browser does."""
    page = client.get(url)
    known = read(page.text).fields if page.status_code == 200 else {}
    id_ = str(known.get("attachment_id") or new_id())
    data = {"attachment_id": id_, "strip": "y", **fields}
    sent = {k: v for k, v in data.items() if v}
    upload = {"file": (name, files.word() if content is None else content)}
    return client.post(url, data=sent, files=upload, headers=headers)


def rows(database: Database) -> list[Attachment]:
    """All attachments."""
    with database.session() as session:
        return list(session.exec(select(Attachment).order_by(col(Attachment.created_at))).all())


def trail(database: Database) -> list[tuple[str, str | None, str]]:
    """(event, actor, attachment) of the audit trail."""
    with database.session() as session:
        query = select(AuditEvent).where(col(AuditEvent.event).startswith("attachment:")).order_by(col(AuditEvent.id))
        found = session.exec(query).all()
    assert all(row.detail["version"] == 1 and len(row.detail["digest"]) == 16 for row in found)
    return [(row.event, row.actor_id, row.detail["attachment"]) for row in found]


def release(database: Database, subject: Subject, party: Party) -> None:
    """Open brief and annex to an organisation."""
    with database.session(write=True) as session:
        for tier in (Tier.BRIEF, Tier.ANNEX):
            session.add(
                Release(
                    subject_kind=SubjectKind.NEED,
                    subject_id=subject.id,
                    tier=tier,
                    organisation_id=party.organisation.id,
                    version=1,
                )
            )


@pytest.fixture
def subject(make: Factory, sign_in: SignIn) -> Subject:
    """A named need with one file."""
    return with_file(make, sign_in)


def with_file(make: Factory, sign_in: SignIn, *, anonymous: bool = False) -> Subject:
    """A need with one file, uploaded through the page."""
    hospital = make.hospital()
    made = Subject(hospital, make.need(hospital, audience=Audience.PUBLIC, anonymous=anonymous).id)
    assert send(sign_in(hospital), made.url).status_code == 303
    return made


def test_an_author_adds_opens_and_removes_a_file(subject: Subject, sign_in: SignIn, database: Database) -> None:
    client = sign_in(subject.author)
    detail = client.get(f"/needs/{subject.id}").text
    assert subject.url in read(detail).links
    page = read(client.get(subject.url).text)
    assert NAME in page["attachments"].text
    [row] = rows(database)
    answer = client.get(f"{subject.url}/{row.id}")
    assert answer.status_code == 200
    assert len(answer.content) == row.size == int(answer.headers["content-length"])
    assert files.BODY.encode() in files.unpacked(answer.content)
    removed = client.post(f"{subject.url}/{row.id}/remove")
    assert (removed.status_code, removed.headers["location"]) == (303, f"/needs/{subject.id}")
    assert client.get(f"{subject.url}/{row.id}").status_code == 404
    assert NAME not in client.get(subject.url).text
    actor = subject.author.user.id
    assert trail(database) == [
        ("attachment:add", actor, row.id),
        ("attachment:open", actor, row.id),
        ("attachment:remove", actor, row.id),
    ]


def test_a_download_is_saved_and_never_run(subject: Subject, sign_in: SignIn, database: Database) -> None:
    client = sign_in(subject.author)
    [row] = rows(database)
    headers = client.get(f"{subject.url}/{row.id}").headers
    assert headers["content-disposition"].startswith("attachment; filename=")
    assert headers["content-disposition"].endswith(
        "filename*=UTF-8''%E6%9F%90%E6%9F%90%E5%8C%BB%E9%99%A2%E6%96%B9%E6%A1%88.docx"
    )
    assert "sandbox" in headers["content-security-policy"]
    assert "script" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    assert headers["x-frame-options"] == "DENY"
    assert client.get(f"{subject.url}/{row.id}/view").status_code == 404
    send(client, subject.url, "图.jpg", files.jpeg())
    image = next(row for row in rows(database) if row.name == "图.jpg")
    shown = client.get(f"{subject.url}/{image.id}/view")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.headers["content-disposition"] == "inline"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert Image.open(io.BytesIO(shown.content)).size == (30, 40)


def test_who_sees_and_opens_the_files_of_a_need(
    subject: Subject, make: Factory, sign_in: SignIn, client: TestClient, database: Database
) -> None:
    """Own organisation, released annex, broker with the jurisdiction; nobody else learns that there are any."""
    partner, partial = make.party(), make.party()
    release(database, subject, partner)
    with database.session(write=True) as session:
        session.add(
            Release(
                subject_kind=SubjectKind.NEED,
                subject_id=subject.id,
                tier=Tier.BRIEF,
                organisation_id=partial.organisation.id,
                version=1,
            )
        )
    colleague = make.join(subject.author, MemberRole.VIEWER)
    may = {"author": subject.author, "colleague": colleague, "partner": partner, "broker": make.broker()}
    may_not = {
        "brief alone": partial,
        "member": make.party(),
        "broker elsewhere": make.broker(JIADING),
        "unverified": make.party(verified=False),
    }
    [row] = rows(database)
    for who, party in may.items():
        reader = sign_in(party)
        listed = reader.get(subject.url)
        assert (listed.status_code, NAME in listed.text) == (200, True), who
        assert ('type="file"' in listed.text) is (who == "author"), who
        assert subject.url in read(reader.get(f"/needs/{subject.id}").text).links, who
        assert reader.get(f"{subject.url}/{row.id}").status_code == 200, who
    strangers = [(who, sign_in(party)) for who, party in may_not.items()] + [("visitor", client)]
    for who, reader in strangers:
        assert subject.url not in read(reader.get(f"/needs/{subject.id}").text).links, who
        for url in (subject.url, f"{subject.url}/{row.id}", f"{subject.url}/{row.id}/view"):
            assert reader.get(url).status_code == 404, who
    opened = [actor for event, actor, _id in trail(database) if event == "attachment:open"]
    assert opened == [party.user.id for party in may.values()]
    for who, party in {**may, **may_not}.items():
        if who == "author":
            continue
        expected = 403 if who == "colleague" else 404
        assert send(sign_in(party), subject.url).status_code == expected, who
        assert sign_in(party).post(f"{subject.url}/{row.id}/remove").status_code == expected, who
    assert send(client, subject.url).headers["location"].startswith("/sign-in")
    assert len(rows(database)) == 1


def test_a_release_that_is_revoked_closes_the_files(
    subject: Subject, make: Factory, sign_in: SignIn, database: Database
) -> None:
    partner = make.party()
    release(database, subject, partner)
    assert sign_in(partner).get(subject.url).status_code == 200
    with database.session(write=True) as session:
        for row in session.exec(select(Release)).all():
            session.delete(row)
    assert sign_in(partner).get(subject.url).status_code == 404


def test_a_withdrawn_need_shows_its_files_to_its_author_alone(
    subject: Subject, make: Factory, sign_in: SignIn, database: Database
) -> None:
    partner = make.party()
    release(database, subject, partner)
    author = sign_in(subject.author)
    for action in ("withdraw", "discard"):
        assert author.post(f"/needs/{subject.id}/{action}").status_code == 303
    [row] = rows(database)
    assert author.get(f"{subject.url}/{row.id}").status_code == 200
    assert send(author, subject.url).status_code == 409
    for reader in (sign_in(partner), sign_in(make.broker())):
        assert reader.get(f"{subject.url}/{row.id}").status_code == 404


def test_files_of_one_subject_are_not_reached_through_another(
    subject: Subject, make: Factory, sign_in: SignIn, database: Database
) -> None:
    stranger = make.hospital()
    own = make.need(stranger)
    [row] = rows(database)
    client = sign_in(stranger)
    assert client.get(f"/attachments/need/{own.id}/{row.id}").status_code == 404
    assert client.post(f"/attachments/need/{own.id}/{row.id}/remove").status_code == 404
    assert client.get(f"/attachments/capability/{subject.id}").status_code == 404
    assert client.get(f"/attachments/user/{subject.id}").status_code == 404


def test_a_capability_has_files_too(make: Factory, sign_in: SignIn) -> None:
    company = make.party()
    capability = make.capability(company)
    client = sign_in(company)
    url = f"/attachments/capability/{capability.id}"
    assert url in read(client.get(f"/capabilities/{capability.id}").text).links
    assert send(client, url, "说明.txt", b"text").headers["location"] == f"/capabilities/{capability.id}"
    assert "说明.txt" in client.get(url).text


class TestAnonymous:
    """Nothing of a file tells others who stands behind an anonymous need."""

    def test_others_see_neither_name_nor_metadata(self, make: Factory, sign_in: SignIn, database: Database) -> None:
        subject = with_file(make, sign_in, anonymous=True)
        # The box was taken off the form, or its tick: it is stripped all the same.
        assert send(sign_in(subject.author), subject.url, "王某.pdf", files.pdf(), strip="").status_code == 303
        partner = make.party()
        release(database, subject, partner)
        client = sign_in(partner)
        page = client.get(subject.url).text
        assert "附件1.docx" in page and "附件2.pdf" in page
        assert NAME not in page and "王某" not in page
        for row, name in zip(rows(database), ("docx", "pdf"), strict=True):
            answer = client.get(f"{subject.url}/{row.id}")
            assert answer.headers["content-disposition"].endswith(
                f"%E9%99%84%E4%BB%B6{1 if name == 'docx' else 2}.{name}"
            )
            assert not files.holds_canary(answer.content)
        for knowing in (sign_in(subject.author), sign_in(make.broker())):
            assert NAME in knowing.get(subject.url).text

    @pytest.fixture
    def turned(self, make: Factory, sign_in: SignIn, database: Database) -> tuple[Subject, Party]:
        """A need that became anonymous after its file was taken as it was, and a partner to whom it is released."""
        hospital, partner = make.hospital(), make.party()
        subject = Subject(hospital, make.need(hospital).id)
        author = sign_in(hospital)
        assert send(author, subject.url, strip="").status_code == 303
        assert "保留了原有元数据" in author.get(subject.url).text
        [before] = rows(database)
        assert files.holds_canary(author.get(f"{subject.url}/{before.id}").content)
        with database.session(write=True) as session:
            need = needs.find(session, subject.id)
            assert need is not None
            need.anonymous = True
        release(database, subject, partner)
        return subject, partner

    def test_others_can_save_while_a_file_is_stripped(
        self,
        turned: tuple[Subject, Party],
        make: Factory,
        sign_in: SignIn,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        subject, partner = turned
        [before] = rows(database)
        url, real, saved = f"{subject.url}/{before.id}", checks.accept, []

        def slowly(*args: Any, **named: Any) -> checks.Content:
            began = monotonic()
            saved.append((make.need(make.hospital()).id, monotonic() - began))
            return real(*args, **named)

        monkeypatch.setattr(checks, "accept", slowly)
        answer = sign_in(partner).get(url)
        assert answer.status_code == 200 and not files.holds_canary(answer.content)
        # A writer that had to wait would have waited for ten seconds, and failed.
        assert len(saved) == 1 and saved[0][1] < 5

    def test_of_two_who_strip_a_file_at_once_one_keeps_what_the_other_has_made(
        self,
        turned: tuple[Subject, Party],
        sign_in: SignIn,
        database: Database,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        subject, partner = turned
        [before] = rows(database)
        url, real = f"{subject.url}/{before.id}", checks.accept
        second: list[int] = []

        def overtaken(*args: Any, **named: Any) -> checks.Content:
            monkeypatch.setattr(checks, "accept", real)
            second.append(sign_in(partner).get(url).status_code)
            return real(*args, **named)

        monkeypatch.setattr(checks, "accept", overtaken)
        answer = sign_in(partner).get(url)
        assert (answer.status_code, second) == (200, [200]) and not files.holds_canary(answer.content)
        [after] = rows(database)
        assert [event for event, _who, _id in trail(database)].count("attachment:strip") == 1
        kept = {path.name for path in (settings.data_dir / "attachments").rglob("*") if path.is_file()}
        assert kept == {before.stored_name, after.stored_name}

    def test_a_file_that_changes_while_it_is_stripped_is_not_opened(
        self,
        turned: tuple[Subject, Party],
        sign_in: SignIn,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        subject, partner = turned
        [before] = rows(database)
        url, real = f"{subject.url}/{before.id}", checks.accept

        def meanwhile(*args: Any, **named: Any) -> checks.Content:
            with database.session(write=True) as session:
                row = session.get(Attachment, before.id)
                assert row is not None
                row.stored_name = "0" * 32
            return real(*args, **named)

        monkeypatch.setattr(checks, "accept", meanwhile)
        assert sign_in(partner).get(url).status_code == 409
        assert not rows(database)[0].stripped

    def test_a_need_that_becomes_anonymous_gives_its_old_files_out_stripped(
        self, turned: tuple[Subject, Party], sign_in: SignIn, database: Database
    ) -> None:
        subject, partner = turned
        author = sign_in(subject.author)
        [before] = rows(database)
        answer = sign_in(partner).get(f"{subject.url}/{before.id}")
        assert answer.status_code == 200
        assert not files.holds_canary(answer.content)
        [after] = rows(database)
        assert after.stripped and after.stored_name != before.stored_name
        assert len(answer.content) == after.size
        assert [event for event, _who, _id in trail(database)][-2:] == ["attachment:strip", "attachment:open"]
        assert not files.holds_canary(author.get(f"{subject.url}/{before.id}").content)


class TestRefusals:
    """Each comes back as the form, with the reason beside the file."""

    @pytest.fixture
    def refused(self, make: Factory, sign_in: SignIn) -> Callable[..., str]:
        """Sends a file that is refused; gives the message beside the field."""
        hospital = make.hospital()
        url = f"/attachments/need/{make.need(hospital).id}"
        client = sign_in(hospital)

        def attempt(name: str, content: bytes, **fields: str) -> str:
            answer = send(client, url, name, content, None, **fields)
            assert answer.status_code == 422
            page = read(answer.text)
            assert "error-summary" in page
            assert bool(fields.get("strip", "y")) is ("checked" in page["strip"].attributes)
            return page.error("file")

        return attempt

    def test_what_is_wrong_stands_beside_the_field(self, refused: Callable[..., str], database: Database) -> None:
        assert "空" in refused("空.txt", b"")
        assert "不支持" in refused("x.exe", b"MZ")
        assert "不支持" in refused("方案.pdf.html", b"<script>alert(1)</script>")
        assert "不符" in refused("图.png", b"GIF89a=1;alert(1)//", strip="")
        assert "不符" in refused("方案\u202efdp.docx", b"%PDF-1.7")
        assert "UTF-8" in refused("表.csv", "需求".encode("gb18030"))
        assert rows(database) == []

    def test_a_file_of_more_than_20_mb(self, refused: Callable[..., str], sign_in: SignIn, make: Factory) -> None:
        assert "20 MB" in refused("大.txt", b"x" * 20_000_001)
        assert "20 MB" in refused("大.txt", b"x" * 30_000_000)
        hospital = make.hospital()
        url = f"/attachments/need/{make.need(hospital).id}"
        client = sign_in(hospital)
        assert send(client, url, "大.txt", b"x" * 41_000_000).status_code == 413
        assert send(client, url, "刚好.txt", b"x" * 20_000_000).status_code == 303

    def test_no_file_chosen(self, make: Factory, sign_in: SignIn) -> None:
        hospital = make.hospital()
        url = f"/attachments/need/{make.need(hospital).id}"
        client = sign_in(hospital)
        for sent in ({"file": ("", b"")}, {"other": ("x.txt", b"x")}):
            answer = client.post(url, data={"attachment_id": new_id()}, files=sent)
            assert read(answer.text).error("file") == "请选择要上传的文件。"
            assert answer.status_code == 422
        assert client.post(url, data={"attachment_id": new_id(), "file": "text"}).status_code == 422
        assert (
            client.post(url, content=b"\x00broken", headers={"content-type": "multipart/form-data"}).status_code == 400
        )
        assert client.post(url, data={"attachment_id": "../x"}, files={"file": ("a.txt", b"x")}).status_code == 422

    def test_a_name_is_made_harmless(self, make: Factory, sign_in: SignIn, database: Database) -> None:
        hospital = make.hospital()
        url = f"/attachments/need/{make.need(hospital).id}"
        for name in ("../../etc/passwd.txt", "C:\\x\\说明😀.txt", "a\u202etxt.exe.txt"):
            assert send(sign_in(hospital), url, name, b"x").status_code == 303
        assert [row.name for row in rows(database)] == ["passwd.txt", "说明😀.txt", "atxt.exe.txt"]

    def test_ten_files_and_no_more(
        self, make: Factory, sign_in: SignIn, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hospital = make.hospital()
        url = f"/attachments/need/{make.need(hospital).id}"
        client = sign_in(hospital)
        for number in range(10):
            assert send(client, url, f"{number}.txt", b"x").status_code == 303
        answer = send(client, url, "more.txt", b"x")
        assert answer.status_code == 422
        assert "最多 10 个" in answer.text
        assert 'type="file"' not in client.get(url).text
        other = f"/attachments/need/{make.need(hospital).id}"
        monkeypatch.setattr("backend.attachments.service.MAX_TOTAL_BYTES", 100)
        assert send(client, other, "a.txt", b"x" * 60).status_code == 303
        assert "总大小" in read(send(client, other, "b.txt", b"x" * 60).text).error("file")
        assert len(rows(database)) == 11

    def test_a_storage_without_room(
        self, make: Factory, sign_in: SignIn, settings: Settings, database: Database
    ) -> None:
        """A file stands where the folder should be: nothing can be written."""
        hospital = make.hospital()
        url = f"/attachments/need/{make.need(hospital).id}"
        (settings.data_dir / "attachments").write_text("in the way")
        answer = send(sign_in(hospital), url, "说明.txt", b"x")
        assert answer.status_code == 503
        assert "附件没有上传" in read(answer.text).error("file")
        assert rows(database) == []
        fragment = send(sign_in(hospital), url, "说明.txt", b"x", headers={"hx-request": "true"})
        assert (fragment.status_code, fragment.headers["hx-retarget"]) == (503, "#flash")
        assert "附件没有上传" in fragment.text and 'type="file"' not in fragment.text

    def test_a_file_that_waits_too_long_for_its_check(
        self, make: Factory, sign_in: SignIn, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hospital = make.hospital()
        url = f"/attachments/need/{make.need(hospital).id}"
        monkeypatch.setattr(runner, "PATIENCE", 0.01)
        for _ in range(runner.AT_ONCE):
            assert runner._turns.acquire()
        try:
            answer = send(sign_in(hospital), url, "说明.pdf", files.pdf())
        finally:
            runner._turns.release(runner.AT_ONCE)
        assert answer.status_code == 503
        assert "稍后" in read(answer.text).error("file")
        assert rows(database) == []
        assert send(sign_in(hospital), url, "说明.pdf", files.pdf()).status_code == 303

    def test_a_write_of_another_site(self, subject: Subject, sign_in: SignIn, database: Database) -> None:
        client = sign_in(subject.author)
        [row] = rows(database)
        headers = {"sec-fetch-site": "cross-site"}
        assert client.post(f"{subject.url}/{row.id}/remove", headers=headers).status_code == 403
        assert client.post(subject.url, files={"file": ("a.txt", b"x")}, headers=headers).status_code == 403
        assert len(rows(database)) == 1


def test_the_larger_limit_is_for_files_alone(subject: Subject, sign_in: SignIn) -> None:
    client = sign_in(subject.author)
    assert client.post("/needs", content=b"x" * 3_000_000).status_code == 413
    assert client.post(f"{subject.url}/x/remove", content=b"x" * 3_000_000).status_code == 413


def test_htmx_gets_the_part_and_is_sent_back_to_the_subject(subject: Subject, sign_in: SignIn) -> None:
    client = sign_in(subject.author)
    client.headers["hx-request"] = "true"
    part = client.get(subject.url)
    assert "<html" not in part.text and read(part.text)["attachments"]
    refused = client.post(subject.url, data={"attachment_id": new_id()}, files={"file": ("a.exe", b"x")})
    assert (refused.status_code, "<html" in refused.text) == (422, False)
    assert read(refused.text).error("file")
    done = client.post(subject.url, data={"attachment_id": new_id()}, files={"file": ("a.txt", b"x")})
    assert (done.status_code, done.headers["hx-redirect"]) == (204, f"/needs/{subject.id}")


def test_what_is_removed_leaves_the_disk_by_itself(
    app: FastAPI, subject: Subject, sign_in: SignIn, settings: Settings, database: Database
) -> None:
    """The thread beside the requests deletes the content."""
    import time

    [row] = rows(database)
    folder = settings.data_dir / "attachments"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [row.stored_name]
    assert re.fullmatch(r"[0-9a-f]{32}", row.stored_name)
    sign_in(subject.author).post(f"{subject.url}/{row.id}/remove")
    until = time.monotonic() + 10
    while rows(database) and time.monotonic() < until:
        time.sleep(0.02)
    assert rows(database) == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_nothing_of_a_file_stands_in_the_log(
    make: Factory, sign_in: SignIn, caplog: pytest.LogCaptureFixture, database: Database
) -> None:
    """Neither its name, nor its content, nor what its readers say of it, at any level."""
    hospital = make.hospital()
    url = f"/attachments/need/{make.need(hospital).id}"
    client = sign_in(hospital)
    broken = files.pdf().replace(b"endobj", b"endobx", 2)
    with caplog.at_level("DEBUG"):
        for name, content in (("方案.jpg", files.jpeg()), ("方案.pdf", files.pdf()), ("方案.docx", files.word())):
            assert send(client, url, name, content).status_code == 303
        send(client, url, "方案.pdf", broken)
        send(client, url, "方案.png", files.jpeg())
        for row in rows(database):
            client.get(f"{url}/{row.id}")
    assert caplog.records
    logged = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    for secret in (files.CANARY, files.CANARY.encode().decode("latin-1"), files.BODY, "方案", quote("方案")):
        assert secret not in logged
