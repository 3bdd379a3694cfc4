"""Pages of conversations, by the browser of each side; the live line over a real server."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from backend.accounts import sessions
from backend.attachments import sweep
from backend.attachments.storage import make_storage
from backend.config import Settings
from backend.conversations import service
from backend.conversations.live import Live
from backend.db import Database, new_id
from backend.introductions import brokers
from backend.introductions import service as introductions
from backend.introductions.brokers import LegShare
from backend.introductions.models import Leg
from backend.introductions.states import DeclineReason
from backend.jobs import HELD
from backend.ledger import service as ledger
from backend.ledger.states import StepKind
from backend.organisations.models import MemberRole
from tests import files
from tests.case_steps import Table
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.ports import free_port
from tests.web.pages import read

PATIENCE = 30.0


@pytest.fixture
def table(make: Factory, database: Database) -> Table:
    return Table(make, database)


def url_of(table: Table) -> str:
    return f"/introductions/{table.case.id}/conversation"


def send(client: TestClient, table: Table, text: str, audience: str = "all") -> str:
    """Send a message through the form; returns its key."""
    key = read(client.get(url_of(table)).text).fields["key"]
    answer = client.post(url_of(table), data={"key": key, "audience": audience, "text": text})
    assert answer.status_code == 303, answer.text
    return str(key)


def test_two_sides_talk(table: Table, sign_in: SignIn) -> None:
    doctor, engineer = sign_in(table.hospital), sign_in(table.company)
    send(doctor, table, "弯度能到 90 度吗？<b>")
    shown = engineer.get(url_of(table)).text
    assert "弯度能到 90 度吗？&lt;b&gt;" in shown and "is-unread" in shown
    assert "is-unread" not in engineer.get(url_of(table)).text
    assert "已读到这里" in doctor.get(url_of(table)).text
    assert "接受引荐" in shown
    listed = engineer.get("/conversations").text
    assert table.need.title in listed
    assert "弯度能到" in engineer.get("/conversations?q=９０").text
    assert "没有含“一百”的消息" in engineer.get(f"{url_of(table)}?q=一百").text


def in_header(client: TestClient, path: str = "/search") -> str:
    """The text of the link to conversations in the header, with its number."""
    entries = read(client.get(path).text).all("a", "nav-item")
    return next(e.text for e in entries if e.attributes["href"] == "/conversations")


def test_unread_messages_are_counted_in_the_header_and_in_the_list_of_cases(
    table: Table, make: Factory, sign_in: SignIn
) -> None:
    doctor, engineer, broker = (sign_in(p) for p in (table.hospital, table.company, table.broker))
    for text in ("弯度能到 90 度吗？", "样机何时能送？"):
        send(doctor, table, text)
    for reader in (engineer, broker):
        assert "2条未读消息" in in_header(reader)
        page = read(reader.get("/introductions?tab=open").text)
        assert "2 条未读消息" in page["main"].text and url_of(table) in page.links
    assert "未读" not in in_header(doctor) + read(doctor.get("/introductions?tab=open").text)["main"].text
    assert "未读" not in in_header(engineer, url_of(table)), "what this page shows has been read"
    assert "未读" not in in_header(engineer)
    assert "2条未读消息" in in_header(broker)
    # Another broker of the region reads the conversation and is not asked to; a stranger learns nothing.
    colleague = sign_in(make.join(table.broker, MemberRole.EDITOR))
    assert "弯度能到" in colleague.get(url_of(table)).text
    send(doctor, table, "另有一问。")
    assert "未读" not in in_header(colleague) + in_header(sign_in(make.party()))


def test_a_fragment_is_a_part_of_the_page_of_the_case(table: Table, sign_in: SignIn) -> None:
    answer = sign_in(table.hospital).get(url_of(table), headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<div class="conversation"') and "<html" not in answer.text


def test_the_line_stands_whole_in_one_place(table: Table, sign_in: SignIn) -> None:
    """The page of the case has the last three lines, and leads to the rest; its part of the conversation has none."""
    doctor, broker = sign_in(table.hospital), sign_in(table.broker)
    send(doctor, table, "弯度能到 90 度吗？")
    lines = broker.get(url_of(table)).text.count('<li class="talk-step')
    assert lines == 3
    table.do(lambda s: introductions.act(s, table.broker.viewer, table.case.id, "meet", "见过一面。"))
    table.do(lambda s: introductions.act(s, table.broker.viewer, table.case.id, "agree", "共同试制样机。"))
    for client in (doctor, broker):
        whole = client.get(url_of(table)).text
        assert whole.count('<li class="talk-step') == 5 and "提出引荐" in whole and "值得一谈。" in whole
        case = read(client.get(url_of(table).rpartition("/")[0]).text)
        assert "更早的 2 条记录" in case.text and url_of(table) in case.links
        assert "见过一面。" in case.text and "提出引荐" not in case.text
        part = client.get(url_of(table), headers={"HX-Request": "true"}).text
        assert "弯度能到" in part and "talk-step" not in part and "/line?steps=no" in part
        assert "talk-step" not in client.get(f"{url_of(table)}/line?steps=no").text
        assert "talk-step" in client.get(f"{url_of(table)}/line").text


def test_steps_of_the_other_citys_leg_are_not_in_the_conversation(table: Table, make: Factory, sign_in: SignIn) -> None:
    there = make.reviewer(JIADING)
    legs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
    agency = there.organisation.id
    table.do(lambda s: brokers.share_case(s, table.broker.viewer, table.case.id, agency, *legs))
    shares = {table.broker.organisation.id: 60, agency: 40}
    table.do(lambda s: brokers.agree(s, there.viewer, table.case.id, shares))
    table.do(lambda s: introductions.act(s, table.broker.viewer, table.case.id, "agree", "共同试制样机。"))
    table.do(lambda s: ledger.move(s, there.viewer, table.case.id, StepKind.PILOT, "start", 0))
    assert "开始台账步骤：中试" in sign_in(there).get(url_of(table)).text
    assert "开始台账步骤：中试" in sign_in(table.company).get(url_of(table)).text
    assert "中试" not in sign_in(table.broker).get(url_of(table)).text


def test_what_is_wrong_comes_back_as_it_was_typed(table: Table, sign_in: SignIn) -> None:
    client = sign_in(table.company)
    fields = {"key": new_id(), "audience": "all", "mentioned": table.hospital.user.id}
    answer = client.post(url_of(table), data={**fields, "text": "长" * 4001})
    assert answer.status_code == 422 and "最多 4,000 个字" in answer.text and "长" * 4001 in answer.text
    assert f'value="{table.hospital.user.id}" checked' in answer.text
    empty = client.post(url_of(table), data={**fields, "text": " "})
    assert empty.status_code == 422 and "请填写内容，或选择附件" in empty.text
    assert client.post(url_of(table), data={"key": "x", "audience": "all", "text": "好"}).status_code == 422
    assert client.post(url_of(table), data={**fields, "audience": "everybody", "text": "好"}).status_code == 422
    assert table.reads_in(table.broker) == []


def test_files_are_checked_stripped_streamed_and_written_down(
    table: Table, sign_in: SignIn, settings: Settings, database: Database
) -> None:
    doctor, engineer = sign_in(table.hospital), sign_in(table.company)
    key = new_id()
    sent = [("files", ("图纸.pdf", files.pdf(), "x/y")), ("files", ("照片.jpg", files.jpeg(), "x/y"))]
    form = {"key": key, "audience": "all", "text": "请看"}
    assert doctor.post(url_of(table), data=form, files=sent).status_code == 303
    # The same form once more makes nothing new.
    assert doctor.post(url_of(table), data=form, files=sent).status_code == 303
    page = read(engineer.get(url_of(table)).text)
    links = [link for link in page.links if "/attachments/" in link]
    assert len(links) == 3 and "图纸.pdf" in page.text and "照片.jpg" in page.text
    for link in links:
        answer = engineer.get(link)
        assert answer.status_code == 200 and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert sign_in(table.make.party()).get(link).status_code == 404
    viewed = engineer.get(next(link for link in links if link.endswith("/view")))
    assert viewed.headers["Content-Type"] == "image/jpeg" and not files.holds_canary(viewed.content)
    # Contents of messages are nobody's orphans; those of deleted ones go.
    storage = make_storage(settings)
    assert len(list(storage.contents())) == 2
    sweep.sweep(database, storage, HELD)
    assert len(list(storage.contents())) == 2
    assert doctor.post(f"{url_of(table)}/messages/{key}/delete").status_code == 303
    assert "已删除" in engineer.get(url_of(table)).text and engineer.get(links[0]).status_code == 404
    sweep.delete_removed(database, storage)
    assert list(storage.contents()) == []


def test_a_refused_file_keeps_the_text_and_nothing_of_the_others(
    table: Table, sign_in: SignIn, settings: Settings
) -> None:
    client = sign_in(table.hospital)
    good, bad = ("files", ("好.pdf", files.pdf(), "x/y")), ("files", ("坏.exe", b"MZ", "x/y"))
    answer = client.post(
        url_of(table), data={"key": new_id(), "audience": "all", "text": "两个文件"}, files=[good, bad]
    )
    assert answer.status_code == 422 and "不支持这种文件" in answer.text and "两个文件" in answer.text
    assert list(make_storage(settings).contents()) == []
    many = client.post(url_of(table), data={"key": new_id(), "audience": "all", "text": "多"}, files=[good] * 6)
    assert 400 <= many.status_code < 500
    stranger = sign_in(table.make.party())
    assert stranger.post(url_of(table), data={"text": "我"}, files=[good]).status_code == 404
    assert list(make_storage(settings).contents()) == []


def test_a_message_is_changed_and_deleted_on_its_pages(table: Table, sign_in: SignIn) -> None:
    doctor, engineer = sign_in(table.hospital), sign_in(table.company)
    key = send(doctor, table, "周三")
    at = f"{url_of(table)}/messages/{key}"
    assert "周三" in doctor.get(f"{at}/edit").text
    assert doctor.post(f"{at}/edit", data={"text": ""}).status_code == 422
    assert doctor.post(f"{at}/edit", data={"text": "周四"}).status_code == 303
    shown = engineer.get(url_of(table)).text
    assert "周四" in shown and "已修改" in shown and "周三" not in shown
    for path in ("edit", "delete"):
        assert engineer.post(f"{at}/{path}", data={"text": "改"}).status_code == 403
    assert engineer.get(f"{at}/edit").status_code == 403
    assert doctor.get(f"{url_of(table)}/messages/{new_id()}/edit").status_code == 404


def test_notes_of_brokers_are_marked_and_stay_inside(table: Table, sign_in: SignIn) -> None:
    broker = sign_in(table.broker)
    send(broker, table, "对方犹豫。", audience="note")
    assert "仅本机构撮合员可见" in broker.get(url_of(table)).text
    for party in (table.hospital, table.company):
        client = sign_in(party)
        assert "对方犹豫" not in client.get(url_of(table)).text
        assert "对方犹豫" not in client.get("/conversations?q=犹豫").text
        answer = client.post(url_of(table), data={"key": new_id(), "audience": "note", "text": "内部"})
        assert answer.status_code == 403


def test_earlier_messages_are_a_link_away(table: Table, sign_in: SignIn) -> None:
    for number in range(55):
        table.say(table.hospital, f"第{number}条消息")
    client = sign_in(table.company)
    page = read(client.get(url_of(table)).text)
    assert "第54条消息" in page.text and "第4条消息" not in page.text
    (earlier,) = [link for link in page.links if "before=" in link]
    text = client.get(earlier).text
    assert "第4条消息" in text and "第0条消息" in text and "第5条消息" not in text


# The live line, over a real server ----------------------------------------------------------------------------------


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """A real server in a thread; returns its address."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://testserver:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def until(condition: object) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE
    assert callable(condition)
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class Stream:
    """An open stream, read by a plain socket as a browser would."""

    def __init__(self, url: str, path: str, token: str) -> None:
        port = int(url.rpartition(":")[2])
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        request = (
            f"GET {path} HTTP/1.1\r\nHost: testserver:{port}\r\nCookie: {sessions.COOKIE}={token}\r\n"
            "Accept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n"
        )
        self.socket.sendall(request.encode())
        self.said = b""
        self.has_ended = False

    def until(self, words: bytes) -> None:
        """Read on until these words have come."""
        while words not in self.said:
            piece = self.socket.recv(4096)
            assert piece, self.said
            self.said += piece

    def end(self) -> None:
        """Read to the end of the answer."""
        while not self.said.endswith(b"0\r\n\r\n"):
            piece = self.socket.recv(4096)
            if not piece:
                return
            self.said += piece

    def close(self) -> None:
        """Go away, as a closed tab does."""
        self.socket.close()


