"""On a phone nothing has to be scrolled sideways; by keyboard everything can be reached."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenVisit
from tests.browser.visit import Visit, check_fits_the_window, submit, write_need
from tests.browser.wordings import TRANSSEPTAL

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]

PHONE = 390
LONG_WORD = "https://hospital.example/" + "transseptal-" * 4


def test_the_story_on_a_phone(open_visit: OpenVisit) -> None:
    visit = open_visit(width=PHONE)
    visit.expect_status(404)
    visit.expect_status(422)
    page = visit.page
    for path in ("/", "/sign-in", "/search?q=房间隔穿刺", "/search?side=need", "/nothing-here"):
        page.goto(path)
        check_fits_the_window(page)

    visit.sign_in("cardiology")
    check_fits_the_window(page)
    page.get_by_role("link", name="发布需求").first.click()
    expect(page.get_by_role("button", name="提交审核")).to_be_visible()
    check_fits_the_window(page)
    page.get_by_role("button", name="提交审核").click()
    expect(page.locator("#error-summary")).to_be_focused()
    check_fits_the_window(page)

    page.goto("/needs")
    write_need(page, TRANSSEPTAL)
    page.get_by_role("textbox", name="限制条件").fill(LONG_WORD)
    submit(page)
    check_fits_the_window(page)
    broker = open_visit(width=PHONE).sign_in("putuo")
    broker.goto("/reviews")
    check_fits_the_window(broker)
    broker.get_by_role("link", name=TRANSSEPTAL.title).last.click()
    expect(broker.locator("summary", has_text="退回补充")).to_be_visible()
    check_fits_the_window(broker)
    broker.locator("summary", has_text="退回补充").click()
    check_fits_the_window(broker)
    broker.get_by_role("button", name="通过并发布").click()
    expect(broker.locator("#flash")).to_contain_text("需求已发布")
    page.reload()
    first = page.locator(".match").first
    expect(first.get_by_role("heading", name="普实医疗")).to_be_visible()
    check_fits_the_window(page)
    need = page.url

    first.get_by_role("link", name="普实医疗").click()
    expect(page.get_by_role("link", name="分体式左心耳封堵器（在研）")).to_be_visible()
    check_fits_the_window(page)
    page.get_by_role("link", name="可调弯射频房间隔穿刺系统").click()
    expect(page.get_by_text("详情需经授权查看")).to_be_visible()
    check_fits_the_window(page)

    for path in ("/releases?q=医院", "/versions", "/versions/1"):
        page.goto(f"{need}{path}")
        check_fits_the_window(page)
    page.goto("/notifications")
    check_fits_the_window(page)
    page.goto(need)
    page.locator("summary", has_text="撤回").click()
    check_fits_the_window(page)
    page.get_by_role("button", name="确认撤回").click()
    expect(page.locator("#flash")).to_contain_text("需求已撤回")
    page.locator("details.account summary").click()
    check_fits_the_window(page)


@pytest.mark.parametrize("account", ["enterprise", "putuo", "admin"])
def test_every_role_has_pages_that_fit_a_phone(open_visit: OpenVisit, account: str) -> None:
    visit = open_visit(width=PHONE)
    visit.expect_status(403)
    visit.sign_in(account)
    for path in (
        "/",
        "/needs",
        "/needs/new",
        "/capabilities",
        "/capabilities/new",
        "/reviews",
        "/released",
        "/notifications",
    ):
        visit.page.goto(path)
        check_fits_the_window(visit.page)


def test_the_first_stop_of_the_keyboard_skips_to_the_text(visit: Visit) -> None:
    page = visit.sign_in("cardiology")
    for path in ("/", "/needs", "/needs/new", "/search"):
        page.goto(path)
        skip = page.get_by_role("link", name="跳到正文")
        expect(skip).not_to_be_in_viewport()
        page.keyboard.press("Tab")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()


def test_signing_in_submitting_and_taking_back_by_keyboard_alone(visit: Visit) -> None:
    page = visit.page
    page.goto("/sign-in?next=/needs")
    page.get_by_label("邮箱").focus()
    page.keyboard.type("cardiology@demo.yiqiao.example")
    page.keyboard.press("Tab")
    page.keyboard.type("yiqiao-demo")
    page.keyboard.press("Enter")
    expect(page.locator("#flash")).to_contain_text("已登录")
    write_need(page, TRANSSEPTAL)
    page.get_by_role("button", name="提交审核").press("Enter")
    expect(page.locator("#flash")).to_contain_text("需求已提交")

    summary = page.locator("summary", has_text="取回")
    summary.press("Enter")
    expect(page.get_by_role("button", name="确认取回")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="确认取回")).to_be_hidden()
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="确认取回")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#flash")).to_contain_text("需求已取回")


def test_every_stop_of_the_keyboard_on_the_page_of_a_need_is_visible(visit: Visit) -> None:
    """Nobody tabs into something that is not to be seen, and the ring around the focus is drawn."""
    page = visit.sign_in("cardiology")
    page.get_by_role("link", name="能在心脏内调节弯度").click()
    expect(page.locator(".match").first).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        expect(focused).to_be_in_viewport()
        outline = focused.evaluate("e => getComputedStyle(e).outlineStyle + getComputedStyle(e).boxShadow")
        assert outline != "nonenone", focused.evaluate("e => e.outerHTML")


def test_filters_of_the_search_change_the_results_and_the_address(visit: Visit) -> None:
    page = visit.sign_in("cardiology")
    page.goto("/search?q=压力传感器")
    results = page.locator("#results")
    expect(results.locator(".teaser").first).to_be_visible()
    page.get_by_label("类型").select_option("service")
    page.wait_for_url("**kind=service**")
    expect(results.locator(".tag-capability").first).to_have_text("服务")
    expect(page.locator("#announcer")).to_contain_text("共找到")
    page.go_back()
    expect(page.get_by_label("类型")).to_have_value("")


def test_administration_on_a_phone(open_visit: OpenVisit) -> None:
    """The pages of administration, and a brief that is read by a reason: its form comes as a part of the page."""
    visit = open_visit(width=PHONE)
    page = visit.sign_in("admin")
    for path in ("/admin", "/admin/users", "/admin/audit", "/admin/mails", "/admin/system"):
        page.goto(path)
        expect(page.locator(".htmx-request")).to_have_count(0)
        check_fits_the_window(page)
    expect(page.locator("#index")).to_contain_text("摘要和详情")
    page.goto("/search?side=need")
    page.locator(".teaser-title a").first.click()
    page.get_by_label("用途").select_option("complaint")
    page.get_by_role("textbox", name="具体理由").fill("核对举报所称的内容。" + LONG_WORD)
    check_fits_the_window(page)
    page.get_by_role("button", name="记录理由并查看详情").click()
    expect(page.locator("#flash")).to_contain_text("理由已记录")
    check_fits_the_window(page)
    page.goto("/admin/audit?namespace=need")
    check_fits_the_window(page)
