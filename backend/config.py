"""Settings of the application, read from the environment (`YIQIAO_…`) and an optional `.env` file."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
FRONTEND_DIR = PROJECT_ROOT / "frontend"
SEED_DIR = PROJECT_ROOT / "seed_data"


class Settings(BaseSettings):
    """Everything that may differ between two installations; each field is documented in docs/operations.md."""

    model_config = SettingsConfigDict(env_prefix="YIQIAO_", env_file=".env", extra="ignore")

    data_dir: Path = Path("var")
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    log_level: str = "INFO"
    secure_cookies: bool = False
    site_url: str = "http://127.0.0.1:8000"
    demo: bool = False
    worker: Literal["inside", "apart"] = "inside"
    smtp_url: SecretStr | None = None
    mail_from: str = "yiqiao@localhost"
    session_days: int = Field(default=14, ge=1, le=90)
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

    @field_validator("vocabulary", "smtp_url", "attachments_url", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """An empty path would be the present folder."""
        return value or None

    @field_validator("site_url")
    @classmethod
    def _site_url_has_a_host(cls, value: str) -> str:
        """Links in mails begin with it; a slash at its end would stand there twice."""
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ValueError("an address of the form https://host, without a path")
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def resolved_database_url(self) -> str:
        """The configured database, else one SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'yiqiao.sqlite3').resolve()}"

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