def token_of(database: Database, party: Party) -> str:
    with database.session(write=True) as session:
        return sessions.start(session, party.user, days=1, user_agent="test")


def test_the_line_tells_of_a_message_over_a_real_server(table: Table, app: FastAPI, database: Database) -> None:
    app.state.live = Live(step=0.05, lasts=PATIENCE)
    with serving(app) as url, ExitStack() as stack:
        stream = Stream(url, f"{url_of(table)}/events", token_of(database, table.company))
        stack.callback(stream.close)
        stream.until(b"retry: 3000")
        assert b"text/event-stream" in stream.said and b"content-encoding" not in stream.said.lower()
        assert b"event: changed" not in stream.said
        table.say(table.hospital, "密语不在事件中")
        stream.until(b"event: changed\ndata: -")
        assert "密语".encode() not in stream.said
        # Whoever may not read any more hears no more.
        table.do(lambda s: introductions.decline(s, table.company.viewer, table.case.id, DeclineReason.TERMS, ""))
        with database.session(write=True) as session:
            sessions.revoke_all(session, table.company.user.id)
        stream.until(b"event: over")
        stream.end()
        until(lambda: app.state.live.open == 0)


def test_a_browser_that_comes_back_hears_what_it_has_missed(table: Table, app: FastAPI, database: Database) -> None:
    app.state.live = Live(step=0.05, lasts=0.3)
    before = table.do(lambda s: service.stamp(s, table.company.viewer, table.case.id))
    table.say(table.hospital, "错过的话")
    with serving(app) as url:
        token = token_of(database, table.company)
        missed = Stream(url, f"{url_of(table)}/events?seen={before}", token)
        missed.until(b"event: changed")
        # It ends by itself after a while.
        missed.end()
        missed.close()
        present = table.do(lambda s: service.stamp(s, table.company.viewer, table.case.id))
        nothing = Stream(url, f"{url_of(table)}/events?seen={present}", token)
        nothing.end()
        nothing.close()
        assert b"event: changed" not in nothing.said


