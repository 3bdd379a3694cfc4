"""Writing a need in a browser: impatience, mistakes, a second tab and an ended session lose and double nothing."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenVisit
from tests.browser.visit import Visit, act, save_draft, submit, write_need
from tests.browser.wordings import TRANSSEPTAL, NeedText

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]


def titled(title: str) -> NeedText:
    """The need under a title that no other test uses."""
    return replace(TRANSSEPTAL, title=title)


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_a_double_click_on_submit_makes_one_need(open_visit: OpenVisit, javascript: bool) -> None:
    need = titled(f"连点两次提交的需求{'甲' if javascript else '乙'}")
    page = open_visit(javascript=javascript).sign_in("hospital")
    write_need(page, need)
    page.get_by_role("button", name="提交审核").dblclick()
    expect(page.get_by_role("heading", name=need.title, level=1)).to_be_visible()
    expect(page.locator(".status-submitted")).to_be_visible()
    page.get_by_role("link", name="我的需求").click()
    expect(page.get_by_role("link", name=need.title)).to_have_count(1)
    page.get_by_role("link", name=need.title).click()
    act(page, "取回")


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_what_is_missing_is_said_first_and_leads_to_its_field(open_visit: OpenVisit, javascript: bool) -> None:
    """The focus goes to the summary of errors, from there by its links to the fields; what was typed is still there."""
    visit = open_visit(javascript=javascript)
    visit.expect_status(422)
    page = visit.sign_in("hospital")
    write_need(page, replace(TRANSSEPTAL, title="   ", problem=""))
    page.get_by_role("button", name="提交审核").click()

    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("有 2 处需要修改")
    summary.get_by_role("link", name="遇到的问题与后果").press("Enter")
    problem = page.get_by_role("textbox", name="遇到的问题与后果")
    expect(problem).to_be_in_viewport()
    expect(page.locator("#problem-error")).to_contain_text("发布前请写明遇到的问题与后果。")
    expect(page.get_by_role("textbox", name=re.compile("^摘要"))).to_have_value(TRANSSEPTAL.summary)
    expect(page.get_by_role("textbox", name="需求要点（详情）")).to_have_value("\n".join(TRANSSEPTAL.requirements))
    expect(page.get_by_label("临床观摩")).to_be_checked()

    page.get_by_role("textbox", name="标题").fill(f"补全后提交的需求{javascript}")
    problem.fill(TRANSSEPTAL.problem)
    submit(page)
    act(page, "取回")


def test_an_edit_in_another_tab_is_not_overwritten_unseen(visit: Visit) -> None:
    visit.expect_status(409)
    first = visit.sign_in("hospital")
    write_need(first, titled("两个窗口同时修改的需求"))
    save_draft(first)
    first.get_by_role("link", name="编辑").click()
    second = visit.context.new_page()
    second.goto(first.url)
    for page, text in ((first, "第一个窗口的说法。"), (second, "第二个窗口的说法。")):
        page.get_by_role("textbox", name="目前的做法").fill(text)
    save_changes(first)
    expect(first.get_by_text("第一个窗口的说法。")).to_be_visible()

    second.get_by_role("button", name="保存草稿").click()
    expect(second.locator("#conflict")).to_be_focused()
    expect(second.locator("#conflict")).to_contain_text("已在另一个窗口或由同事修改")
    expect(second.get_by_role("textbox", name="目前的做法")).to_have_value("第二个窗口的说法。")
    first.reload()
    expect(first.get_by_text("第一个窗口的说法。")).to_be_visible()

    save_changes(second)
    expect(second.get_by_text("第二个窗口的说法。")).to_be_visible()


def save_changes(page: Page) -> None:
    """Save an edited draft, and see the confirmation."""
    page.get_by_role("button", name="保存草稿").click()
    expect(page.locator("#flash")).to_contain_text("修改已保存")


def test_a_session_that_ends_while_writing_leads_to_signing_in_and_back_to_the_text(visit: Visit) -> None:
    need = titled("写到一半登录过期的需求")
    page = visit.sign_in("hospital")
    write_need(page, need)
    form = page.url
    visit.context.clear_cookies()
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_role("heading", name="登录医桥")).to_be_visible()

    # Sign in in another tab, go back: the browser still has the text.
    other = visit.context.new_page()
    visit.page = other
    visit.sign_in("hospital")
    expect(other.get_by_role("link", name=need.title)).to_have_count(0)
    page.go_back()
    page.wait_for_url(form)
    expect(page.get_by_role("textbox", name="标题")).to_have_value(need.title)
