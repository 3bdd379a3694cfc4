"""Users and their sessions."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from backend.db import UtcDateTime, new_id, utc_now


class User(SQLModel, table=True):
    """A person who can sign in; what they may do follows from their memberships."""

    __tablename__ = "user_account"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    email: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=60)
    password_hash: str = Field(max_length=255)
    is_admin: bool = False
    is_active: bool = True
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class UserSession(SQLModel, table=True):
    """A signed-in browser. Only a digest of its token is kept, so that a stolen table opens no session."""

    __tablename__ = "user_session"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    token_digest: str = Field(max_length=64, unique=True)
    user_agent: str = Field(default="", max_length=200)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
