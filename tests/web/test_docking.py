"""Pages of docking events: from the empty form to the introduction of a talk."""

import re
from datetime import timedelta

from sqlmodel import select
from starlette.testclient import TestClient

from backend.accounts.models import User
from backend.capabilities.models import Capability
from backend.db import Database, new_id, utc_now
from backend.meetings.forms import written
from backend.meetings.models import DockingEvent, DockingGuest, DockingTalk
from backend.organisations.models import MemberRole
from backend.personal import service as personal
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.postbox import Postbox


def fields(**changes: str) -> dict[str, str]:
    start = written(utc_now() + timedelta(days=6))
    values = {"event_id": new_id(), "title": "示例对接会", "place": "示例会议中心", "start": start, "slots": "4"}
    return {**values, "slot_minutes": "20", "tables": "3", "breaks": "2", "break_minutes": "10", **changes}


def test_an_afternoon_from_the_form_to_an_introduction(postbox: Postbox, make: Factory, sign_in: SignIn) -> None:
    hospital, companies = make.hospital(), [make.party() for _n in range(2)]
    need = make.need(hospital)
    offers = [make.capability(c, f"可调弯穿刺系统{n}") for n, c in enumerate(companies)]
    broker: TestClient = sign_in(make.reviewer(need.region))
    sent = fields()
    answers = [broker.post("/docking", data=sent) for _twice in range(2)]
    assert [a.status_code for a in answers] == [303, 303], answers[0].text
    url = str(answers[0].headers["location"])
    assert need.title in broker.get(url).text
    # What the matches say, whatever that is, is wished for; a pair is added by hand.
    assert broker.post(f"{url}/matches", data={"need": need.id}).status_code == 303
    assert offers[1].title in broker.get(f"{url}?q=穿刺系统1").text
    for offer in offers:
        data = {"need": need.id, "capability": offer.id, "q": "穿刺"}
        assert broker.post(f"{url}/wishes", data=data).status_code == 303
    assert broker.post(f"{url}/plan").status_code == 303
    page = broker.get(url).text
    assert "2 场交流" in page and "第 1 桌" in page
    printed = broker.get(f"{url}/plan").text
    assert "各桌日程" in printed and companies[0].organisation.name in printed
    guest = sign_in(companies[0])
    assert guest.get(url).status_code == 404
    postbox.collect()
    assert [broker.post(f"{url}/publish", data={"sequence": "0"}).status_code for _twice in range(2)] == [303, 303]
    received = [m for m in postbox.collect() if "对接会日程" in m["Subject"]]
    assert sorted(m["To"] for m in received) == sorted(p.user.email for p in (hospital, *companies))
    seen = guest.get(url).text
    assert "本单位的日程" in seen and offers[0].title in seen and offers[1].title not in seen
    assert 'method="post" action' not in seen and f"{url}/plan" not in seen
    assert "示例对接会" in guest.get("/docking").text
    (talk, *_others) = re.findall(rf"{url}/talks/([0-9a-f]{{16}})/introduce", page)
    made = [broker.post(f"{url}/talks/{talk}/introduce").headers["location"] for _twice in range(2)]
    assert made[0] == made[1] and made[0].startswith("/introductions/")
    assert "查看引荐" in broker.get(url).text
    assert broker.post(f"{url}/cancel").status_code == 303
    assert len([m for m in postbox.collect() if "对接会日程已取消" in m["Subject"]]) == 3


def test_what_is_wrong_comes_back_as_it_was_typed(make: Factory, sign_in: SignIn) -> None:
    broker = sign_in(make.broker())
    for name, value, words in (
        ("slots", "三", "请填写 1 至 24 的整数"),
        ("tables", "99", "请填写 1 至 60 的整数"),
        ("breaks", "4", "最后一场之后不用填"),
        ("breaks", "二", "最后一场之后不用填"),
        ("start", "下周", "请填写日期和时间"),
        ("title", " ", "请填写名称"),
    ):
        answer = broker.post("/docking", data=fields(**{name: value}))
        assert answer.status_code == 422 and words in answer.text and "示例会议中心" in answer.text, name


