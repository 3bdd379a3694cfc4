"""A visit to the site in a browser, and the steps that users take in it."""

import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, WebError, expect

from tests.browser.site import PASSWORD
from tests.browser.wordings import NeedText

TIMEOUT = 60_000
"""Milliseconds; generous, as the machine may be busy."""
HEIGHTS = {390: 844, 1440: 900}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
GIVEN_UP = ("htmx:afterRequest", "htmx:sendAbort", "htmx:sendError")
"""What htmx writes of a request that the next key or leaving the page has ended; answers are told otherwise."""
LOCAL_SCHEMES = frozenset({"about", "blob", "data"})
# Everything that reaches over the right edge of the window and does not scroll or hide in a box of its own.
REACHES_OVER = """() => {
  const edge = document.documentElement.clientWidth + 1;
  const contained = (element) => {
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      if (box.matches(".visually-hidden, .skip-link")) return true;
      if (box !== element && getComputedStyle(box).overflowX !== "visible") return true;
    }
    return false;
  };
  return [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > edge && !contained(element))
    .map((element) => `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}`);
}"""


def launch(playwright: Playwright) -> Browser:
    """The system's browser, else Playwright's own."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    return playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS])


class Visit:
    """One browser window with cookies of its own, and everything that the browser has complained of in it."""

    def __init__(self, browser: Browser, url: str, *, javascript: bool = True, width: int = 1440) -> None:
        self.url = url
        self.problems: list[str] = []
        self._expected: set[str] = set()
        self.context = browser.new_context(
            base_url=url,
            java_script_enabled=javascript,
            viewport={"width": width, "height": HEIGHTS[width]},
            has_touch=width < 800,
            locale="zh-CN",
        )
        self.context.set_default_timeout(TIMEOUT)
        self.context.on("console", self._hear)
        self.context.on("weberror", self._fail)
        self.context.on("request", self._check_host)
        self.page = self.context.new_page()

    def expect_status(self, status: int) -> None:
        """The browser and htmx log answers of this status as errors; this test wants one."""
        self._expected |= {
            f"the server responded with a status of {status} ",
            f"Response Status Error Code {status} from ",
        }

    def _hear(self, message: ConsoleMessage) -> None:
        if message.text.startswith(GIVEN_UP):
            return
        if message.type == "error" and not any(text in message.text for text in self._expected):
            self.problems.append(f"{message.text} ({message.location})")

    def _fail(self, error: WebError) -> None:
        self.problems.append(str(error.error))

    def _check_host(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in LOCAL_SCHEMES and not request.url.startswith(f"{self.url}/"):
            self.problems.append(f"request to another host: {request.url}")

    def save_screenshots(self, folder: Path, name: str) -> None:
        """A picture of every open tab."""
        folder.mkdir(exist_ok=True)
        for number, tab in enumerate(self.context.pages, 1):
            tab.screenshot(path=folder / f"{name}-{number}.png", full_page=True)

    def close(self) -> None:
        """Close all tabs."""
        self.context.close()

    def sign_in(self, account: str) -> Page:
        """Sign in by the form; ends on the list of needs."""
        self.page.goto("/needs")
        self.page.get_by_label("邮箱").fill(f"{account}@demo.yiqiao.example")
        self.page.get_by_label("密码").fill(PASSWORD)
        self.page.get_by_role("main").get_by_role("button", name="登录").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("需求")
        expect(self.page.locator("#flash")).to_contain_text("已登录")
        return self.page


def write_need(page: Page, need: NeedText) -> None:
    """From the list of needs to a filled form."""
    page.get_by_role("link", name="发布需求").first.click()
    expect(page.get_by_role("heading", name="发布需求", level=1)).to_be_visible()
    # On a phone the sections after the first are folded.
    for summary in page.locator("details[data-fold]:not([open]) > summary").all()[::-1]:
        summary.click()
    for label, text in need.fields().items():
        # By its beginning: "需求要点（摘要）" is another field than "摘要".
        page.get_by_role("textbox", name=re.compile(f"^{re.escape(label)}")).fill(text)
    page.get_by_label("需求类型").select_option(need.kind)
    for offer in need.offers:
        page.get_by_label(offer, exact=True).check()


def submit(page: Page) -> None:
    """Send the form to be reviewed, and see the confirmation."""
    page.get_by_role("button", name="提交审核").click()
    expect(page.locator("#flash")).to_contain_text("需求已提交")
    expect(page.locator(".status-submitted")).to_be_visible()


def review(broker: Page, title: str) -> None:
    """Find a need among what waits, and publish it."""
    broker.get_by_role("link", name="工作台", exact=True).first.click()
    broker.locator(".desk-tabs").get_by_role("link", name="审核", exact=True).click()
    broker.get_by_role("link", name=title).last.click()
    broker.get_by_role("button", name="通过并发布").click()
    expect(broker.locator("#flash")).to_contain_text("需求已发布")


def publish(page: Page, broker: Page, title: str) -> None:
    """Send the form, let the broker of the district publish the need, and see it published."""
    submit(page)
    review(broker, title)
    page.reload()
    expect(page.locator(".status-published")).to_be_visible()


def save_draft(page: Page) -> None:
    """Save the form as a draft, and see the confirmation."""
    page.get_by_role("button", name="保存草稿").click()
    expect(page.locator("#flash")).to_contain_text("已保存为草稿")


def act(page: Page, action: str) -> None:
    """撤回 or 删除, with its confirmation."""
    page.locator("summary", has_text=action).click()
    page.get_by_role("button", name=f"确认{action}").click()


def sign_out(page: Page) -> None:
    """By the menu of the account."""
    page.locator("details.account summary").click()
    page.get_by_role("button", name="退出登录").click()
    expect(page.locator("#flash")).to_contain_text("已退出登录")


def check_fits_the_window(page: Page) -> None:
    """Nothing reaches over the right edge, so that nobody has to scroll sideways.

    A click on a link comes back before the next page is there: expect something of it first, or this
    measures the page that is being left.
    """
    page.wait_for_load_state()
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], (page.url, widths)
    over = page.evaluate(REACHES_OVER)
    assert not over, (page.url, over)
