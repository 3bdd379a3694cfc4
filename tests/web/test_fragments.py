"""One address serves the page and its fragment."""

import pytest
from starlette.testclient import TestClient

from backend.disclosure.models import Audience
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.web.pages import read
from tests.web.review_steps import publish_again

HTMX = {"HX-Request": "true"}


@pytest.fixture
def hospital(make: Factory) -> Party:
    """A hospital whose need an enterprise can answer."""
    make.capability(make.party(), audience=Audience.PUBLIC)
    return make.hospital()


@pytest.fixture
def urls(hospital: Party, make: Factory) -> list[tuple[str, str]]:
    """Addresses with a fragment, each with a word of its content."""
    need = make.need(hospital)
    return [
        ("/search?q=穿刺", "可调弯射频"),
        (f"/needs/{need.id}/suggestions", "可调弯射频"),
        (f"/organisations/{hospital.organisation.id}/needs", need.title),
    ]


def test_htmx_gets_the_part_and_a_browser_the_whole(
    urls: list[tuple[str, str]], sign_in: SignIn, hospital: Party
) -> None:
    client = sign_in(hospital)
    for url, word in urls:
        whole, part = client.get(url), client.get(url, headers=HTMX)
        assert (whole.status_code, part.status_code) == (200, 200)
        assert "<html" in whole.text
        assert "<html" not in part.text
        assert "site-header" not in part.text
        for answer in (whole, part):
            assert word in answer.text
            assert "HX-Request" in answer.headers["vary"]
            assert answer.headers["cache-control"] == "no-store"


def test_a_page_restored_from_history_is_whole(client: TestClient, hospital: Party) -> None:
    answer = client.get("/search?q=穿刺", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in answer.text


def test_parts_that_load_later_can_be_opened_without_a_script(sign_in: SignIn, hospital: Party, make: Factory) -> None:
    """Each loading part is a link to the same address, and that address is a page."""
    need = make.need(hospital)
    client = sign_in(hospital)
    for url in (f"/needs/{need.id}", f"/organisations/{hospital.organisation.id}"):
        page = read(client.get(url).text)
        parts = [e.attributes["hx-get"] for e in page.elements if "hx-get" in e.attributes]
        assert parts
        for part in parts:
            assert part in page.links
            assert "<html" in client.get(part).text


def test_a_message_waits_for_the_next_whole_page(sign_in: SignIn, hospital: Party, make: Factory) -> None:
    """A fragment that loads in between does not use the message up."""
    need = make.need(hospital, publish=False)
    client = sign_in(hospital)
    publish_again(client, f"/needs/{need.id}")
    client.post(f"/needs/{need.id}/withdraw")
    client.get(f"/needs/{need.id}/suggestions", headers=HTMX)
    assert "需求已撤回" in client.get(f"/needs/{need.id}").text
    assert "需求已撤回，其他单位" not in client.get(f"/needs/{need.id}").text


def test_after_a_write_htmx_is_sent_to_the_page(sign_in: SignIn, hospital: Party, make: Factory) -> None:
    need = make.need(hospital, publish=False)
    answer = sign_in(hospital).post(f"/needs/{need.id}/submit", headers=HTMX)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, f"/needs/{need.id}")


def test_every_write_is_a_form_with_an_address(sign_in: SignIn, hospital: Party, make: Factory) -> None:
    need = make.need(hospital)
    client = sign_in(hospital)
    for url in ("/", "/needs/new", f"/needs/{need.id}", "/sign-in", "/search"):
        for form in read(client.get(url).text).all("form"):
            assert form.attributes["action"].startswith("/")
            assert form.attributes["method"] in ("get", "post")
