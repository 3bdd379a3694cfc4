"""The access matrix of files and of the JSON API, over the same texts and readers as that of the pages."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from sqlmodel import col, select
from starlette.routing import Mount

from backend.api import service
from backend.api.scopes import Scope
from backend.attachments.kinds import FileKind
from backend.attachments.models import Attachment, Holder
from backend.audit.models import AuditEvent
from backend.db import new_id
from backend.disclosure.models import SubjectKind, Tier
from tests.access import more_ways, ways
from tests.access.test_matrix import EVERY_ROLE, HEADERS, every_route, sealed, state
from tests.access.world import (
    CASES,
    PLURAL,
    ROLES,
    UNNAMED,
    WORDS,
    Case,
    Reader,
    World,
    may_know_the_author,
    may_read,
)

pytestmark = pytest.mark.access_matrix


def file_canary(case: Case) -> str:
    """What the file of a text says."""
    return f"filecanary{case.number:03d}z"


def name_canary(case: Case) -> str:
    """What the file of a text is called."""
    return f"namecanary{case.number:03d}z"


def may_open(role: str, case: Case) -> bool:
    """Whom the annex is open to, and the broker of the district, by decision record 0026."""
    return Tier.ANNEX in may_read(role, case) or (role == "broker here" and Tier.BRIEF in may_read(role, case))


@pytest.fixture(scope="module")
def filed(world: World) -> World:
    """The same world with a file for each text; in all statuses, so they are not uploaded through the page."""
    storage = world.app.state.storage
    with world.database.session(write=True) as session:
        for case, subject_id in world.subjects.items():
            content = file_canary(case).encode()
            session.add(
                Attachment(
                    id=subject_id,
                    subject_kind=Holder(case.kind),
                    subject_id=subject_id,
                    name=f"{name_canary(case)}.txt",
                    kind=FileKind.TXT,
                    size=len(content),
                    digest=hashlib.sha256(content).hexdigest(),
                    stored_name=storage.put(io.BytesIO(content)),
                    stripped=True,
                )
            )
    return world


@pytest.fixture(scope="module")
def tokens(world: World) -> dict[str, str]:
    """A token of all scopes for every reader but the visitor."""
    made = {}
    with world.database.session(write=True) as session:
        for role, reader in world.readers.items():
            if reader.party is not None:
                token = service.create(session, reader.party.user, new_id(), name=role, scopes=tuple(Scope), days=1)
                made[role] = str(token)
    return made


def values(world: World, case: Case) -> dict[str, str]:
    """What fills the addresses of a text."""
    return {
        "kind": case.kind,
        "others": case.kind.other,
        "kinds": PLURAL[case.kind],
        "others_kinds": PLURAL[case.kind.other],
        "s": world.subjects[case],
        "file": world.subjects[case],
        "organisation": world.authors[case.anonymous].organisation.id,
        "words": quote(WORDS),
    }


def filled(table: dict[str, list[str]], world: World, case: Case) -> Iterator[str]:
    """The addresses of a table for a text."""
    for urls in table.values():
        for url in urls:
            yield url.format(**values(world, case))


@EVERY_ROLE
def test_files_are_open_to_whom_the_annex_is_and_to_the_broker(filed: World, role: str) -> None:
    reader = filed.readers[role]
    for case in CASES:
        for url in filled(more_ways.FOR_FILES, filed, case):
            for headers in HEADERS:
                answer = reader.client.get(url, headers=headers)
                is_there = may_open(role, case) and "view" not in url and f"/{case.kind.other}/" not in url
                assert answer.status_code == (200 if is_there else 404), (role, str(case), url)
                told = answer.text + str(answer.headers)
                is_content = is_there and url.count(filed.subjects[case]) == 2
                assert (file_canary(case) in told) == is_content, (role, str(case), url)
                assert (name_canary(case) in told) == (is_there and may_know_the_author(role, case)), (role, url)


@EVERY_ROLE
def test_every_opening_is_written_down(filed: World, role: str) -> None:
    reader = filed.readers[role]
    if reader.party is None:
        pytest.skip("a visitor opens nothing")
    case = next(case for case in CASES if case.is_open)
    before = openings(filed, reader)
    reader.client.get(f"/attachments/{case.kind}/{filed.subjects[case]}/{filed.subjects[case]}")
    assert openings(filed, reader) == before + may_open(role, case)


def openings(world: World, reader: Reader) -> int:
    """How often somebody opened a file."""
    assert reader.party is not None
    with world.database.session() as session:
        query = select(AuditEvent.id).where(AuditEvent.event == "attachment:open")
        return len(session.exec(query.where(col(AuditEvent.actor_id) == reader.party.user.id)).all())


@EVERY_ROLE
def test_only_authors_add_and_remove_files(filed: World, role: str) -> None:
    if role == "author":
        pytest.skip("the author may")
    reader = filed.readers[role]
    before = stored_files(filed)
    for case in CASES:
        for url in filled(more_ways.WRITING_FILES, filed, case):
            sent = {"file": ("x.txt", b"x")} if "remove" not in url else None
            answer = reader.client.post(url, data={"attachment_id": new_id()}, files=sent)
            assert answer.status_code in (303, 403, 404, 409), (role, url)
            assert [c for c in [*sealed(role), name_canary(case)] if c in answer.text] == [], (role, url)
    assert stored_files(filed) == before


def stored_files(world: World) -> list[str]:
    """The files that are there."""
    with world.database.session() as session:
        query = select(Attachment.id).where(col(Attachment.removed_at).is_(None)).order_by(Attachment.id)
        return list(session.exec(query).all())


@EVERY_ROLE
def test_a_program_reads_no_more_than_its_user(filed: World, tokens: dict[str, str], role: str) -> None:
    client = filed.readers["visitor"].client
    headers = {"Authorization": f"Bearer {tokens[role]}"} if role in tokens else {}
    asked: set[str] = set()
    for case in CASES:
        # Lists and searches are the same for all texts of a kind.
        fresh = [url for url in filled(more_ways.FOR_PROGRAMS, filed, case) if url not in asked]
        asked.update(fresh)
        for url in fresh:
            answer = client.get(f"/api/v1{url}", headers=headers)
            assert answer.status_code in ((200, 404) if role in tokens else (401,)), (role, url)
            told = answer.text + str(answer.headers)
            forbidden = [*sealed(role), "filecanary", "namecanary"]
            if not role.startswith("author") and role != "broker here" and "organisations" not in url:
                forbidden += UNNAMED
            assert [canary for canary in forbidden if canary in told] == [], (role, url)
        if role in tokens and role != "admin":
            # An administrator is nobody in particular to a program.
            answer = client.get(f"/api/v1/{PLURAL[case.kind]}/{filed.subjects[case]}", headers=headers)
            found = {tier for tier in Tier if case.canary(tier) in answer.text}
            assert found == may_read(role, case), (role, str(case))


@EVERY_ROLE
def test_a_program_opens_the_files_that_its_user_may(filed: World, tokens: dict[str, str], role: str) -> None:
    client = filed.readers["visitor"].client
    headers = {"Authorization": f"Bearer {tokens[role]}"} if role in tokens else {}
    for case in CASES:
        for url in filled(more_ways.FOR_FILES_OF_PROGRAMS, filed, case):
            answer = client.get(f"/api/v1{url}", headers=headers)
            is_there = may_open(role, case) and url.startswith(f"/{PLURAL[case.kind]}/")
            expected = (200 if is_there else 404) if role in tokens else 401
            assert answer.status_code == expected, (role, str(case), url)
            told = answer.text + str(answer.headers)
            is_content = is_there and url.count(filed.subjects[case]) == 2
            assert (file_canary(case) in told) == is_content, (role, str(case), url)
            assert (name_canary(case) in told) == (is_there and may_know_the_author(role, case)), (role, url)


@EVERY_ROLE
def test_a_program_of_others_adds_and_removes_no_file(filed: World, tokens: dict[str, str], role: str) -> None:
    if role == "author":
        pytest.skip("the author may")
    client = filed.readers["visitor"].client
    headers = {"Authorization": f"Bearer {tokens[role]}"} if role in tokens else {}
    before = stored_files(filed)
    for case in CASES:
        for requests in more_ways.WRITING_FILES_OF_PROGRAMS.values():
            for method, url in requests:
                address = f"/api/v1{url.format(**values(filed, case))}"
                sent = {"file": ("x.txt", b"x")} if method == "POST" else None
                answer = client.request(method, address, files=sent, headers=headers)
                assert answer.status_code in (401, 403, 404, 409), (role, method, address)
                assert [c for c in [*sealed(role), name_canary(case)] if c in answer.text] == [], (role, address)
    assert stored_files(filed) == before


@EVERY_ROLE
def test_what_a_program_asks_for_a_text_shows_nothing_that_is_sealed(
    filed: World, tokens: dict[str, str], role: str
) -> None:
    client = filed.readers["visitor"].client
    headers = {"Authorization": f"Bearer {tokens[role]}"} if role in tokens else {}
    for side in SubjectKind:
        answer = client.post("/api/v1/match", json={"text": WORDS, "side": side}, headers=headers)
        assert answer.status_code == (200 if role in tokens else 401)
        forbidden = [*sealed(role), *(UNNAMED if not role.startswith("author") and role != "broker here" else ())]
        assert [canary for canary in forbidden if canary in answer.text] == [], role


@EVERY_ROLE
def test_a_program_changes_no_text_of_others(filed: World, tokens: dict[str, str], role: str) -> None:
    if role == "author":
        pytest.skip("the author may")
    client = filed.readers["visitor"].client
    headers = {"Authorization": f"Bearer {tokens[role]}"} if role in tokens else {}
    before = state(filed)
    for case in CASES:
        bodies: dict[str, Any] = {
            "/{kinds}": {"id": filed.subjects[case], "title": "改写"},
            "/{kinds}/{id}": {"title": "改写"},
            "/{kinds}/{id}/actions": {"action": "withdraw"},
        }
        for path, requests in more_ways.WRITING_PROGRAMS.items():
            for method, url in requests:
                address = f"/api/v1{url.format(**values(filed, case))}"
                answer = client.request(method, address, json=bodies[path], headers={**headers, "If-Match": "*"})
                assert answer.status_code in (401, 403, 404, 409), (role, method, address)
                assert [canary for canary in sealed(role) if canary in answer.text] == [], (role, address)
    assert state(filed) == before


def test_every_route_of_the_api_stands_in_the_matrix(world: World) -> None:
    [api] = [route for route in world.app.routes if isinstance(route, Mount) and is_api(route)]
    found = list(every_route(r for r in api.routes if isinstance(r, APIRoute) or hasattr(r, "original_router")))
    named: set[str] = set()
    of_files = (more_ways.FOR_FILES_OF_PROGRAMS, more_ways.WRITING_FILES_OF_PROGRAMS)
    for table in (more_ways.FOR_PROGRAMS, more_ways.WRITING_PROGRAMS, more_ways.ASKING, *of_files):
        named |= {path.replace("{kinds}", plural) for path in table for plural in PLURAL.values()}
    assert {ways.canonical(r.path) for r in found} == named
    assert len(ROLES) == len(world.readers)


def is_api(route: Any) -> bool:
    """Whether it is the mount of the API."""
    return getattr(route, "path", "") == "/api/v1"
