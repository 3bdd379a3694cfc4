"""Users and their sessions, links of mails, second factors, identities elsewhere, and counted attempts."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, enum_type, new_id, utc_now

NAME_LENGTH = 60
EMAIL_LENGTH = 254


class User(SQLModel, table=True):
    """A person who can sign in; what they may do follows from their memberships.

    Without `confirmed_at` nobody has shown yet that the address is theirs. With `deleted_at` the row is an empty shell
    that keeps the id of the audit trail. Tokens of programs that were made before `tokens_valid_from` are over.
    """

    __tablename__ = "user_account"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    email: str = Field(max_length=EMAIL_LENGTH, unique=True)
    name: str = Field(max_length=NAME_LENGTH)
    password_hash: str = Field(max_length=255)
    is_admin: bool = False
    is_active: bool = True
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tokens_valid_from: datetime | None = Field(default=None, sa_type=UtcDateTime)


class UserSession(SQLModel, table=True):
    """A signed-in browser. Only a digest of its token is kept, so that a stolen table opens no session."""

    __tablename__ = "user_session"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    token_digest: str = Field(max_length=64, unique=True)
    user_agent: str = Field(default="", max_length=200)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    last_seen_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Purpose(StrEnum):
    """What the holder of a token may do once."""

    CONFIRM = "confirm"
    RESET = "reset"
    EMAIL = "email"
    SECOND_STEP = "second-step"


class AccountToken(SQLModel, table=True):
    """A token of a mail, or of a sign-in that waits for its code; only a digest is kept.

    Without a user it stands for a request about an unknown address, so that such a request costs the same.
    """

    __tablename__ = "account_token"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str | None = Field(default=None, foreign_key="user_account.id", index=True, ondelete="CASCADE")
    purpose: Purpose = Field(sa_type=enum_type(Purpose))
    token_digest: str = Field(max_length=64, unique=True)
    email: str = Field(default="", max_length=EMAIL_LENGTH)
    next_url: str = Field(default="", max_length=200)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SecondFactor(SQLModel, table=True):
    """A user's authenticator (TOTP). The secret is sealed; `last_step` is the newest time step that was accepted.

    From `codes_seed` (sealed) the recovery codes follow that are being shown; it is forgotten once they are in force.
    """

    __tablename__ = "second_factor"

    user_id: str = Field(foreign_key="user_account.id", primary_key=True, ondelete="CASCADE", max_length=16)
    secret: str = Field(max_length=255)
    codes_seed: str | None = Field(default=None, max_length=255)
    last_step: int | None = None
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RecoveryCode(SQLModel, table=True):
    """A recovery code in place of the authenticator, as a keyed digest; good for once."""

    __tablename__ = "recovery_code"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    code_digest: str = Field(max_length=64, unique=True)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ExternalIdentity(SQLModel, table=True):
    """Who a user is at an issuer of single sign-on."""

    __tablename__ = "external_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    issuer: str = Field(max_length=255)
    subject: str = Field(max_length=255)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class ThrottleHit(SQLModel, table=True):
    """One counted attempt, under a digest of what it was about."""

    __tablename__ = "throttle_hit"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=64, index=True)
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
