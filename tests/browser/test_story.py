"""The main story in a browser: a department writes what it lacks, and finds who can answer it, and why."""

from dataclasses import replace

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenVisit
from tests.browser.visit import act, publish, review, submit, write_need
from tests.browser.wordings import TRANSSEPTAL

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]

COMPANY = "普实医疗"
CAPABILITY = "可调弯射频房间隔穿刺系统"


def check_first_suggestion(page: Page) -> None:
    """普实医疗 stands first with its adjustable radio-frequency system, and a sentence about it says why."""
    first = page.locator(".match").first
    expect(first.get_by_role("heading", name=COMPANY)).to_be_visible()
    expect(first.get_by_role("link", name=CAPABILITY)).to_be_visible()
    expect(first.locator(".grade")).to_contain_text("匹配度：强")
    table = first.get_by_role("table", name="需求要点与原文依据")
    for requirement in TRANSSEPTAL.requirements:
        expect(table.get_by_role("rowheader", name=requirement)).to_be_visible()
    for word in ("弯", "射频", "房间隔"):
        expect(table).to_contain_text(word)
    expect(table.locator("q mark").first).to_be_visible()


def check_withdrawn(page: Page) -> None:
    """The page of the need says so and shows no suggestions any more."""
    expect(page.locator("#flash")).to_contain_text("需求已撤回")
    expect(page.locator(".notice")).to_contain_text("已撤回，仅本单位成员可以看到")
    expect(page.locator("#suggestions-heading")).to_have_count(0)


def test_a_department_finds_the_company_that_answers_its_need(open_visit: OpenVisit) -> None:
    page, broker = open_visit().sign_in("cardiology"), open_visit().sign_in("putuo")
    write_need(page, TRANSSEPTAL)
    submit(page)
    expect(page.get_by_text("等待所在地区的撮合员审核")).to_be_visible()
    review(broker, TRANSSEPTAL.title)

    # The suggestions are held back until the progress line has been seen.
    held: list[Route] = []
    page.route("**/suggestions", lambda route: held.append(route))
    with page.expect_request("**/suggestions") as asked:
        page.reload()
    assert asked.value.headers["hx-request"] == "true"
    progress = page.get_by_text("正在比对能力库")
    expect(progress).to_be_visible()
    expect(page.locator(".match")).to_have_count(0)
    held[0].continue_()
    page.unroute("**/suggestions")

    check_first_suggestion(page)
    expect(progress).to_have_count(0)
    expect(page.locator("#announcer")).to_contain_text("条匹配建议")
    need = page.url

    page.locator(".match").first.get_by_role("link", name=CAPABILITY).click()
    expect(page.get_by_role("heading", name=CAPABILITY, level=1)).to_be_visible()
    expect(page.get_by_text("详情需经授权查看")).to_be_visible()

    page.go_back()
    page.wait_for_url(need)
    act(page, "撤回")
    check_withdrawn(page)


def test_the_same_story_without_javascript(open_visit: OpenVisit) -> None:
    page = open_visit(javascript=False).sign_in("cardiology")
    write_need(page, TRANSSEPTAL)
    publish(page, open_visit(javascript=False).sign_in("putuo"), TRANSSEPTAL.title)
    expect(page.get_by_text("正在比对能力库")).to_be_hidden()

    page.locator("#suggestions").get_by_role("link", name="查看匹配建议").click()
    expect(page.get_by_role("heading", name="可能解决此需求的单位", level=1)).to_be_visible()
    check_first_suggestion(page)

    page.locator(".match").first.get_by_role("link", name=CAPABILITY).click()
    expect(page.get_by_role("heading", name=CAPABILITY, level=1)).to_be_visible()

    page.get_by_role("link", name="我的需求").click()
    page.get_by_role("link", name=TRANSSEPTAL.title).first.click()
    act(page, "撤回")
    check_withdrawn(page)


def test_the_company_sees_how_its_capability_fits_the_need(open_visit: OpenVisit) -> None:
    need = replace(TRANSSEPTAL, title="想要能在心脏里调弯的过间隔针")
    department = open_visit().sign_in("cardiology")
    write_need(department, need)
    publish(department, open_visit().sign_in("putuo"), need.title)

    company = open_visit().sign_in("enterprise")
    company.goto(department.url)
    expect(company.get_by_role("heading", name=need.title, level=1)).to_be_visible()
    expect(company.get_by_text("详情需经授权查看")).to_be_visible()
    expect(company.get_by_text(need.current_practice)).to_have_count(0)
    expect(company.get_by_role("heading", name="本单位的能力与此需求")).to_be_visible()
    # An organisation has at most two entries among the first.
    expect(company.locator(".match")).to_have_count(2)
    expect(company.locator(".match").get_by_role("link", name=CAPABILITY)).to_be_visible()

    company.get_by_role("link", name="我的能力").click()
    company.get_by_role("link", name=CAPABILITY).click()
    expect(company.get_by_role("heading", name="可能需要这项能力的单位")).to_be_visible()
    expect(company.locator("#suggestions").get_by_role("link", name=need.title)).to_be_visible()

    act(department, "撤回")
    check_withdrawn(department)
    company.reload()
    expect(company.locator(".match").first).to_be_visible()
    expect(company.get_by_role("link", name=need.title)).to_have_count(0)
