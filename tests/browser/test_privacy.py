"""What others must not see, in the browser: a draft, and anything after signing out."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenVisit
from tests.browser.visit import Visit, save_draft, sign_out, write_need
from tests.browser.wordings import TRANSSEPTAL

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]

DRAFT = replace(TRANSSEPTAL, title="还没想好要不要公开的需求")


@pytest.mark.parametrize("stranger", ["enterprise", "university", "jiading", None])
def test_a_draft_is_not_there_for_strangers(open_visit: OpenVisit, stranger: str | None) -> None:
    author = open_visit().sign_in("cardiology")
    write_need(author, DRAFT)
    save_draft(author)

    visit = open_visit()
    visit.expect_status(404)
    page = visit.sign_in(stranger) if stranger else visit.page
    for path in ("", "/suggestions", "/edit") if stranger else ("", "/suggestions"):
        answer = page.goto(f"{author.url}{path}")
        assert answer
        assert answer.status == 404
        expect(page.get_by_role("heading", name="没有找到这个页面")).to_be_visible()
        expect(page.get_by_text(DRAFT.title)).to_have_count(0)


def test_going_back_after_signing_out_shows_nothing_private(visit: Visit) -> None:
    visit.expect_status(404)
    page = visit.sign_in("cardiology")
    write_need(page, DRAFT)
    save_draft(page)
    draft = page.url
    page.get_by_role("link", name="编辑").click()
    expect(page.get_by_role("textbox", name="标题")).to_have_value(DRAFT.title)
    sign_out(page)
    expect(page.get_by_role("link", name="登录", exact=True)).to_be_visible()

    page.go_back()
    expect(page.get_by_role("heading", name="登录医桥")).to_be_visible()
    expect(page.get_by_text(DRAFT.summary)).to_have_count(0)
    page.goto(draft)
    expect(page.get_by_role("heading", name="没有找到这个页面")).to_be_visible()
    page.goto("/needs")
    expect(page.get_by_role("heading", name="登录医桥")).to_be_visible()


def test_signing_out_in_one_tab_ends_the_other(visit: Visit) -> None:
    page = visit.sign_in("cardiology")
    other = visit.context.new_page()
    other.goto("/needs")
    sign_out(page)
    other.get_by_role("link", name="发布需求").first.click()
    expect(other.get_by_role("heading", name="登录医桥")).to_be_visible()
