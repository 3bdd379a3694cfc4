"""Tokens by which programs act for a user."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from backend.db import UtcDateTime, new_id, utc_now

NAME_LENGTH = 60


class ApiToken(SQLModel, table=True):
    """A personal token. Only a digest of it is kept, and its first characters, by which its owner tells it apart."""

    __tablename__ = "api_token"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    name: str = Field(max_length=NAME_LENGTH)
    beginning: str = Field(max_length=8)
    digest: str = Field(max_length=64, unique=True)
    scopes: list[str] = Field(default_factory=list, sa_type=JSON)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
