"""Writing a need with the rehearsal beside the form: the check-up and dry run follow, drafts stay, files fall apart."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Page, Response, expect

from backend.rehearsal.parts import take_apart
from backend.rehearsal.reading import read
from tests.browser.conftest import OpenVisit
from tests.browser.visit import Visit, act, check_fits_the_window
from tests.browser.wordings import TRANSSEPTAL

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]

FORM = """<h1>临床需求征集表</h1><table border="1" style="border-collapse:collapse;font-size:14px">
<tr><td>需求名称</td><td>可调弯的房间隔穿刺针</td></tr>
<tr><td>应用场景</td><td>房颤消融、左心耳封堵手术，页面长度与风险</td></tr>
<tr><td>存在问题</td><td>针尖抵住房间隔后上滑。</td></tr></table>
<p>预期目标：弯度可在心脏内调节。</p><p>联系人：心内科办公室</p>"""


def type_in(page: Page, label: str, text: str) -> None:
    """Type into a field by its label, as keys do."""
    page.get_by_role("textbox", name=re.compile(f"^{label}")).fill(text)


def is_saving_of(text: str) -> Callable[[Response], bool]:
    """Whether an answer is to the saving of a form with this text; an earlier one may still be on its way."""
    sent = quote_plus(text)
    return lambda answer: answer.url.endswith("/autosave") and sent in (answer.request.post_data or "")


def unfold(page: Page) -> None:
    """Open all sections of the form."""
    for summary in page.locator("details[data-fold]:not([open]) > summary").all()[::-1]:
        summary.click()


def test_the_panel_follows_and_the_draft_stays(visit: Visit) -> None:
    page = visit.sign_in("hospital")
    page.goto("/needs/new")
    panel = page.locator("#rehearsal")
    expect(panel).to_contain_text("写下标题和问题后")
    type_in(page, "标题", "一次性喉镜")
    expect(panel.get_by_role("link", name="只写了产品名称")).to_be_visible()
    expect(page.locator("#autosave")).to_contain_text("已自动保存")
    page.wait_for_url(re.compile(r"/needs/[0-9a-f]{16}/edit$"))

    type_in(page, "标题", TRANSSEPTAL.title)
    type_in(page, "术式与场景", TRANSSEPTAL.procedure)
    type_in(page, "目前的做法", TRANSSEPTAL.current_practice)
    type_in(page, "遇到的问题与后果", TRANSSEPTAL.problem)
    type_in(page, "摘要", TRANSSEPTAL.summary)
    expect(panel.get_by_role("link", name="只写了产品名称")).to_have_count(0)
    expect(panel.get_by_role("link", name="没有写怎样算解决")).to_be_visible()
    expect(panel).to_contain_text("项能力可能解决")
    expect(panel.locator(".trial")).to_contain_text("穿刺")
    expect(panel).to_contain_text("类似需求")
    panel.get_by_role("link", name="没有写怎样算解决").click()
    expect(page.get_by_role("textbox", name="怎样算解决")).to_be_in_viewport()
    type_in(page, "怎样算解决", TRANSSEPTAL.acceptance_criteria)
    expect(panel.get_by_role("link", name="没有写怎样算解决")).to_have_count(0)
    type_in(page, "发生频度", "患者王小梅，女，63岁；一年两百来台。")
    expect(panel).to_contain_text("疑似患者姓名")

    line = page.locator("#autosave")
    with page.expect_response(is_saving_of(TRANSSEPTAL.frequency)) as saved:
        type_in(page, "发生频度", TRANSSEPTAL.frequency)
    assert saved.value.status == 200
    expect(line).to_contain_text("已自动保存")
    page.reload()
    expect(page.get_by_role("textbox", name="发生频度")).to_have_value(TRANSSEPTAL.frequency)
    expect(page.get_by_role("textbox", name="标题")).to_have_value(TRANSSEPTAL.title)
    expect(panel).to_contain_text("项能力可能解决")

    page.get_by_role("button", name="保存草稿").click()
    expect(page.locator("#flash")).to_contain_text("修改已保存")
    act(page, "删除")


def test_what_is_typed_last_is_saved_on_leaving(visit: Visit) -> None:
    page = visit.sign_in("hospital")
    page.goto("/needs/new")
    type_in(page, "标题", "离开页面时保存的需求")
    expect(page.locator("#autosave")).to_contain_text("已自动保存")
    page.wait_for_url(re.compile("/edit$"))
    address = page.url
    type_in(page, "遇到的问题与后果", "最后打的几个字。")
    page.goto("/needs")
    page.goto(address)
    expect(page.get_by_role("textbox", name="遇到的问题与后果")).to_have_value("最后打的几个字。")
    page.get_by_role("link", name="取消").click()
    act(page, "删除")


def test_without_a_script_a_button_brings_the_panel(open_visit: OpenVisit) -> None:
    page = open_visit(javascript=False).sign_in("hospital")
    page.goto("/needs/new")
    type_in(page, "标题", TRANSSEPTAL.title)
    type_in(page, "遇到的问题与后果", TRANSSEPTAL.problem)
    page.locator("#rehearsal").get_by_role("button", name="检查并试匹配").click()
    expect(page.locator("#rehearsal")).to_contain_text("项能力可能解决")
    expect(page.locator("#rehearsal")).to_contain_text("还可以补充")
    expect(page.get_by_role("textbox", name="遇到的问题与后果")).to_have_value(TRANSSEPTAL.problem)


@pytest.mark.parametrize("width", [1440, 390])
def test_a_printed_pdf_falls_into_the_fields(open_visit: OpenVisit, tmp_path: Path, width: int) -> None:
    """Chromium prints ⼿ for 手 and the like: what arrives in the form are ordinary characters."""
    visit = open_visit(width=width)
    printer = visit.context.new_page()
    printer.set_content(FORM)
    session = visit.context.new_cdp_session(printer)
    printed = base64.b64decode(session.send("Page.printToPDF")["data"])
    printer.close()
    file = tmp_path / "需求.pdf"
    file.write_bytes(printed)
    assert take_apart(read(printed)).fields["procedure"] == "房颤消融、左心耳封堵手术，页面长度与风险"

    page = visit.sign_in("hospital")
    page.goto("/needs/new")
    page.locator("summary", has_text="从文件填写").click()
    page.get_by_label("Word 或 PDF 文件").set_input_files(file)
    page.get_by_role("button", name="读取并填入").click()
    expect(page.locator("#filling-note")).to_contain_text("已填入以下各栏")
    unfold(page)
    expect(page.get_by_role("textbox", name="标题")).to_have_value("可调弯的房间隔穿刺针")
    expect(page.get_by_role("textbox", name="术式与场景")).to_have_value("房颤消融、左心耳封堵手术，页面长度与风险")
    expect(page.get_by_role("textbox", name="怎样算解决")).to_have_value("弯度可在心脏内调节。")
    check_fits_the_window(page)


def test_the_form_is_short_on_a_phone(open_visit: OpenVisit) -> None:
    page = open_visit(width=390).sign_in("hospital")
    page.goto("/needs/new")
    expect(page.get_by_role("textbox", name="标题")).to_be_visible()
    expect(page.get_by_role("textbox", name="遇到的问题与后果")).to_be_hidden()
    check_fits_the_window(page)
    folded = page.evaluate("document.documentElement.scrollHeight")
    unfold(page)
    type_in(page, "遇到的问题与后果", "针会上滑。")
    check_fits_the_window(page)
    assert folded < page.evaluate("document.documentElement.scrollHeight") / 2
    page.locator("#part-situation > summary").click()
    expect(page.locator("#part-situation > summary")).to_contain_text("已填 1 项")