def test_strangers_get_no_stream_and_full_is_full(table: Table, app: FastAPI, sign_in: SignIn) -> None:
    path = f"{url_of(table)}/events"
    assert sign_in(table.make.party()).get(path).status_code == 404
    app.state.live.open = 10**6
    assert sign_in(table.hospital).get(path).status_code == 204


def test_fifty_open_streams_hold_no_thread_that_answers(table: Table, app: FastAPI, database: Database) -> None:
    """More streams than there are threads for requests, and pages are answered beside them."""
    app.state.live = Live(step=1.0, lasts=120.0)
    token = token_of(database, table.company)
    with serving(app) as url, ExitStack() as stack:
        streams = [Stream(url, f"{url_of(table)}/events", token) for _number in range(50)]
        for stream in streams:
            stack.callback(stream.close)
            stream.until(b"retry: 3000")
        assert app.state.live.open == 50
        port = url.rpartition(":")[2]
        cookies = {sessions.COOKIE: token_of(database, table.hospital)}
        headers = {"Host": f"testserver:{port}"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", cookies=cookies, headers=headers) as client:
            times = []
            for _turn in range(10):
                began = time.perf_counter()
                assert client.get(url_of(table), timeout=PATIENCE).status_code == 200
                times.append(time.perf_counter() - began)
        print(f"a page beside 50 streams: median {sorted(times)[5] * 1000:.0f} ms")
        table.say(table.hospital, "大家好")
        for stream in streams:
            stream.until(b"event: changed")
            stream.close()
        until(lambda: app.state.live.open == 0)
