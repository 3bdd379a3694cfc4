"""Pictures of every page at desk and phone width, for each role: `python -m tests.browser.screenshots OUT [--readme]`.

It seeds and starts a site of its own. With --readme the picture of the README is made besides.
"""

import argparse
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from backend.config import PROJECT_ROOT, Settings
from tests.browser import site as sites
from tests.browser.rooms import Rooms, furnish
from tests.browser.visit import HEIGHTS, TIMEOUT, Visit, act, launch, review, save_draft, submit, write_need
from tests.browser.wordings import TRANSSEPTAL, UNANSWERABLE, NeedText

README_IMAGE = PROJECT_ROOT / "docs" / "images" / "suggestions.png"
LONG_SEARCH = "/search?q=" + "穿刺" * 2001
COMMON = {
    "home": "/",
    "search": "/search?q=房间隔穿刺针上滑",
    "search-needs": "/search?side=need",
    "404": "/nothing-here",
}
OWN = {
    "needs": "/needs",
    "capabilities": "/capabilities",
    "need-form": "/needs/new",
    "capability-form": "/capabilities/new",
}
UNKNOWN = NeedText(
    kind="scenario",
    title="asdf qwer zxcv",
    summary="asdf qwer zxcv",
    problem="asdf qwer zxcv",
)


class Album:
    """Saves full pages of one role at one width."""

    def __init__(self, browser: Browser, url: str, folder: Path, role: str, width: int) -> None:
        self.visit = Visit(browser, url, width=width)
        self.page: Page = self.visit.page
        self._folder, self._name = folder, f"{role}-{{}}-{width}.png"

    def take(self, name: str) -> None:
        """A picture of the page as it stands, once nothing is loading any more."""
        self.page.wait_for_load_state("networkidle")
        expect(self.page.locator(".htmx-request")).to_have_count(0)
        self.page.screenshot(path=self._folder / self._name.format(name), full_page=True)

    def tour(self, paths: dict[str, str]) -> None:
        """Go to each address and take it."""
        for name, path in paths.items():
            self.page.goto(path)
            self.take(name)

    def open(self, link: str) -> None:
        """Follow a link by its text."""
        self.page.get_by_role("link", name=link).first.click()


def _publish(album: Album, title: str) -> None:
    """Submit the form, and let a broker in another window publish the need."""
    submit(album.page)
    browser = album.visit.context.browser
    assert browser
    broker = Visit(browser, album.visit.url)
    review(broker.sign_in("putuo"), title)
    broker.close()
    album.page.reload()


def visitor(album: Album) -> None:
    """Nobody has signed in."""
    album.tour(COMMON | {"sign-in": "/sign-in", "search-empty": "/search?q=针&region=321200&kind=capital"})
    album.tour({"search-too-long": LONG_SEARCH})
    album.page.goto("/sign-in")
    album.page.get_by_label("邮箱").fill("cardiology@demo.yiqiao.example")
    album.page.get_by_label("密码").fill("wrong")
    album.page.get_by_role("main").get_by_role("button", name="登录").click()
    album.take("sign-in-422")
    album.page.goto("/search?side=need")
    album.page.locator(".teaser-title a").first.click()
    album.take("need")


def hospital(album: Album) -> None:
    """The department of the story: forms, mistakes, a conflict, suggestions, nothing found, withdrawn."""
    page = album.visit.sign_in("cardiology")
    album.take("signed-in")
    page.locator("details.account summary").click()
    album.take("account-menu")
    album.tour(COMMON | OWN)

    page.goto("/needs")
    write_need(page, replace(TRANSSEPTAL, title="", problem=""))
    page.get_by_role("button", name="提交审核").click()
    album.take("need-form-422")

    page.goto("/needs")
    write_need(page, TRANSSEPTAL)
    album.take("need-form-filled")
    save_draft(page)
    album.take("need-draft")
    page.get_by_role("link", name="编辑").click()
    expect(page.get_by_role("heading", name="编辑需求")).to_be_visible()
    other = album.visit.context.new_page()
    other.goto(page.url)
    other.get_by_role("textbox", name="限制条件").fill("与现有鞘管兼容。")
    other.get_by_role("button", name="保存草稿").click()
    expect(other.locator("#flash")).to_contain_text("修改已保存")
    page.get_by_role("textbox", name="发生频度").fill("每年约两百台。")
    page.get_by_role("button", name="保存草稿").click()
    expect(page.locator("#conflict")).to_be_visible()
    album.take("need-conflict")
    _publish(album, TRANSSEPTAL.title)
    expect(page.locator(".match").first).to_be_visible()
    album.take("need-suggestions")
    need = page.url
    album.tour({"releases": f"{need}/releases?q=医疗", "versions": f"{need}/versions"})
    album.tour({"suggestions": f"{need}/suggestions"})
    album.open("普实医疗")
    expect(page.get_by_role("link", name="分体式左心耳封堵器（在研）")).to_be_visible()
    album.take("organisation")
    album.open("可调弯射频房间隔穿刺系统")
    album.take("capability-of-others")

    page.goto(need)
    page.locator("summary", has_text="撤回").click()
    album.take("need-withdraw")
    page.get_by_role("button", name="确认撤回").click()
    album.take("need-withdrawn")
    act(page, "删除")
    album.take("need-discarded")

    for name, text in {
        "need-unanswerable": NeedText(title=UNANSWERABLE[0], summary=UNANSWERABLE[0], problem="鱼听不见。"),
        "need-nothing-found": UNKNOWN,
    }.items():
        page.goto("/needs")
        write_need(page, text)
        _publish(album, text.title)
        expect(page.locator("#suggestions")).not_to_have_class("loading")
        album.take(name)
        act(page, "撤回")


