"""What a broker does between an author's text and its publication, as the browser takes it."""

from starlette.testclient import TestClient

from backend.accounts import sessions
from tests.factories import PUTUO, Factory, Party


def signed_in_beside(client: TestClient, party: Party) -> TestClient:
    """Another browser on the same site, signed in."""
    app = client.app
    with app.state.database.session(write=True) as session:  # type: ignore[attr-defined]
        token = sessions.start(session, party.user, days=1, user_agent="test")
    made = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
    made.cookies.set(sessions.COOKIE, token, domain="testserver.local")
    return made


def broker_beside(client: TestClient, region: str = PUTUO) -> TestClient:
    """A signed-in broker of a region, new on the site."""
    return signed_in_beside(client, Factory(client.app.state.database).broker(region))  # type: ignore[attr-defined]


def approve(author: TestClient, url: str) -> str:
    """Let a broker publish what an author has submitted at an address; returns the address."""
    answer = broker_beside(author).post(f"{url}/publish")
    assert answer.status_code == 303, answer.text
    return url


def publish_from(author: TestClient, path: str, data: dict[str, str | list[str]]) -> str:
    """Send a filled form to be reviewed, and let a broker publish it; returns the address of the subject."""
    answer = author.post(path, data={**data, "action": "submit"})
    assert answer.status_code == 303, answer.text
    return approve(author, str(answer.headers["location"]))


def publish_again(author: TestClient, url: str) -> str:
    """Submit a stored text from its page, and let a broker publish it; returns the address."""
    assert author.post(f"{url}/submit").status_code == 303
    return approve(author, url)