def test_an_event_is_changed_on_its_page(make: Factory, sign_in: SignIn) -> None:
    broker = sign_in(make.broker())
    url = str(broker.post("/docking", data=fields()).headers["location"])
    assert 'value="示例对接会"' in broker.get(f"{url}/edit").text
    assert broker.post(f"{url}/edit", data=fields(title="改名", tables="5")).status_code == 303
    page = broker.get(url).text
    assert "改名" in page and "5 桌" in page


def test_others_arrange_nothing(make: Factory, sign_in: SignIn) -> None:
    url = str(sign_in(make.broker()).post("/docking", data=fields()).headers["location"])
    stranger = sign_in(make.party())
    assert stranger.get("/docking/new").status_code == 403
    assert stranger.post("/docking", data=fields()).status_code == 403
    for path in ("", "/edit", "/plan"):
        assert stranger.get(f"{url}{path}").status_code == 404
    for path in ("edit", "matches", "wishes", "plan", "publish", "cancel", f"wishes/{new_id()}/remove"):
        assert stranger.post(f"{url}/{path}", data=fields()).status_code == 404, path
    assert stranger.post(f"{url}/talks/{new_id()}/introduce").status_code == 404


def arranged(make: Factory, sign_in: SignIn) -> tuple[TestClient, str, list[Party]]:
    """An event of one hospital and two companies whose plan was sent; the broker's client, its page, the parties."""
    hospital, companies = make.hospital(), [make.party(name=f"示例·{n}公司") for n in "甲乙"]
    need = make.need(hospital)
    broker: TestClient = sign_in(make.reviewer(need.region))
    url = str(broker.post("/docking", data=fields()).headers["location"])
    for company in companies:
        pair = {"need": need.id, "capability": make.capability(company).id}
        assert broker.post(f"{url}/wishes", data=pair).status_code == 303
    broker.post(f"{url}/plan")
    assert broker.post(f"{url}/publish", data={"sequence": "0"}).status_code == 303
    return broker, url, [hospital, *companies]


def test_a_guest_learns_by_the_bell_and_declines_and_the_broker_plans_again(make: Factory, sign_in: SignIn) -> None:
    broker, url, (_hospital, gone, stays) = arranged(make, sign_in)
    guest = sign_in(gone)
    told = guest.get("/notifications").text
    assert "对接会日程已发出" in told and f'href="{url}"' in told
    page = guest.get(url).text
    assert "是否参加" in page and "未答复" in page
    # Whoever has opened the page has seen the notification.
    told = guest.get("/notifications").text
    assert told.index('class="notification"') < told.index("对接会日程已发出") < told.index("notification unread")
    mine = {"organisation": gone.organisation.id}
    refused = guest.post(f"{url}/answers", data={**mine, "answer": "decline", "reason": ""})
    assert refused.status_code == 422 and "请选择谢绝的原因" in refused.text
    for _twice in range(2):
        sent = guest.post(f"{url}/answers", data={**mine, "answer": "decline", "reason": "people"})
        assert sent.status_code == 303
    other = {"organisation": stays.organisation.id, "answer": "accept"}
    assert guest.post(f"{url}/answers", data=other).status_code == 404
    assert sign_in(stays).post(f"{url}/answers", data=other).status_code == 303
    assert f'href="{url}"' in broker.get("/notifications").text
    seen = broker.get(url).text
    assert "1 家参加，1 家不参加，1 家未答复" in seen and "人员安排不开" in seen
    assert "有一方不参加" in seen and f'action="{url}/publish"' not in seen
    assert broker.post(f"{url}/publish", data={"sequence": "1"}).status_code == 409
    broker.post(f"{url}/plan")
    assert "1 场交流" in broker.get(url).text
    assert broker.post(f"{url}/publish", data={"sequence": "1"}).status_code == 303
    own = guest.get(url).text
    assert "贵单位目前没有安排的交流" in own and "改为参加" in own
    assert guest.post(f"{url}/answers", data={**mine, "answer": "accept"}).status_code == 303