def enterprise(album: Album) -> None:
    """The company of the story: its capability, and a need of others."""
    page = album.visit.sign_in("enterprise")
    album.tour(COMMON | OWN)
    page.goto("/capabilities/new")
    page.get_by_role("button", name="提交审核").click()
    album.take("capability-form-422")
    page.goto("/capabilities")
    album.open("可调弯射频房间隔穿刺系统")
    expect(page.locator(".match").first).to_be_visible()
    album.take("capability-suggestions")
    page.locator(".match-title a").first.click()
    expect(page.locator("#suggestions")).not_to_have_class("loading")
    album.take("need-of-others")
    album.tour({"organisation-of-own": page.get_by_role("link", name="普实医疗").first.get_attribute("href") or "/"})


def broker(album: Album) -> None:
    """The needs of the district, and one of them with the full suggestions."""
    page = album.visit.sign_in("putuo")
    album.tour(COMMON | {"needs": "/needs", "capabilities": "/capabilities"})
    album.tour({"reviews": "/reviews", "notifications": "/notifications", "mails": "/notifications/preferences"})
    page.goto("/search?side=need&q=能在心脏内调节弯度的房间隔穿刺针")
    album.open("能在心脏内调节弯度")
    expect(page.locator(".match").first).to_be_visible()
    album.take("need-suggestions")


def admin(album: Album) -> None:
    """A user without an organisation: lists are empty, forms are refused; and the pages of administration."""
    album.visit.sign_in("admin")
    album.tour(COMMON | OWN)
    album.tour({f"admin-{name}": f"/admin/{name}" for name in ("users", "audit", "mails", "system")})
    album.tour({"admin": "/admin"})
    album.page.goto("/search?side=need")
    album.page.locator(".teaser-title a").first.click()
    album.take("need-by-reason")


ROLES = (visitor, hospital, enterprise, broker, admin)


def readme_image(browser: Browser, url: str, path: Path) -> None:
    """The need of the story with its first suggestions, as they stand in a window at a desk."""
    visit = Visit(browser, url)
    page = visit.sign_in("cardiology")
    page.get_by_role("link", name="能在心脏内调节弯度").click()
    expect(page.locator(".match").first).to_be_visible()
    page.locator("#suggestions-heading").evaluate(
        "e => window.scrollTo(0, e.getBoundingClientRect().top + scrollY - 40)"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    visit.close()


def take_all(browser: Browser, url: str, folder: Path, widths: Iterable[int]) -> None:
    """Every page of every role at every width."""
    for width in widths:
        for role in ROLES:
            album = Album(browser, url, folder, role.__name__, width)
            role(album)
            album.visit.close()


def take_rooms(browser: Browser, url: str, folder: Path, widths: Iterable[int], rooms: Rooms) -> None:
    """Every page of the rooms of the broker desk, as each role takes them."""
    for width in widths:
        for account, paths in rooms.of().items():
            album = Album(browser, url, folder, f"rooms-{account}", width)
            album.visit.sign_in(account)
            album.tour(paths)
            album.visit.close()


def main() -> None:
    """Read the arguments and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--readme", action="store_true", help=f"also write {README_IMAGE.relative_to(PROJECT_ROOT)}")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=TIMEOUT)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "var"
        sites.seed(data_dir, (PROJECT_ROOT / Settings().data_dir / "models").resolve())
        with sites.running(data_dir) as site, sync_playwright() as playwright:
            browser = launch(playwright)
            take_all(browser, site.url, arguments.out, HEIGHTS)
            if arguments.readme:
                readme_image(browser, site.url, README_IMAGE)
            take_rooms(browser, site.url, arguments.out, HEIGHTS, furnish(data_dir))
            browser.close()
    print(f"{len(list(arguments.out.glob('*.png')))} pictures in {arguments.out}")


if __name__ == "__main__":
    main()
