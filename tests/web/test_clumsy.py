"""What clumsy hands send to the rooms of the broker desk: dates from a sheet, full width digits, too many files."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from backend.conversations.models import CaseMessage
from backend.db import Database, new_id
from backend.introductions.models import CaseBroker
from backend.meetings.models import CaseMeeting, DockingEvent
from backend.responses.models import ResponseCall
from backend.working_days import add_working_days, today
from tests.case_steps import Table
from tests.conftest import SignIn
from tests.factories import JIADING, Factory
from tests.response_steps import Scene
from tests.web.pages import read
from tests.web.test_docking import fields


@pytest.fixture
def table(make: Factory, database: Database) -> Table:
    return Table(make, database)


def written(day: date) -> str:
    """As Chinese sheets show it."""
    return f"{day.year}年{day.month}月{day.day}日"


def all_of(session: Session, model: Any) -> Any:
    return session.exec(select(model)).all()


def test_a_meeting_at_a_time_from_a_sheet(table: Table, sign_in: SignIn) -> None:
    url = f"/introductions/{table.case.id}/meetings"
    day = today() + timedelta(days=3)
    data = {
        "meeting_id": new_id(),
        "start_1": f"{written(day)} 14:00",
        "start_2": f"{day.year}/{day.month}/{day.day} 15:30",
    }
    client = sign_in(table.hospital)
    sent = {**data, "length": "60", "place": "示例会议室\t3 楼\r\n"}
    assert [client.post(url, data=sent).status_code for _twice in range(2)] == [303, 303]
    assert [m.place for m in table.do(lambda s: all_of(s, CaseMeeting))] == ["示例会议室 3 楼"]
    page = client.get(url).text
    assert "2 个时间待答复" in page
    weekday = "一二三四五六日"[day.weekday()]
    shown = client.get(f"{url}/{data['meeting_id']}").text
    assert f"{written(day)}（周{weekday}）14:00" in shown and f"{written(day)}（周{weekday}）15:30" in shown
    assert "尚未答复" in shown and table.company.organisation.name in shown


def test_a_docking_event_with_full_width_digits(make: Factory, sign_in: SignIn, database: Database) -> None:
    day = written(today() + timedelta(days=9))
    sent = fields(start=f"{day}13点30分", slots="６", tables="３", breaks="２，４", break_minutes="１５")
    assert sign_in(make.broker()).post("/docking", data=sent).status_code == 303
    with database.session() as session:
        event = session.exec(select(DockingEvent)).one()
        assert (event.slots, event.tables, event.breaks, event.break_minutes) == (6, 3, "2,4", 15)


def test_a_call_with_a_date_and_weights_as_typed(make: Factory, sign_in: SignIn, database: Database) -> None:
    scene = Scene(make, database)
    client = sign_in(scene.hospital)
    url = f"/needs/{scene.need.id}/responses"
    form = {k: str(v) for k, v in read(client.get(f"{url}/new").text).fields.items()}
    until = add_working_days(today(), 12)
    sent = {**form, "until": written(until), "weight_0": "３０"}
    assert client.post(url, data=sent).status_code == 303
    with database.session() as session:
        call = session.exec(select(ResponseCall)).one()
        assert call.until is not None
        later = written(add_working_days(today(), 15))
    data = {"until": later, "note": "多留一周"}
    assert client.post(f"/calls/{call.id}/date", data=data).status_code == 303


def test_a_share_in_full_width(table: Table, sign_in: SignIn, make: Factory) -> None:
    second = make.reviewer(JIADING)
    client = sign_in(table.broker)
    url = f"/introductions/{table.case.id}"
    form = {k: str(v) for k, v in read(client.get(url).text).fields.items() if k.startswith("shares-")}
    sent = {**form, "shares-agency_id": second.organisation.id, "shares-my_share": "６０"}
    assert client.post(f"{url}/brokers", data=sent).status_code == 303
    rows = table.do(lambda s: s.exec(select(CaseBroker).order_by(col(CaseBroker.share))).all())
    assert [row.share for row in rows] == [40, 60]


def test_too_many_files_are_told_beside_the_field_and_the_text_stays(table: Table, sign_in: SignIn) -> None:
    url = f"/introductions/{table.case.id}/conversation"
    files = [("files", (f"说明{n}.txt", b"text")) for n in range(7)]
    data = {"key": new_id(), "audience": "all", "text": "七个附件 🫀"}
    answer = sign_in(table.hospital).post(url, data=data, files=files)
    page = read(answer.text)
    assert answer.status_code == 422 and "一条消息最多 5 个附件" in page.error("files")
    assert str(page.fields["text"]).strip() == "七个附件 🫀"
    assert table.do(lambda s: all_of(s, CaseMessage)) == []
