"""The fourth story: an afternoon of twelve needs and twenty companies, from the matches to a case of one table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from icalendar import Calendar
from playwright.sync_api import Browser, Page, expect

from backend.accounts import sessions
from backend.db import utc_now
from backend.meetings.models import DockingEvent
from backend.working_days import CHINA
from tests.browser import site as sites
from tests.browser.afternoon import CAPABILITIES, NEEDS, Afternoon
from tests.browser.casework import accept
from tests.browser.visit import Visit, check_fits_the_window
from tests.factories import Party
from tests.postbox import Postbox, open_postbox

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]

TITLE = "示例·医工对接下午场"
SLOTS, TABLES = 8, 6


@dataclass
class Hall:
    """The running site with its mail server, and windows of its users."""

    afternoon: Afternoon
    postbox: Postbox
    url: str
    browser: Browser
    visits: list[Visit]

    def enter(self, party: Party, width: int = 1440) -> Page:
        """A window in which the party is signed in."""
        with self.afternoon.database.session(write=True) as session:
            token = sessions.start(session, party.user, days=1, user_agent="story")
        visit = Visit(self.browser, self.url, width=width)
        visit.expect_status(422)
        visit.context.add_cookies([{"name": sessions.COOKIE, "value": token, "url": self.url}])
        self.visits.append(visit)
        return visit.page


@pytest.fixture
def hall(tmp_path: Path, model_cache: Path, browser: Browser) -> Iterator[Hall]:
    afternoon = Afternoon(tmp_path / "var", model_cache)
    with open_postbox(afternoon.database) as postbox, sites.running(afternoon.data_dir, smtp_url=postbox.url) as site:
        found = Hall(afternoon, postbox, site.url, browser, [])
        yield found
        for visit in found.visits:
            visit.close()
    problems = [problem for visit in found.visits for problem in visit.problems]
    assert not problems, problems
    assert "Traceback" not in site.log.read_text(encoding="utf-8")
    afternoon.database.dispose()


def create(broker: Page) -> str:
    """The event, from the desk to its page."""
    broker.goto("/needs")
    broker.get_by_role("navigation").get_by_role("link", name="工作台").click()
    broker.get_by_role("link", name="对接会", exact=True).click()
    broker.get_by_role("link", name="新建对接会").click()
    broker.get_by_label("名称").fill(TITLE)
    broker.get_by_label("地点").fill("示例会议中心一楼")
    broker.get_by_label("开始时间").fill("")
    broker.get_by_role("button", name="保存").click()
    expect(broker.locator("#error-summary")).to_contain_text("请填写日期和时间")
    expect(broker.get_by_label("名称")).to_have_value(TITLE)
    start = (utc_now().astimezone(CHINA) + timedelta(days=10)).replace(hour=13, minute=30)
    broker.get_by_label("开始时间").fill(start.strftime("%Y-%m-%dT%H:%M"))
    broker.get_by_label("桌数").fill(str(TABLES))
    broker.get_by_label("场次数").fill(str(SLOTS))
    broker.get_by_label("在第几场之后休息").fill("4")
    broker.get_by_role("button", name="保存").click()
    expect(broker.get_by_role("heading", level=1)).to_contain_text(TITLE)
    return broker.url.split("?")[0].split("#")[0]


def wish(broker: Page, event: str, companies: list[Party]) -> None:
    """All twelve needs with their matches; who is in none of them is added by hand to a need that fits."""
    needs = broker.get_by_role("group", name="从匹配建议生成意向").get_by_role("checkbox")
    expect(needs).to_have_count(len(NEEDS))
    for box in needs.all():
        box.check()
    broker.get_by_role("button", name="生成意向").click()
    expect(broker.locator("#wishes .count")).not_to_contain_text(re.compile(r"^0 "))
    listed = broker.locator(".docking-wish").all_text_contents()
    by_hand = (0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 10, 11)
    for (title, _summary), company, need in zip(CAPABILITIES, companies, by_hand, strict=True):
        if any(company.organisation.name in text for text in listed):
            continue
        broker.goto(event)
        broker.get_by_label("逐对添加：按标题查找能力").fill(title)
        broker.get_by_role("button", name="查找").click()
        broker.get_by_label("需求", exact=True).select_option(label=NEEDS[need][0])
        broker.get_by_role("radio", name=title).check()
        broker.get_by_role("button", name="添加意向").click()
        expect(broker.locator("#flash")).to_be_visible()


def sheets(broker: Page, event: str, heading: str) -> dict[str, list[str]]:
    """The printed plan by table or by party: the lines of each."""
    broker.goto(f"{event}/plan")
    part = broker.locator("section.section").filter(has=broker.get_by_role("heading", name=heading, exact=True))
    return {
        sheet.locator("h3").inner_text(): sheet.locator("li").all_inner_texts()
        for sheet in part.locator(".docking-sheet").all()
    }


def check_no_clash(broker: Page, event: str) -> dict[str, list[str]]:
    """Nobody is at two tables at once, and no table has two talks; returns the lines by party."""
    for heading in ("各桌日程", "各单位日程"):
        for name, lines in sheets(broker, event, heading).items():
            times = [line[:5] for line in lines]
            assert len(times) == len(set(times)), (name, lines)
    return sheets(broker, event, "各单位日程")


def calendars(postbox: Postbox) -> dict[str, Calendar]:
    """What arrived at the mail server, by recipient."""
    found = {}
    for message in postbox.collect():
        parts = [p for p in message.walk() if p.get_content_type() == "text/calendar"]
        if parts:
            found[str(message["To"])] = Calendar.from_ical(parts[0].get_content())
    return found


def let_begin(hall: Hall, event: str) -> None:
    """The afternoon comes: its stored beginning is moved to two hours ago."""
    with hall.afternoon.database.session(write=True) as session:
        row = session.get_one(DockingEvent, event.rsplit("/", 1)[1])
        row.starts_at = utc_now() - timedelta(hours=4)
        session.add(row)


def told(page: Page, words: str) -> None:
    """A notification says so, and leads to the event."""
    page.goto("/notifications")
    entry = page.locator("li.notification").filter(has_text=words).first
    entry.get_by_role("link", name=TITLE).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(TITLE)


def test_an_afternoon_of_twelve_needs_and_twenty_companies(hall: Hall) -> None:
    afternoon, postbox = hall.afternoon, hall.postbox
    broker = hall.enter(afternoon.broker)
    event = create(broker)
    wish(broker, event, afternoon.companies)

    # The plan: everybody has a talk, and nobody is at two tables at once.
    broker.goto(event)
    broker.get_by_role("button", name="编排日程").click()
    expect(broker.locator("#flash")).to_be_visible()
    by_party = check_no_clash(broker, event)
    everybody = [*afternoon.hospitals, *afternoon.companies]
    assert set(by_party) == {party.organisation.name for party in everybody}
    talked = " ".join(line for lines in by_party.values() for line in lines)
    assert all(title in talked for title, _summary in NEEDS), "every need is talked about"

    # Sent: a mail with a calendar of their own to each of them, over SMTP.
    postbox.collect()
    broker.goto(event)
    broker.get_by_role("button", name="发出日程").click()
    expect(broker.locator(".docking-published")).to_be_visible()
    sent = calendars(postbox)
    assert set(sent) == {party.user.email for party in everybody}
    for party in everybody:
        (entry,) = sent[party.user.email].walk("VEVENT")
        lines = by_party[party.organisation.name]
        for line in lines:
            clock, table = line[:5], re.search(r"第 \d 桌", line)
            assert table and f"{clock} {table.group()}" in str(entry["description"]), (line, entry["description"])
        assert not any(title in str(entry) for title, _summary in (*NEEDS, *CAPABILITIES)), "no word of who is met"

    # One company on its phone: its own plan, and that it comes. Another one does not.
    comes, gone = afternoon.companies[0], afternoon.companies[6]
    phone = hall.enter(comes, 390)
    told(phone, "对接会日程已发出")
    rows = phone.locator(".docking-table tbody tr")
    expect(rows).to_have_count(len(by_party[comes.organisation.name]))
    check_fits_the_window(phone)
    phone.get_by_role("button", name="参加", exact=True).click()
    expect(phone.locator(".docking-guest-accepted")).to_be_visible()
    other = hall.enter(gone, 390)
    told(other, "对接会日程已发出")
    other.locator("summary", has_text="不参加").click()
    other.get_by_role("button", name="确认不参加").click()
    expect(other.locator("#error-summary")).to_contain_text("请选择谢绝的原因")
    other.get_by_label("原因").select_option(label="人员安排不开")
    other.get_by_label("说明（可不填）").fill("当天有示例样机试用。")
    other.get_by_role("button", name="确认不参加").click()
    expect(other.locator(".docking-guest-declined")).to_be_visible()
    check_fits_the_window(other)

    # The broker sees it, plans again without them, and sends what has changed.
    told(broker, "谢绝参加对接会")
    expect(broker.locator("#guests .count")).to_contain_text("1 家参加，1 家不参加")
    expect(broker.locator(".docking-guests")).to_contain_text("人员安排不开")
    expect(broker.locator(".docking-guest-note")).to_have_text("当天有示例样机试用。")
    broker.get_by_role("button", name="重新编排日程").click()
    again = check_no_clash(broker, event)
    assert gone.organisation.name not in again and set(again) < set(by_party)
    postbox.collect()
    broker.goto(event)
    broker.get_by_role("button", name="再次发出日程").click()
    expect(broker.locator("#flash")).to_be_visible()
    changed = calendars(postbox)
    assert str(changed[gone.user.email]["method"]) == "CANCEL"
    moved = [p for p in everybody if again.get(p.organisation.name) != by_party[p.organisation.name]]
    assert set(changed) == {party.user.email for party in moved}, "nobody else is disturbed"
    assert {str(c["method"]) for to, c in changed.items() if to != gone.user.email} == {"REQUEST"}
    assert all(int(next(iter(c.walk("VEVENT")))["sequence"]) == 2 for c in changed.values())
    other.goto(event)
    expect(other.locator("main")).to_contain_text("贵单位目前没有安排的交流")

    # The afternoon has come; what one table agreed on begins a case.
    let_begin(hall, event)
    broker.goto(event)
    row = broker.locator(".docking-table tbody tr").filter(has_text=CAPABILITIES[0][0]).first
    need = next(title for title, _summary in NEEDS if title in row.inner_text())
    hospital = afternoon.hospitals[[title for title, _summary in NEEDS].index(need) // 2]
    row.get_by_role("link", name="记录交流情况").click()
    broker.get_by_label(hospital.organisation.name).fill("示例主任")
    broker.get_by_label(comes.organisation.name).fill("示例经理")
    broker.get_by_label("议定事项").fill("两周内提供样机资料，再到科室观摩。")
    broker.get_by_role("button", name="保存并引荐").click()
    expect(broker.locator("#error-summary")).to_contain_text("请填写会议纪要")
    expect(broker.get_by_label(comes.organisation.name)).to_have_value("示例经理")
    broker.get_by_label("会议纪要").fill("看了样机视频，科室认可调弯方式，关心针尖强度。")
    broker.get_by_role("button", name="保存并引荐").click()
    broker.wait_for_url("**/introductions/*")
    case = broker.url.split("?")[0].split("#")[0]
    doctor = hall.enter(hospital)
    accept(phone, case, "研发部 021-0000 0001")
    accept(doctor, case, "科室 021-0000 0002")
    for page in (phone, doctor):
        page.goto(f"{case}/meetings")
        page.locator("article", has_text="已举行").get_by_role("link").click()
        expect(page.locator("main")).to_contain_text("科室认可调弯方式")
        expect(page.locator("main")).to_contain_text("两周内提供样机资料")
        expect(page.locator("main")).to_contain_text("示例主任")
    check_fits_the_window(phone)
    broker.goto(event)
    expect(row.get_by_role("link", name="查看纪要")).to_be_visible()
    expect(row.get_by_role("link", name="查看引荐")).to_be_visible()
