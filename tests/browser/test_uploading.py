"""Adding files in a browser: several with their progress, what is refused or called off, and without JavaScript."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import files
from tests.browser.conftest import OpenVisit
from tests.browser.visit import Visit, check_fits_the_window

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]

SLOW = 1_500_000
"""Bytes a second of a line on which a progress can be seen."""
TOO_LARGE = 20_000_001
DROPPED = """() => {
  const all = new DataTransfer();
  for (let n = 1; n < 12; n += 1) all.items.add(new File(["x"], `${n}.txt`));
  return all;
}"""


def draft(page: Page, title: str) -> str:
    """A draft of one's own to which files can be added; gives its address, with the list of files read."""
    page.goto("/needs/new")
    page.get_by_role("textbox", name="标题").fill(title)
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    return page.url


def choose(page: Page, *chosen: Path) -> None:
    """Choose files, as the window of the system does."""
    page.locator("#file").set_input_files(chosen)


def upload(page: Page) -> Locator:
    """The button that sends them."""
    return page.get_by_role("button", name="上传", exact=True)


def written(folder: Path, name: str, content: bytes | int) -> Path:
    """A file to choose; a number makes a text of so many bytes."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else b"x" * content)
    return path


def slow_down(visit: Visit) -> None:
    """A slow line."""
    session = visit.context.new_cdp_session(visit.page)
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SLOW},
    )


def names(page: Page) -> list[str]:
    """The files of the list."""
    return page.locator(".files .file-name").all_inner_texts()


@pytest.mark.parametrize("width", [1440, 390])
def test_several_files_show_their_progress_and_are_listed(open_visit: OpenVisit, tmp_path: Path, width: int) -> None:
    visit = open_visit(width=width)
    page = visit.sign_in("hospital")
    draft(page, f"有几个附件的需求{width}")
    choose(page, written(tmp_path, "观察记录.txt", 2_000_000), written(tmp_path, "方案.docx", files.word()))
    choose(page, written(tmp_path, "照片.jpg", files.jpeg()))
    rows = page.locator(".upload-row")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("等待上传")
    check_fits_the_window(page)
    slow_down(visit)
    upload(page).dblclick()
    bar = rows.first.get_by_role("progressbar", name="上传进度")
    expect(bar).to_be_visible()
    expect(rows.first).to_contain_text(re.compile(r"正在上传 [1-9]\d?%"))
    assert 0 < float(bar.evaluate("e => e.value")) <= 100
    expect(upload(page)).to_be_disabled()
    expect(page.locator("#flash")).to_contain_text("附件已上传")
    expect(page.locator(".files .file-name")).to_have_count(3)
    assert names(page) == ["观察记录.txt", "方案.docx", "照片.jpg"]
    check_fits_the_window(page)


def test_what_cannot_be_taken_is_said_before_anything_is_sent(visit: Visit, tmp_path: Path) -> None:
    page = visit.sign_in("hospital")
    draft(page, "附件过大的需求")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    choose(
        page,
        written(tmp_path, "录像.txt", TOO_LARGE),
        written(tmp_path, "旧.doc", b"x"),
        written(tmp_path, "空.txt", 0),
    )
    rows = page.locator(".upload-row")
    expect(rows.nth(0)).to_contain_text("文件超过 20 MB，请压缩或拆分后上传。")
    expect(rows.nth(1)).to_contain_text("不支持这种文件")
    expect(rows.nth(2)).to_contain_text("文件是空的")
    upload(page).click()
    assert not sent
    for _ in range(3):
        rows.first.get_by_role("button", name="移除").click()
    expect(rows).to_have_count(0)
    expect(page.locator("#file")).to_be_focused()

    dropped = page.evaluate_handle(DROPPED)
    page.locator(".drop").dispatch_event("drop", {"dataTransfer": dropped})
    expect(rows).to_have_count(11)
    expect(rows.nth(9)).to_contain_text("等待上传")
    expect(rows.nth(10)).to_contain_text("最多 10 个")
    assert not sent


def test_one_that_is_refused_stays_with_its_reason_and_the_others_are_kept(visit: Visit, tmp_path: Path) -> None:
    visit.expect_status(422)
    page = visit.sign_in("hospital")
    draft(page, "有一个附件被退回的需求")
    choose(page, written(tmp_path, "图.png", b"GIF89a"), written(tmp_path, "说明.txt", b"text"))
    upload(page).click()
    rows = page.locator(".upload-row")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("文件内容与扩展名 .png 不符")
    expect(page.locator(".files .file-name")).to_have_text(["说明.txt"])
    upload(page).click()
    expect(rows).to_contain_text("文件内容与扩展名 .png 不符")
    assert names(page) == ["说明.txt"]


def test_an_upload_is_called_off(visit: Visit, tmp_path: Path) -> None:
    page = visit.sign_in("hospital")
    draft(page, "取消上传的需求")
    slow_down(visit)
    choose(page, written(tmp_path, "很大.txt", 15_000_000), written(tmp_path, "小.txt", b"text"))
    upload(page).click()
    row = page.locator(".upload-row", has_text="很大.txt")
    expect(row).to_contain_text(re.compile(r"正在上传 [1-9]\d?%"))
    row.get_by_role("button", name="取消").click()
    expect(page.locator("#flash")).to_contain_text("附件已上传")
    expect(page.locator(".files .file-name")).to_have_text(["小.txt"])


def test_files_wait_for_signing_in_again(visit: Visit, tmp_path: Path) -> None:
    visit.expect_status(401)
    page = visit.sign_in("hospital")
    draft(page, "上传时登录过期的需求")
    choose(page, written(tmp_path, "说明.txt", b"text"))
    visit.context.clear_cookies()
    upload(page).click()
    expect(page.locator(".upload-row")).to_contain_text("登录已过期")
    visit.page = visit.context.new_page()
    visit.sign_in("hospital")
    upload(page).click()
    expect(page.locator(".files .file-name")).to_have_text(["说明.txt"])


def test_without_a_script_one_file_at_a_time(open_visit: OpenVisit, tmp_path: Path) -> None:
    visit = open_visit(javascript=False)
    visit.expect_status(422)
    page = visit.sign_in("hospital")
    need = draft(page, "没有脚本时上传的需求")
    page.get_by_role("link", name="查看附件").click()
    choose(page, written(tmp_path, "录像.txt", TOO_LARGE))
    upload(page).click()
    expect(page.locator("#file-error")).to_contain_text("文件超过 20 MB")
    expect(page.locator("#error-summary")).to_be_focused()
    choose(page, written(tmp_path, "说明.txt", b"text"))
    upload(page).dblclick()
    expect(page).to_have_url(need)
    page.get_by_role("link", name="查看附件").click()
    assert names(page) == ["说明.txt"]


def test_a_file_to_be_read_is_checked_before_the_form_is_sent(visit: Visit, tmp_path: Path) -> None:
    page = visit.sign_in("hospital")
    page.goto("/needs/new")
    page.locator("summary", has_text="从文件填写").click()
    choose(page, written(tmp_path, "征集表.docx", TOO_LARGE))
    expect(page.locator("#file-problem")).to_contain_text("文件超过 20 MB")
    expect(page.locator("#file")).to_have_value("")
    choose(page, written(tmp_path, "征集表.docx", files.word()))
    expect(page.locator("#file-problem")).to_be_hidden()
    page.goto("about:blank")