def test_a_note_that_is_too_long_comes_back_and_a_shorter_one_reaches_the_agency_alone(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    broker, url, (_hospital, gone, stays) = arranged(make, sign_in)
    guest = sign_in(gone)
    mine = {"organisation": gone.organisation.id, "answer": "decline", "reason": "time"}
    note = "示例" * 251
    refused = guest.post(f"{url}/answers", data={**mine, "note": note})
    assert refused.status_code == 422 and "最多 500 个字" in refused.text and note in refused.text
    assert '<option selected value="time">' in refused.text and '<details class="confirm" open>' in refused.text
    page = guest.post(f"{url}/answers", data={**mine, "reason": "", "note": "当天有<示例>演示"}).text
    assert "当天有&lt;示例&gt;演示" in page and "请选择谢绝的原因" in page
    # Whoever may not answer is told that, whatever the form holds.
    for party in (stays, make.party()):
        assert sign_in(party).post(f"{url}/answers", data={**mine, "note": note}).status_code == 404
    reader = sign_in(make.join(gone, MemberRole.VIEWER))
    assert reader.post(f"{url}/answers", data={**mine, "note": note}).status_code == 403
    assert guest.post(f"{url}/answers", data={**mine, "note": "当天有<示例>演示"}).status_code == 303
    assert "当天有&lt;示例&gt;演示" in broker.get(url).text
    for client in (guest, sign_in(stays)):
        page = client.get(url).text
        assert client.get(url).status_code == 200 and "演示" not in page
    told = guest.get("/account/data/download").json()["docking_answers"]
    assert [(a["answer"], a["reason"], a["note"]) for a in told] == [("declined", "time", "当天有<示例>演示")]
    with database.session(write=True) as session:
        personal.delete_account(session, session.get_one(User, gone.user.id), actor_id=None, forced=True)
    with database.session() as session:
        row = session.exec(select(DockingGuest).where(DockingGuest.organisation_id == gone.organisation.id)).one()
    assert row.answered_by is None and row.note == "当天有<示例>演示", "the answer is of the organisation"


def test_minutes_of_a_table_come_back_when_they_are_wrong_and_become_a_case(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    broker, url, (hospital, company, _other) = arranged(make, sign_in)
    with database.session(write=True) as session:
        event = session.get_one(DockingEvent, url.rsplit("/", 1)[1])
        rows = session.exec(select(DockingTalk, Capability).join(Capability)).all()
        talk = next(t.id for t, c in rows if c.organisation_id == company.organisation.id)
    form = f"{url}/talks/{talk}"
    assert broker.get(form).status_code == 409, "it has not begun"
    with database.session(write=True) as session:
        event = session.get_one(DockingEvent, event.id)
        event.starts_at = utc_now() - timedelta(hours=1)
        session.add(event)
    assert form in broker.get(url).text and "到场人员" in broker.get(form).text
    data = {f"names-{company.organisation.id}": "示例代表", "minutes": "", "agreed": "两周内提供资料。"}
    refused = broker.post(form, data=data)
    assert refused.status_code == 422 and "请填写会议纪要" in refused.text
    assert 'value="示例代表"' in refused.text and "两周内提供资料。" in refused.text
    made = [broker.post(form, data={**data, "minutes": "样机弯度可调。"}).headers["location"] for _twice in range(2)]
    assert made[0] == made[1]
    assert "查看纪要" in broker.get(url).text
    case = str(made[0])
    assert "样机弯度可调。" in broker.get(f"{case}/meetings/{talk}").text
    # The two read it once both have accepted the introduction.
    assert sign_in(hospital).get(f"{case}/meetings/{talk}").status_code in (403, 404, 409)
    assert sign_in(company).get(form).status_code == 404
