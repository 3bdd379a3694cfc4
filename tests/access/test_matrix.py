"""The access matrix: every role, every tier, every status, and every way to reach a text.

What may be read is written out in `world.may_read` in the words of the design, not by the code under test. Every answer
is searched for the canaries of all texts and tiers that its reader must not see, and the pages for those that they may.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from backend.disclosure.models import SubjectKind, Tier
from tests.access import ways
from tests.access.world import (
    ANSWERED,
    CASES,
    NAMED,
    PLURAL,
    ROLES,
    UNNAMED,
    WORDS,
    Case,
    Reader,
    World,
    may_know_the_author,
    may_read,
    stored,
)
from tests.factories import Party

pytestmark = pytest.mark.access_matrix

EVERY_ROLE = pytest.mark.parametrize("role", ROLES)
HEADERS: tuple[dict[str, str], ...] = ({}, {"HX-Request": "true"})


def sealed(role: str) -> list[str]:
    """The canaries that a role must not see anywhere."""
    return [case.canary(tier) for case in CASES for tier in Tier if tier not in may_read(role, case)]


def ask(reader: Reader, url: str) -> Iterator[str]:
    """What the answers to an address say, page and fragment, with their headers."""
    for headers in HEADERS:
        answer = reader.client.get(url, headers=headers)
        assert answer.status_code < 500, (reader.role, url)
        yield answer.text + "".join(f"\n{name}: {value}" for name, value in answer.headers.items())


def check(reader: Reader, urls: Iterable[str], *, may_name_the_author: bool = False) -> None:
    """No answer holds a canary that is sealed to the reader, nor the name of an anonymous author."""
    forbidden = sealed(reader.role)
    if not may_name_the_author and not reader.role.startswith("author"):
        # A broker of the district knows the authors of what is open there.
        forbidden += UNNAMED if reader.role != "broker here" else ()
    for url in urls:
        for told in ask(reader, url):
            assert [canary for canary in forbidden if canary in told] == [], (reader.role, url)


def urls_of(table: dict[str, list[str]], **values: str) -> list[str]:
    """The addresses of a table, filled in."""
    return [url.format(**values) for urls in table.values() for url in urls]


def urls_of_author(party: Party) -> list[str]:
    """The addresses that tell of an organisation, filled in."""
    return urls_of(
        ways.FOR_AUTHORS,
        author=party.organisation.id,
        member=party.user.id,
        department=party.viewer.memberships[0].department_id or "",
        words=quote(WORDS),
    )


@EVERY_ROLE
def test_lists_and_searches_show_nothing_that_is_sealed(world: World, role: str) -> None:
    reader = world.readers[role]
    # The search page repeats the name that was searched for.
    named = urls_of(ways.FOR_READERS, words=quote(WORDS), unnamed=quote(UNNAMED[0]))
    check(reader, [url for url in named if quote(UNNAMED[0]) not in url])
    check(reader, [url for url in named if quote(UNNAMED[0]) in url], may_name_the_author=True)


@EVERY_ROLE
def test_no_address_of_a_text_shows_what_is_sealed(world: World, role: str) -> None:
    for case in CASES:
        values = {"kinds": PLURAL[case.kind], "s": world.subjects[case]}
        check(world.readers[role], urls_of(ways.FOR_TEXTS, **values), may_name_the_author=not case.anonymous)


@EVERY_ROLE
def test_responses_are_read_by_the_authors_side_and_its_broker_alone(world: World, role: str) -> None:
    reader = world.readers[role]
    reads = role.startswith("author") or role == "broker here"
    for case in CASES:
        if case.kind is not SubjectKind.NEED or not (case.is_open or case.status in ("draft", "withdrawn")):
            continue
        urls = urls_of(ways.FOR_CALLS, s=world.subjects[case])
        check(reader, urls, may_name_the_author=not case.anonymous)
        if case.is_open:
            seen = [url for url in urls if any(ANSWERED in told for told in ask(reader, url))]
            assert bool(seen) == reads, (role, str(case), seen)


@EVERY_ROLE
def test_nothing_that_is_sealed_shows_beside_texts_of_ones_own(world: World, role: str) -> None:
    reader = world.readers[role]
    for kind, own_id in reader.own.items():
        check(reader, urls_of(ways.FOR_OWN, kinds=PLURAL[kind], own=own_id))


@EVERY_ROLE
def test_nothing_that_is_sealed_shows_when_a_pair_is_to_be_introduced(world: World, role: str) -> None:
    reader = world.readers[role]
    for case in CASES:
        own = reader.own.get(case.kind.other, "0" * 16)
        pair = {case.kind: world.subjects[case], case.kind.other: own}
        values = {"kind": case.kind, "s": world.subjects[case]}
        check(reader, urls_of(ways.FOR_PAIRS, **values, **{str(kind): id_ for kind, id_ in pair.items()}))


@EVERY_ROLE
def test_the_page_of_an_organisation_does_not_show_what_it_published_anonymously(world: World, role: str) -> None:
    reader = world.readers[role]
    for party in world.authors.values():
        check(reader, urls_of_author(party), may_name_the_author=True)
    hidden = [case.canary(Tier.TEASER) for case in CASES if case.anonymous]
    for url in urls_of_author(world.authors[True]):
        for told in ask(reader, url):
            assert [canary for canary in hidden if canary in told] == [], (role, url)


@EVERY_ROLE
def test_everybody_sees_what_they_may(world: World, role: str) -> None:
    """Else the tests above would pass on a site that shows nothing."""
    reader = world.readers[role]
    for case in CASES:
        expected = may_read(role, case)
        answer = reader.client.get(world.url(case))
        assert answer.status_code == (200 if expected else 404), (role, str(case))
        assert {tier for tier in Tier if case.canary(tier) in answer.text} == expected, (role, str(case))
        if expected:
            author = UNNAMED if case.anonymous else NAMED
            assert (author[0] in answer.text) == may_know_the_author(role, case), (role, str(case))


@EVERY_ROLE
def test_a_search_finds_by_a_word_of_a_tier_what_is_open_to_its_reader(world: World, role: str) -> None:
    """Found by its teaser by those who may read that, and by a word of brief or annex by nobody."""
    reader = world.readers[role]
    for case in CASES:
        if not (case.is_open or case.status == "draft"):
            continue
        for tier in Tier:
            found = reader.client.get(f"/search?side={case.kind}&q={case.canary(tier)}").text
            marked = f"<mark>{case.canary(tier)}</mark>" in found
            may = case.is_open and tier is Tier.TEASER and tier in may_read(role, case)
            assert marked == may, (role, str(case), tier)


@EVERY_ROLE
def test_what_is_tried_shows_nothing_that_is_sealed(world: World, role: str) -> None:
    """The dry run of a need beside its form: similar needs and matches, as a fragment and as the whole page."""
    reader = world.readers[role]
    fields = {"title": WORDS, "problem": f"{WORDS}。" * 3, "kind": "clinical", "subject_id": "0123456789abcdef"}
    for url in urls_of(ways.TRYING):
        for headers in HEADERS:
            answer = reader.client.post(url, data=fields, headers=headers)
            assert answer.status_code < 500, (role, url)
            forbidden = [*sealed(role), *(() if role == "broker here" or role.startswith("author") else UNNAMED)]
            assert [canary for canary in forbidden if canary in answer.text] == [], (role, url)


@EVERY_ROLE
def test_only_authors_change_a_text(world: World, role: str) -> None:
    if role == "author":
        pytest.skip("the author may")
    reader = world.readers[role]
    before = state(world)
    for case in CASES:
        values = {"kinds": PLURAL[case.kind], "s": world.subjects[case]}
        urls = [
            u
            for u in urls_of(ways.WRITING, **values)
            if u.startswith("/capabilities") == (case.kind is SubjectKind.CAPABILITY)
        ]
        for url in urls:
            answer = reader.client.post(url, data={"title": "改写", "summary": "改写", "action": "save"})
            assert 300 <= answer.status_code < 500, (role, url)
            assert [canary for canary in sealed(role) if canary in answer.text] == [], (role, url)
    assert state(world) == before


def state(world: World) -> dict[Case, tuple[str, str, int]]:
    """What an unwanted write would change."""
    found = {}
    with world.database.session() as session:
        for case, subject_id in world.subjects.items():
            subject = stored(session, case, subject_id)
            found[case] = (str(subject.status), subject.title, subject.version)
    return found


def every_route(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """All routes with their methods; whatever else answers requests has to be known by name."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            assert not route.include_context.prefix, "the path of a route stands on its own router"
            yield from every_route(route.original_router.routes)
        else:
            # The routes of the API stand in `test_files_and_programs`.
            assert isinstance(route, Mount) and route.path in ("/static", "/api/v1"), route


def test_every_route_stands_in_the_matrix(world: World) -> None:
    """A new route has to say how a text could come out of it."""
    routes = list(every_route(world.app.routes))
    assert {ways.canonical(r.path) for r in routes if "GET" in (r.methods or ())} == ways.reading()
    assert {ways.canonical(r.path) for r in routes if (r.methods or set()) - {"GET", "HEAD"}} == ways.writing()
