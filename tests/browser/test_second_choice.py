"""The second story: a decline, a second choice that never answers, and a third that two cities share."""

import pytest
from playwright.sync_api import Page, expect

from backend.working_days import add_working_days, today
from tests.browser.casework import accept, agree, finish, introduce, let_wait
from tests.browser.conftest import OpenVisit
from tests.browser.site import Site
from tests.browser.visit import review, submit, write_need
from tests.browser.wordings import BONE_DEFECT as NEED

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]


@pytest.fixture(scope="module")
def site(own_site: Site) -> Site:
    """A site of its own."""
    return own_site


FIRST, SECOND, THIRD = "示例·脊岭脊柱创伤", "示例·衡枢骨科机器人", "示例·常新植入物设计与增材制造中心"
OTHER_CITY = "常州示例商务局"
REASON = "目前人手、产能或经费不足"
SEALED = "有两位病人一年里又来翻修"


def share(broker: Page, case: str, percent: str) -> None:
    """The broker keeps the leg of research, and offers the other city that of production."""
    broker.goto(case)
    broker.locator("summary", has_text="邀请另一地区共同撮合").click()
    broker.get_by_label("共同撮合的部门").select_option(label=OTHER_CITY)
    broker.get_by_label("本部门负责").select_option(label="研发段")
    broker.get_by_label("对方负责").select_option(label="生产段")
    broker.get_by_label("本部门分成（%）").fill(percent)
    broker.locator("#shares").get_by_role("button", name="发送").click()
    expect(broker.locator("#brokers")).to_contain_text("待同意")


def agree_to_shares(broker: Page, case: str) -> None:
    """The broker of the other city finds what waits for it, and agrees."""
    broker.goto("/introductions?tab=waiting")
    broker.locator(f'a[href="{case[case.index("/introductions") :]}"]').click()
    expect(broker.locator(".case-duty")).to_contain_text("请确认撮合分工")
    broker.get_by_role("button", name="同意以上分工").click()
    expect(broker.locator("#brokers")).not_to_contain_text("待同意")


def told(page: Page, words: str, case: str) -> None:
    """A notification says so, and leads to the case."""
    page.goto("/notifications")
    entry = page.locator("li").filter(has_text=words).filter(has_text=NEED.title).first
    entry.get_by_role("link", name=NEED.title).click()
    expect(page).to_have_url(case)


def another(broker: Page, case: str, organisation: str) -> str:
    """From a case that came to nothing to the next one for the same need."""
    broker.goto(case)
    broker.get_by_role("link", name="为这项需求另荐单位").click()
    return introduce(broker, organisation)


def steps_of(page: Page, case: str) -> list[str]:
    """The steps of the ledger that this reader sees."""
    page.goto(f"{case}/ledger")
    return page.locator(".ledger-step .step-name").all_inner_texts()


def credits_of(page: Page, place: str) -> dict[str, str]:
    """What the figures of a region say of each stage, by agreed shares."""
    page.goto("/results")
    expect(page.locator("#figures")).to_contain_text(place)
    rows = page.locator("table.funnel tbody tr")
    return {row.get_by_role("rowheader").inner_text(): row.locator("td").nth(2).inner_text() for row in rows.all()}


def test_declined_then_silence_then_two_cities(open_visit: OpenVisit, site: Site) -> None:
    doctor, broker = open_visit().sign_in("hospital"), open_visit().sign_in("putuo")
    there = open_visit().sign_in("changzhou")
    write_need(doctor, NEED)
    submit(doctor)
    need = doctor.url
    review(broker, NEED.title)

    # A company in another city, whose broker joins with a leg and a share.
    broker.goto(need)
    first = introduce(broker, FIRST)
    share(broker, first, "70")
    agree_to_shares(there, first)
    company = open_visit().sign_in("jiling")
    told(company, "请答复", first)
    company.locator("summary", has_text="婉拒").click()
    company.get_by_label(REASON).check()
    company.get_by_label("补充说明").fill("打印线排满到明年三月。")
    company.get_by_label("可推荐的其他单位").fill(THIRD)
    company.get_by_role("button", name="确认婉拒").click()
    expect(company.locator(".case-declined")).to_be_visible()

    # The other side learns the reason alone; brokers of both cities learn whom else to ask.
    told(doctor, "引荐未被接受", first)
    expect(doctor.locator(".case-duty")).to_contain_text(REASON)
    expect(doctor.locator("main")).not_to_contain_text("打印线排满")
    for office in (there, broker):
        told(office, "引荐未被接受", first)
        expect(office.locator("main")).to_contain_text("打印线排满到明年三月。")
        expect(office.locator("main")).to_contain_text(f"可推荐的其他单位：{THIRD}")

    # The second choice is nearer, and never answers.
    broker.get_by_role("link", name="为这项需求另荐单位").click()
    declined = broker.locator(".match").filter(has_text=FIRST).first
    expect(declined).to_contain_text(REASON)
    second = introduce(broker, SECOND)
    accept(doctor, second, "骨科 021-0000 0003")
    silent = open_visit().sign_in("hengshu")
    silent.goto(second)
    day = add_working_days(today(), 6)
    expect(silent.locator(".due").first).to_contain_text(f"{day.month}月{day.day}日前答复（还有6个工作日）")
    let_wait(site, second, 5)
    told(silent, "引荐仍在等待贵单位答复", second)
    broker.goto("/desk")
    expect(broker.locator(".desk-item").filter(has_text=NEED.title).first).to_contain_text(f"等待{SECOND}答复")
    let_wait(site, second, 7)
    told(broker, "引荐答复已超时", second)
    expect(broker.locator(".due .overdue")).to_be_visible()
    expect(broker.locator(".case-duty")).to_contain_text("仍未答复将自动终止")
    let_wait(site, second, 16)
    for side in (silent, doctor, broker):
        told(side, "因逾期未答复而终止", second)
        expect(side.locator(".case-expired")).to_be_visible()

    # The one that was recommended accepts; research stays here, production is there.
    third = another(broker, second, THIRD)
    maker = open_visit().sign_in("additive")
    accept(maker, third, "技术部 0519-0000 0004")
    accept(doctor, third, "骨科 021-0000 0003")
    maker.goto(need)
    expect(maker.get_by_text(SEALED)).to_be_visible()
    share(broker, third, "60")
    agree_to_shares(there, third)
    agree(broker, third, "在普陀完成设计和临床评价，在常州打印和生产。")

    # Each city sees and moves its own leg; the two sides see it whole.
    here_steps, there_steps = steps_of(broker, third), steps_of(there, third)
    assert there_steps == ["中试", "型式检验", "注册申报", "获证", "量产落地"]
    assert "接单" in here_steps and not set(here_steps) & set(there_steps)
    assert set(steps_of(maker, third)) == {*here_steps, *there_steps}
    finish(broker, third, "order", "")
    finish(there, third, "pilot", "首批十件，示例记录")
    doctor.goto(f"{third}/story")
    for step in ("接单", "中试"):
        expect(doctor.locator("main")).to_contain_text(step)
    broker.goto(f"{third}/story")
    expect(broker.locator("main")).not_to_contain_text("中试")

    # The report gives each city its share: of the two cases that both have agreed to share, and of the one that led on.
    theirs = credits_of(there, "常州市")
    assert (theirs["发起引荐"], theirs["双方接受"], theirs["达成合作"]) == ("0.7", "0.4", "0.4")
    there.goto("/results/report")
    expect(there.locator("#report")).to_contain_text("0.4")
    assert credits_of(broker, "普陀区")["达成合作"].endswith(".6")
