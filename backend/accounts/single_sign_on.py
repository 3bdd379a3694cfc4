"""Signing in by an issuer of the operator's own: OpenID Connect, code flow with PKCE, state and nonce.

Sources: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE); RFC 9207 (the `iss` of the answer); RFC 9700.
"""

import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlmodel import Session, select

from backend.accounts.models import EMAIL_LENGTH, NAME_LENGTH, ExternalIdentity, User
from backend.accounts.service import Client, SignIn, admit
from backend.accounts.users import SUBJECT, find_by_email, normalise_email
from backend.audit import events
from backend.config import Settings
from backend.db import utc_now
from backend.errors import DomainError, NotFound
from backend.forms import clean_line, holds_address
from backend.sealing import Sealer, Unsealable

CALLBACK = "/sign-in/single/callback"
STATE = "single sign-on"
STATE_SECONDS = 600
CONNECT_SECONDS, READ_SECONDS = 3.0, 5.0
"""Patience with the issuer."""
TURN_SECONDS = 2.0
"""How long a request waits for others that talk to the issuer, before it gives up."""
AT_ONCE = 4
"""Of the threads that answer requests so many may talk to the issuer; the others go on serving pages."""
FAILURE_SECONDS = 30.0
"""How long an issuer that did not answer is not asked again."""
LEEWAY = 60
"""Seconds by which its clock may differ."""
KEPT_SECONDS = 3600
"""How long its addresses and keys are believed without asking again."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key that the issuer alone has; never `none`, and never one by a shared secret."""


class SignOnRefused(DomainError):
    """The answer does not belong to a sign-in that this browser has begun, or was not given by the issuer."""

    status = 400
    zh = "单点登录没有完成，可能是等待过久或已取消。请从登录页重新开始。"
    en = "Single sign-on was not completed: it took too long, or was cancelled. Begin again on the sign-in page."


class IssuerUnavailable(DomainError):
    """The issuer does not answer, or not as the standard says."""

    status = 502
    zh = "单点登录服务暂时无法使用。请稍后再试，或用邮箱和密码登录。"
    en = "The single sign-on service cannot be used at present. Try again later, or sign in with your password."


class AddressNotVerified(DomainError):
    """The issuer does not vouch for an address, so that nothing says whose account it is."""

    status = 403
    zh = "单点登录服务没有提供经过核实的邮箱，无法确定对应的账号。请联系其管理员，或用邮箱和密码登录。"
    en = "The single sign-on service gave no verified address. Ask its administrator, or sign in with your password."


@dataclass(frozen=True)
class Identity:
    """Who somebody is, as the issuer says; without an address where it vouches for none."""

    issuer: str
    subject: str
    email: str | None
    name: str


