"""A small issuer of OpenID Connect on 127.0.0.1: discovery, keys, code flow with PKCE, userinfo.

It checks what the standard has it check, so that a client that leaves something out gets nothing.
"""

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import uvicorn
from anyio import to_thread
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "yiqiao-test", "a-client-secret-of-the-test"


class TestIssuer:
    """What the issuer says; a test may have it say something wrong, or nothing for as long as `answers` is not set."""

    __test__ = False

    def __init__(self, url: str, redirect_uri: str) -> None:
        self.url, self.redirect_uri = url, redirect_uri
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.user: dict[str, Any] = {
            "sub": "u-1",
            "email": "li@hospital.example",
            "email_verified": True,
            "name": "李示例",
        }
        self.in_userinfo: set[str] = set()
        self.changed: dict[str, Any] = {}
        self.signs_with: RSAKey = self.key
        self.says_it_is = url
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.answers = threading.Event()
        self.answers.set()

    def app(self) -> Starlette:
        """Its pages."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.configuration),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
                Route("/userinfo", self.userinfo),
            ]
        )

    def configuration(self, request: Request) -> Response:
        """Discovery."""
        self.asked.append("configuration")
        self.answers.wait()
        return JSONResponse(
            {
                "issuer": self.says_it_is,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/userinfo",
            }
        )

    def keys(self, request: Request) -> Response:
        """Public keys."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def authorize(self, request: Request) -> Response:
        """The user is signed in already and agrees."""
        asked = dict(request.query_params)
        right = (
            asked.get("client_id") == CLIENT_ID
            and asked.get("redirect_uri") == self.redirect_uri
            and asked.get("response_type") == "code"
            and "openid" in asked.get("scope", "").split()
            and asked.get("code_challenge_method") == "S256"
            and all(asked.get(name) for name in ("state", "nonce", "code_challenge"))
        )
        if not right:
            return Response("bad request", status_code=400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return RedirectResponse(f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request: Request) -> Response:
        """Tokens for a code, once, for whoever knows secret and verifier."""
        self.asked.append("token")
        await to_thread.run_sync(self.answers.wait)
        form = await request.form()
        asked = self.codes.pop(str(form.get("code")), None)
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= {name: value for name, value in self.user.items() if name not in self.in_userinfo}
        claims |= self.changed
        signed = jwt.encode({"alg": "RS256", "kid": str(self.signs_with.kid)}, claims, self.signs_with)
        return JSONResponse({"access_token": "an-access-token", "token_type": "Bearer", "id_token": signed})

    def userinfo(self, request: Request) -> Response:
        """What the ID token leaves out."""
        if request.headers.get("authorization") != "Bearer an-access-token":
            return Response(status_code=401)
        return JSONResponse(self.user)


@contextmanager
def running_issuer(redirect_uri: str) -> Iterator[TestIssuer]:
    """An issuer that runs as long as the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    issuer = TestIssuer(f"http://127.0.0.1:{port}", redirect_uri)
    server = uvicorn.Server(uvicorn.Config(issuer.app(), host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield issuer
    finally:
        issuer.answers.set()
        server.should_exit = True
        thread.join()
