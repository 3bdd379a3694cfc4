"""A seeded site with the real model, a browser, and visits that fail on whatever the browser complains of."""

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from backend.config import PROJECT_ROOT
from tests.browser import site as sites
from tests.browser.site import Site
from tests.browser.visit import TIMEOUT, Visit, launch

ARTIFACTS = PROJECT_ROOT / "test-artifacts"
FAILED = pytest.StashKey[bool]()

OpenVisit = Callable[..., Visit]


# A package's fixtures end with its last test: the event loop of Playwright would be in the way of other tests.
@pytest.fixture(scope="package")
def seeded(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Path:
    """A data folder as `yiqiao seed` makes it."""
    data_dir = tmp_path_factory.mktemp("site") / "var"
    sites.seed(data_dir, model_cache)
    return data_dir


@pytest.fixture(scope="package")
def site(seeded: Path) -> Iterator[Site]:
    """The running site; at the end its log must tell of no unexpected error."""
    with sites.running(seeded) as started:
        yield started
    log = started.log.read_text(encoding="utf-8")
    assert "Traceback" not in log, log


@pytest.fixture(scope="module")
def own_site(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for one story that brings organisations together: for others they are to be strangers still."""
    with sites.running(sites.copied(seeded, tmp_path_factory.mktemp("own") / "var")) as started:
        yield started
    log = started.log.read_text(encoding="utf-8")
    assert "Traceback" not in log, log


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        launched = launch(playwright)
        yield launched
        launched.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that the visits of the test leave screenshots."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def open_visit(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[OpenVisit]:
    """Opens browser windows with cookies of their own; takes `javascript` and `width`."""
    visits: list[Visit] = []

    def start(*, javascript: bool = True, width: int = 1440) -> Visit:
        visits.append(Visit(browser, site.url, javascript=javascript, width=width))
        return visits[-1]

    yield start
    if request.node.stash.get(FAILED, False):
        name = re.sub(r"\W+", "-", request.node.name).strip("-")
        for number, visit in enumerate(visits, 1):
            visit.save_screenshots(ARTIFACTS, f"{name}-{number}")
    for visit in visits:
        visit.close()
    problems = [problem for visit in visits for problem in visit.problems]
    assert not problems, problems


@pytest.fixture
def visit(open_visit: OpenVisit) -> Visit:
    """A visitor at a desk, with JavaScript."""
    return open_visit()
