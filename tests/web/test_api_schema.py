"""schemathesis sends what the description of the API allows, and what it does not: no fault, and no other answers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from httpx2 import Response
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from backend.api import service
from backend.api.scopes import Scope
from backend.db import Database, new_id
from tests.factories import Factory

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
Send = Callable[[Case[Any]], Response]


@pytest.fixture
def known_ids(make: Factory) -> list[str]:
    """Ids of what is there, so that not every address leads nowhere."""
    hospital, company = make.hospital(), make.party()
    return [
        make.need(hospital).id,
        make.need(hospital, publish=False).id,
        make.capability(company).id,
        company.organisation.id,
    ]


@pytest.fixture
def token(make: Factory, database: Database) -> str:
    """A token of a member who writes both sides."""
    party = make.hospital()
    make.need(party)
    with database.session(write=True) as session:
        made = service.create(session, party.user, new_id(), name="test", scopes=tuple(Scope), days=1)
    assert made is not None
    return made


def operations(app: FastAPI) -> Iterator[Any]:
    """Every operation of the description."""
    described = TestClient(app).get("/api/v1/openapi.json").json()
    for found in schemathesis.openapi.from_dict(described).get_all_operations():
        assert isinstance(found, Ok)
        yield found.ok()


def sender(client: TestClient, headers: dict[str, str]) -> Send:
    """Sends a case to the application of the test."""

    def send(case: Case[Any]) -> Response:
        wanted = case.as_transport_kwargs(base_url="http://testserver/api/v1", headers=headers)
        wanted.pop("cookies", None)
        if not wanted.get("files") and not isinstance(wanted.get("data", {}), Mapping):
            wanted["content"] = wanted.pop("data")
        answer = client.request(**wanted)
        # A body with files was sent piece by piece; the checks look at it whole.
        answer.request.read()
        return answer

    return send


def drive(operation: Any, mode: GenerationMode, run: Callable[[Case[Any]], None]) -> None:
    """Run bounded, repeatable examples of an operation."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def examples(case: Case[Any]) -> None:
        run(case)

    examples()


# schemathesis 4.32 does so itself where it spoils a body with files.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_with_a_token_nothing_answers_beside_its_description(
    mode: GenerationMode, app: FastAPI, client: TestClient, token: str, known_ids: list[str]
) -> None:
    send = sender(client, {"Authorization": f"Bearer {token}"})
    statuses: set[int] = set()
    checks = CHECKS if mode is GenerationMode.POSITIVE else [*CHECKS, negative_data_rejection]

    for operation in operations(app):
        turn = iter(range(10**6))

        def run(case: Case[Any], turn: Iterator[int] = turn) -> None:
            number = next(turn)
            for name in case.path_parameters if mode is GenerationMode.POSITIVE else ():
                case.path_parameters[name] = known_ids[number % len(known_ids)]
            answer = send(case)
            statuses.add(answer.status_code)
            case.validate_response(answer, checks=checks)

        drive(operation, mode, run)
    if mode is GenerationMode.POSITIVE:
        assert {200, 201, 404, 422} <= statuses
        assert not {401, 403} & statuses
    else:
        assert 422 in statuses


def test_without_a_token_nothing_is_answered(app: FastAPI, client: TestClient, known_ids: list[str]) -> None:
    """Whatever else is wrong with a request, only its form is told of, never a content."""
    send = sender(client, {})

    def run(case: Case[Any]) -> None:
        answer = send(case)
        assert answer.status_code in (400, 401, 405, 422)
        case.validate_response(answer, checks=CHECKS)

    found = list(operations(app))
    assert len(found) >= 16
    for operation in found:
        drive(operation, GenerationMode.POSITIVE, run)
