"""An import: a file that was read, the rows that it held, and what has become of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, Index, SQLModel

from backend.db import UtcDateTime, enum_type, new_id, utc_now
from backend.transfers.states import ImportStatus

FILE_NAME_LENGTH = 120
KEY_LENGTH = 60
TITLE_LENGTH = 120


class RowKind(StrEnum):
    """What a row is about, in the order in which rows are taken in: later kinds name earlier ones."""

    ORGANISATION = "organisation"
    NEED = "need"
    CAPABILITY = "capability"
    INTRODUCTION = "introduction"


class RowAction(StrEnum):
    """What becomes of a row."""

    CREATE = "create"
    CHANGE = "change"
    SKIP = "skip"
    ERROR = "error"


class RowOutcome(StrEnum):
    """What has become of a row that was taken in; `kept` is what undoing has left as it is."""

    DONE = "done"
    UNDONE = "undone"
    KEPT = "kept"


class Import(SQLModel, table=True):
    """One file, taken in for an organisation: an office for its region, anybody else for itself.

    `claimed_at` is the last sign of life of the task that is at it, `claim` its name: another one takes over where that
    has fallen silent. `ignored` names sheets in which nothing was recognised.
    """

    __tablename__ = "import_batch"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    organisation_id: str = Field(foreign_key="organisation.id", index=True, ondelete="CASCADE")
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    file_name: str = Field(max_length=FILE_NAME_LENGTH)
    status: ImportStatus = Field(default=ImportStatus.PREVIEW, sa_type=enum_type(ImportStatus), index=True)
    changed_meanwhile: bool = False
    has_failed: bool = False
    ignored: list[str] = Field(default_factory=list, sa_type=JSON)
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    total: int = 0
    done: int = 0
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime, index=True)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    claim: str = Field(default="", max_length=16)
    claimed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ImportRow(SQLModel, table=True):
    """A row of an import. `cells` are those of the sheet by the name of their column, until they have been taken in.

    `before` and `after` are the versions of the subject around a change, for undoing it.
    """

    __tablename__ = "import_row"
    __table_args__ = (
        Index("ix_import_row_import", "import_id", "number"),
        Index("ix_import_row_subject", "subject_id"),
        Index("ix_import_row_key", "key"),
    )

    id: int | None = Field(default=None, primary_key=True)
    import_id: str = Field(foreign_key="import_batch.id", ondelete="CASCADE")
    number: int
    kind: RowKind = Field(sa_type=enum_type(RowKind))
    sheet: str = Field(default="", max_length=60)
    line: int
    key: str = Field(default="", max_length=KEY_LENGTH)
    title: str = Field(default="", max_length=TITLE_LENGTH)
    action: RowAction = Field(sa_type=enum_type(RowAction))
    subject_id: str | None = Field(default=None, max_length=16)
    problems: list[list[str]] = Field(default_factory=list, sa_type=JSON)
    note: str = Field(default="", max_length=200)
    cells: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    outcome: RowOutcome | None = Field(default=None, sa_type=enum_type(RowOutcome))
    before: int | None = None
    after: int | None = None
    after_status: str = Field(default="", max_length=30)
