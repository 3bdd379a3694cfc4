"""Pages of meetings, and the invitations that go out by a real mail server."""

import re
from datetime import timedelta

import pytest
from icalendar import Calendar
from starlette.testclient import TestClient

from backend.db import Database, new_id, utc_now
from backend.introductions.models import Introduction
from backend.introductions.states import IntroductionStatus
from backend.meetings.forms import written
from backend.meetings.models import CaseMeeting
from tests.case_steps import Table
from tests.conftest import SignIn
from tests.factories import Factory
from tests.postbox import Postbox
from tests.web.pages import read


@pytest.fixture
def table(postbox: Postbox, make: Factory, database: Database) -> Table:
    return Table(make, database)


def url_of(table: Table) -> str:
    return f"/introductions/{table.case.id}/meetings"


def propose(client: TestClient, table: Table) -> str:
    """Propose two times through the form; returns the address of the meeting."""
    times = {f"start_{n}": written(utc_now() + timedelta(days=2 + n)) for n in (1, 2)}
    form = {"meeting_id": new_id(), "length": "90", "place": "示例医院", "link": "https://meet.example/1", **times}
    answers = [client.post(url_of(table), data=form) for _twice in range(2)]
    assert [a.status_code for a in answers] == [303, 303], answers[0].text
    return str(answers[0].headers["location"])


def test_a_meeting_from_the_first_proposal_to_its_minutes(
    table: Table, postbox: Postbox, sign_in: SignIn, database: Database
) -> None:
    doctor, engineer, broker = (sign_in(p) for p in (table.hospital, table.company, table.broker))
    url = propose(doctor, table)
    postbox.collect()
    assert "待确定时间" in engineer.get(url_of(table)).text
    page = engineer.get(url).text
    times = re.findall(r'type="radio" name="([0-9a-f]{16})" value="yes"', page)
    assert len(times) == 2 and 'name="time"' not in page
    assert engineer.post(f"{url}/fix", data={"time": times[0]}).status_code == 403
    assert engineer.post(f"{url}/answers", data={times[0]: "no", times[1]: "maybe"}).status_code == 303
    assert "勉强" in doctor.get(url).text
    postbox.collect()
    assert doctor.post(f"{url}/fix", data={"time": times[1]}).status_code == 303
    received = [m for m in postbox.collect() if "会议时间已确定" in m["Subject"]]
    assert {m["To"] for m in received} == {p.user.email for p in (table.hospital, table.company, table.broker)}
    for message in received:
        parts = [p for p in message.walk() if p.get_content_type() == "text/calendar"]
        assert len(parts) == 2 and {p.get_param("method") for p in parts} == {"REQUEST"}
        assert parts[1].get_filename() == "meeting.ics"
        found = [Calendar.from_ical(str(p.get_content())) for p in parts]
        assert [str(next(iter(c.walk("VEVENT")))["location"]) for c in found] == ["示例医院 https://meet.example/1"] * 2
        plain = message.get_body(("plain",))
        assert plain is not None and "示例医院" in str(plain.get_content()) and table.need.title not in str(message)
    assert engineer.get(f"{url}/meeting.ics").headers["content-type"].startswith("text/calendar")
    moved = {"start": written(utc_now() + timedelta(days=6)), "length": "60", "place": "示例公司"}
    assert doctor.post(f"{url}/move", data=moved).status_code == 303
    assert {m.get_content_type() for m in postbox.collect() if "会议有变更" in m["Subject"]} == {"multipart/mixed"}
    with database.session(write=True) as session:
        row = session.get_one(CaseMeeting, url.rpartition("/")[2])
        row.starts_at = utc_now() - timedelta(hours=2)
        session.add(row)
    home = table.company.organisation.id
    minutes = {"minutes": "看了样机。", "agreed": "两周内送样。", "present": home, f"names-{home}": "示例工程师"}
    refused = broker.post(f"{url}/hold", data={**minutes, "minutes": ""})
    assert refused.status_code == 422 and "请填写会议纪要" in refused.text and "示例工程师" in refused.text
    assert broker.post(f"{url}/hold", data=minutes).status_code == 303
    shown = doctor.get(url).text
    assert "看了样机。" in shown and "两周内送样。" in shown and "示例工程师" in shown
    with database.session() as session:
        assert session.get_one(Introduction, table.case.id).status is IntroductionStatus.MEETING
    line = doctor.get(f"/introductions/{table.case.id}/conversation").text
    assert "提议会议时间" in line and "记录会议纪要" in line and "开始对接洽谈" in line


def test_a_cancelled_meeting_leaves_calendars(table: Table, postbox: Postbox, sign_in: SignIn) -> None:
    doctor = sign_in(table.hospital)
    url = propose(doctor, table)
    (first, _second) = re.findall(r'name="time" value="([0-9a-f]{16})"', doctor.get(url).text)
    doctor.post(f"{url}/fix", data={"time": first})
    postbox.collect()
    assert sign_in(table.company).post(f"{url}/cancel").status_code == 403
    assert [doctor.post(f"{url}/cancel").status_code for _twice in range(2)] == [303, 303]
    cancelled = [m for m in postbox.collect() if "会议已取消" in m["Subject"]]
    assert len(cancelled) == 3
    for message in cancelled:
        assert {p.get_param("method") for p in message.walk() if p.get_content_type() == "text/calendar"} == {"CANCEL"}


def test_what_is_wrong_comes_back_as_it_was_typed(table: Table, sign_in: SignIn) -> None:
    client = sign_in(table.company)
    past = written(utc_now() - timedelta(days=1))
    form = {
        "meeting_id": new_id(),
        "length": "60",
        "start_1": past,
        "start_2": "明天下午",
        "link": "meet",
        "note": "带样机",
    }
    answer = client.post(url_of(table), data=form)
    assert answer.status_code == 422
    for words in ("请填写将来的时间", "请填写日期和时间", "链接以 https:// 开头", "带样机", past):
        assert words in answer.text
    assert "还没有安排会议" in client.get(url_of(table)).text


def test_strangers_find_nothing(table: Table, sign_in: SignIn) -> None:
    url = propose(sign_in(table.hospital), table)
    stranger = sign_in(table.make.party())
    for path in (url_of(table), url, f"{url}/meeting.ics"):
        assert stranger.get(path).status_code == 404
    for action in ("answers", "fix", "move", "cancel", "hold"):
        start = written(utc_now() + timedelta(days=3))
        data = {"minutes": "x", "start": start, "length": "60", "place": "x"}
        assert stranger.post(f"{url}/{action}", data=data).status_code == 404, action
    fragment = sign_in(table.company).get(url_of(table), headers={"HX-Request": "true"}).text
    assert fragment.lstrip().startswith('<div id="meetings-panel"')
    assert read(fragment).all("h1") == []