class Issuer:
    """The issuer of a site, with its addresses and keys as it publishes them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asking = threading.BoundedSemaphore(1)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._published: tuple[float, Mapping[str, Any], KeySet] | None = None
        self._silent_since: float | None = None

    def begin(self, sealer: Sealer, next_url: str) -> tuple[str, str]:
        """Where to send the browser, and what it has to bring back in a cookie; raises IssuerUnavailable."""
        metadata, _keys = self._ask()
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        url, _state = self._client(metadata).create_authorization_url(
            metadata["authorization_endpoint"],
            state=kept["state"],
            nonce=kept["nonce"],
            code_verifier=kept["verifier"],
        )
        return str(url), sealer.seal(STATE, json.dumps({**kept, "next": next_url}))

    def finish(self, sealer: Sealer, sealed: str | None, answer: Mapping[str, str]) -> tuple[Identity, str]:
        """Who has signed in, and the page to go on to; raises SignOnRefused, IssuerUnavailable."""
        kept = _opened(sealer, sealed)
        metadata, keys = self._ask()
        if not hmac.compare_digest(answer.get("state", "").encode(), kept["state"].encode()):
            raise SignOnRefused
        if not answer.get("code") or answer.get("iss", metadata["issuer"]) != metadata["issuer"]:
            raise SignOnRefused
        tokens = self._exchange(metadata, answer["code"], kept["verifier"])
        claims = self._claims(str(tokens.get("id_token", "")), keys, kept["nonce"])
        if "email" not in claims and "userinfo_endpoint" in metadata:
            claims = self._more_claims(metadata, str(tokens.get("access_token", "")), claims)
        return self._identity(claims), kept["next"]

    def _ask(self, *, anew: bool = False) -> tuple[Mapping[str, Any], KeySet]:
        self._check_answers()
        # Noted inside of the turn, before the next one has it, and outside: who has waited in vain is no example.
        with self._noted(), self._turn(self._asking), self._noted():
            if self._published is None or anew or self._published[0] < time.monotonic() - KEPT_SECONDS:
                self._published = time.monotonic(), *self._publication()
            return self._published[1:]

    def _publication(self) -> tuple[Mapping[str, Any], KeySet]:
        issuer = str(self._settings.oidc_issuer)
        metadata = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            # Else another issuer could be made to speak for this one (OpenID Connect Discovery, 4.3).
            if metadata["issuer"] != issuer:
                raise IssuerUnavailable
            return metadata, KeySet.import_key_set({"keys": _get(metadata["jwks_uri"])["keys"]})
        except (KeyError, ValueError, JoseError) as error:
            raise IssuerUnavailable from error

    def _check_answers(self) -> None:
        """Raise IssuerUnavailable at once where the issuer was silent a moment ago: waiting takes up a thread."""
        since = self._silent_since
        if since is not None and time.monotonic() - since < FAILURE_SECONDS:
            raise IssuerUnavailable

    @contextmanager
    def _turn(self, turns: threading.BoundedSemaphore) -> Iterator[None]:
        """Take a turn that others may have while they wait for the issuer; raises IssuerUnavailable."""
        if not turns.acquire(timeout=TURN_SECONDS):
            raise IssuerUnavailable
        try:
            # Whoever has waited for a question that failed does not ask it once more.
            self._check_answers()
            yield
        finally:
            turns.release()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep in mind that the issuer did not answer."""
        try:
            yield
        except IssuerUnavailable:
            self._silent_since = time.monotonic()
            raise

    def _client(self, metadata: Mapping[str, Any]) -> OAuth2Session:
        secret = self._settings.oidc_client_secret
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return OAuth2Session(
            self._settings.oidc_client_id,
            secret.get_secret_value() if secret else None,
            scope="openid email profile",
            redirect_uri=f"{self._settings.site_url}{CALLBACK}",
            code_challenge_method="S256",
            token_endpoint_auth_method=(
                "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
            ),
        )

    def _exchange(self, metadata: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        with self._turn(self._turns), self._client(metadata) as client:
            try:
                answer: Mapping[str, Any] = client.fetch_token(
                    metadata["token_endpoint"],
                    code=code,
                    code_verifier=verifier,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                )
            except AuthlibBaseError as error:
                raise SignOnRefused from error
            except (requests.RequestException, KeyError, ValueError) as error:
                if isinstance(error, requests.Timeout | requests.ConnectionError):
                    self._silent_since = time.monotonic()
                raise IssuerUnavailable from error
        return answer

    def _claims(self, id_token: str, keys: KeySet, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that is signed by the issuer, made for this site, and for this sign-in."""
        try:
            token = self._decoded(id_token, keys)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": str(self._settings.oidc_issuer)},
                aud={"essential": True, "value": self._settings.oidc_client_id},
                sub={"essential": True},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(token.claims)
        except (JoseError, ValueError) as error:
            raise SignOnRefused from error
        audience = token.claims["aud"]
        if (
            isinstance(audience, list)
            and len(audience) > 1
            and token.claims.get("azp") != self._settings.oidc_client_id
        ):
            raise SignOnRefused
        return token.claims

    def _decoded(self, id_token: str, keys: KeySet) -> jwt.Token:
        try:
            return jwt.decode(id_token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # The issuer may have changed its keys since it was asked.
            _metadata, keys = self._ask(anew=True)
            return jwt.decode(id_token, keys, algorithms=ALGORITHMS)

    def _more_claims(
        self, metadata: Mapping[str, Any], access_token: str, claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        with self._turn(self._turns), self._noted():
            more = _get(metadata["userinfo_endpoint"], {"Authorization": f"Bearer {access_token}"})
        # It has to speak of the same person (OpenID Connect Core, 5.3.2).
        if more.get("sub") != claims["sub"]:
            raise SignOnRefused
        return {**more, **claims}

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        email = normalise_email(str(claims.get("email", "")))
        verified = claims.get("email_verified") is True and "@" in email and len(email) <= EMAIL_LENGTH
        name = clean_line(str(claims.get("name") or ""))
        if not name or holds_address(name):
            name = email.partition("@")[0]
        if not name or holds_address(name):
            name = "用户"
        return Identity(
            issuer=str(self._settings.oidc_issuer)[:255],
            subject=str(claims["sub"])[:255],
            email=email if verified else None,
            name=name[:NAME_LENGTH],
        )


def sign_in(session: Session, identity: Identity, client: Client) -> SignIn:
    """Let somebody in by who they are at the issuer; an account is linked by its address, or made.

    Raises AddressNotVerified, SignOnRefused for an account that was closed.
    """
    query = select(ExternalIdentity).where(
        ExternalIdentity.issuer == identity.issuer, ExternalIdentity.subject == identity.subject
    )
    linked = session.exec(query).first()
    user = session.get(User, linked.user_id) if linked else _link(session, identity)
    if user is None or not user.is_active:
        raise SignOnRefused
    return admit(session, user, client)


def of_site(issuer: Issuer | None) -> Issuer:
    """The issuer of the site; raises NotFound where there is none."""
    if issuer is None:
        raise NotFound
    return issuer


def _link(session: Session, identity: Identity) -> User:
    if identity.email is None:
        raise AddressNotVerified
    user = find_by_email(session, identity.email)
    if user is None:
        user = User(email=identity.email, name=identity.name, password_hash="", confirmed_at=utc_now())
        session.add(user)
        session.flush()
        events.record(session, events.Event.ACCOUNT_REGISTER, SUBJECT, user.id, actor_id=None)
    elif not user.is_active:
        raise SignOnRefused
    elif user.confirmed_at is None:
        # Whoever registered the address has not shown that it is theirs: their password is worth nothing.
        user.password_hash, user.name, user.confirmed_at = "", identity.name, utc_now()
        session.add(user)
    session.add(ExternalIdentity(user_id=user.id, issuer=identity.issuer, subject=identity.subject))
    events.record(session, events.Event.ACCOUNT_LINK, SUBJECT, user.id, actor_id=user.id)
    return user


def _opened(sealer: Sealer, sealed: str | None) -> dict[str, str]:
    try:
        opened: dict[str, str] = json.loads(sealer.open(STATE, sealed or "", seconds=STATE_SECONDS))
    except Unsealable as error:
        raise SignOnRefused from error
    return opened


def _get(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    try:
        answer = requests.get(
            url, headers=dict(headers or {}), timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False
        )
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise IssuerUnavailable from error
    if not isinstance(found, dict):
        raise IssuerUnavailable
    return found
