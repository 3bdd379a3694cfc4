"""Pages of the broker desk fit a phone and a desk; their headings are in order, their fields have names."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import site as sites
from tests.browser.rooms import Rooms, furnish
from tests.browser.site import Site
from tests.browser.visit import HEIGHTS, Visit, check_fits_the_window

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]

HEADINGS = "[...document.querySelectorAll('main :is(h1, h2, h3, h4)')].map(e => Number(e.tagName[1]))"
NAMELESS = """[...document.querySelectorAll('main :is(input, select, textarea)')]
  .filter(e => e.type !== 'hidden' && !e.labels.length && !e.ariaLabel).map(e => e.outerHTML)"""
TWICE = """(ids => ids.filter((id, place) => ids.indexOf(id) < place))(
  [...document.querySelectorAll('[id]')].map(e => e.id))"""
TRIES, PAUSE = 60, 2000
ROLES = ("putuo", "cardiology", "enterprise", "university", "admin")


@pytest.fixture(scope="module")
def furnished(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Rooms]]:
    """A site with cases in every state."""
    data_dir = sites.copied(seeded, tmp_path_factory.mktemp("rooms") / "var")
    rooms = furnish(data_dir)
    with sites.running(data_dir) as started:
        yield started, rooms
    log = started.log.read_text(encoding="utf-8")
    assert "Traceback" not in log, log


def check(page: Page) -> None:
    """What holds on every page."""
    expect(page.locator(".htmx-request")).to_have_count(0)
    check_fits_the_window(page)
    levels = page.evaluate(HEADINGS)
    steps = [later - level for level, later in itertools.pairwise(levels)]
    assert levels.count(1) == 1 and levels[0] == 1 and max(steps, default=0) <= 1, (page.url, levels)
    assert page.evaluate(NAMELESS) == [], page.url
    assert page.evaluate(TWICE) == [], page.url


@pytest.mark.parametrize("width", HEIGHTS)
@pytest.mark.parametrize("account", ROLES)
def test_rooms_fit_the_window(browser: Browser, furnished: tuple[Site, Rooms], account: str, width: int) -> None:
    site, rooms = furnished
    visit = Visit(browser, site.url, width=width)
    page = visit.sign_in(account)
    for path in rooms.of()[account].values():
        answer = page.goto(path)
        assert answer and answer.status == 200, path
        check(page)
        page.evaluate("document.querySelectorAll('main details.fold').forEach(e => { e.open = true; })")
        check(page)
    visit.close()
    assert not visit.problems, visit.problems


def test_offers_compare_on_a_phone(browser: Browser, furnished: tuple[Site, Rooms]) -> None:
    """Three side by side scroll in a frame of their own; what is compared stays named at the left."""
    visit = Visit(browser, furnished[0].url, width=390)
    page = visit.sign_in("putuo")
    offers = page.locator("main a", has_text="撮合台")
    # Short lists are made by a task of the site, some time after it has started.
    for _ in range(TRIES):
        page.goto("/desk/assignment")
        if offers.count():
            break
        page.wait_for_timeout(PAUSE)
    check(page)
    offers.first.click()
    check(page)
    boxes = page.get_by_role("checkbox", name="比较")
    for number in range(3):
        boxes.nth(number).check()
    page.get_by_role("button", name="比较所选").last.click()
    check(page)
    name = page.get_by_role("rowheader", name="匹配度")
    before = name.bounding_box()
    page.locator(".compare-frame").evaluate("e => e.scrollLeft = 200")
    after = name.bounding_box()
    assert before and after and before["x"] == after["x"]
    assert page.locator(".compare-frame").evaluate("e => e.scrollLeft") > 0
    visit.close()
    assert not visit.problems, visit.problems
