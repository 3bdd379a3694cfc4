"""Settings of the application, read from the environment (`YIQIAO_…`) and an optional `.env` file."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
FRONTEND_DIR = PROJECT_ROOT / "frontend"
SEED_DIR = PROJECT_ROOT / "seed_data"
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
SECRET_KEY_LENGTH = 32


class Settings(BaseSettings):
    """Everything that may differ between two installations; each field is documented in docs/operations.md."""

    model_config = SettingsConfigDict(env_prefix="YIQIAO_", env_file=".env", extra="ignore")

    data_dir: Path = Path("var")
    database_url: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    log_level: str = "INFO"
    log_format: Literal["text", "json"] = "text"
    metrics_token: SecretStr | None = None
    secure_cookies: bool | None = None
    hosts: str = ""
    site_url: str = "http://127.0.0.1:8000"
    demo: bool = False
    worker: Literal["inside", "apart"] = "inside"
    processes: int = Field(default=1, ge=1, le=32)
    smtp_url: SecretStr | None = None
    mail_from: str = "yiqiao@localhost"
    secret_key: SecretStr | None = None
    session_days: float = Field(default=14, ge=0.25, le=90)
    session_idle_hours: float = Field(default=12, ge=0.5, le=2160)
    proxy_hops: int = Field(default=0, ge=0, le=9)
    visitor_searches_per_minute: int = Field(default=60, ge=0)
    user_searches_per_minute: int = Field(default=300, ge=0)
    visitor_requests_per_minute: int = Field(default=120, ge=0)
    user_requests_per_minute: int = Field(default=600, ge=0)
    oidc_issuer: str | None = None
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_name: str = "单点登录"
    need_days: int = Field(default=180, ge=30, le=3650)
    capability_days: int = Field(default=365, ge=60, le=3650)
    answer_remind_days: int = Field(default=4, ge=1, le=60)
    answer_overdue_days: int = Field(default=6, ge=1, le=90)
    answer_expire_days: int = Field(default=15, ge=2, le=250)
    ledger_remind_days: int = Field(default=5, ge=1, le=60)
    ledger_stalled_days: int = Field(default=30, ge=7, le=365)
    max_body_bytes: int = Field(default=2_000_000, ge=10_000)
    attachments_url: str | None = None
    max_upload_bytes: int = Field(default=20_000_000, ge=10_000)

    model: str | None = None
    encoder_backend: Literal["auto", "torch", "int8"] = "auto"
    query_prompt: str | None = None
    passage_prompt: str | None = None
    model_retry_seconds: float = Field(default=30.0, ge=0)

    index: str | None = None
    vocabulary: Path | None = None

    @field_validator(
        *("vocabulary", "smtp_url", "database_url", "metrics_token", "secret_key", "oidc_issuer", "oidc_client_secret"),
        "attachments_url",
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """An empty path would be the present folder."""
        return value or None

    @field_validator("secret_key")
    @classmethod
    def _secret_key_is_long(cls, value: SecretStr | None) -> SecretStr | None:
        """A short key can be found by trying."""
        if value is not None and len(value.get_secret_value()) < SECRET_KEY_LENGTH:
            raise ValueError(f"at least {SECRET_KEY_LENGTH} characters, for example of `openssl rand -hex 32`")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_is_reached_safely(cls, value: str | None) -> str | None:
        """Whoever could answer in its place could sign in as anybody."""
        parts = urlsplit(value or "https://none")
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in (*LOCAL_HOSTS, "::1"))
        if not safe or not parts.netloc:
            raise ValueError("an address of the form https://host/path")
        return value

    @model_validator(mode="after")
    def _single_sign_on_is_whole(self) -> Self:
        """Half a configuration would fail at the first sign-in."""
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret):
            raise ValueError("YIQIAO_OIDC_ISSUER needs YIQIAO_OIDC_CLIENT_ID and YIQIAO_OIDC_CLIENT_SECRET")
        return self

    @field_validator("site_url")
    @classmethod
    def _site_url_has_a_host(cls, value: str) -> str:
        """Links in mails begin with it; a slash at its end would stand there twice."""
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ValueError("an address of the form https://host, without a path")
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def by_https(self) -> bool:
        """Whether browsers reach the site by HTTPS."""
        return self.site_url.startswith("https://")

    @property
    def sends_cookies_by_https_alone(self) -> bool:
        """As set, else as the address of the site says."""
        return self.by_https if self.secure_cookies is None else self.secure_cookies

    @property
    def known_hosts(self) -> frozenset[str]:
        """Host names that the site answers for: its own, those of `hosts`, and this machine's."""
        own = urlsplit(self.site_url).hostname or ""
        return frozenset({own, *filter(None, self.hosts.replace(" ", "").split(",")), *LOCAL_HOSTS})

    @property
    def resolved_database_url(self) -> str:
        """The configured database, else one SQLite file in the data folder."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data_dir / 'yiqiao.sqlite3').resolve()}"

    @property
    def resolved_attachments_url(self) -> str:
        """The configured storage of attachments, else a folder in the data folder."""
        return self.attachments_url or (self.data_dir / "attachments").resolve().as_uri()

    @property
    def mail_dir(self) -> Path:
        """Folder of the mails of a site without a mail server."""
        return self.data_dir / "mail"

    @property
    def models_dir(self) -> Path:
        """Folder of encoder weights that were built or downloaded."""
        return self.data_dir / "models"

    @property
    def index_dir(self) -> Path:
        """Folder of index snapshots; everything in it can be rebuilt from the database."""
        return self.data_dir / "index"
