"""What an office adds in its own words to the report of a quarter."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from backend.db import UtcDateTime, new_id, utc_now

REMARK_LENGTH = 2000
ALL_REGIONS = ""
"""The region of the report of the whole platform."""


class ReportRemark(SQLModel, table=True):
    """The words added to a report: for section three, what is in the way, and for section four, what comes next."""

    __tablename__ = "report_remark"
    __table_args__ = (UniqueConstraint("quarter", "region"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=16)
    quarter: str = Field(max_length=6)
    region: str = Field(max_length=6)
    problems: str = Field(default="", max_length=REMARK_LENGTH)
    plans: str = Field(default="", max_length=REMARK_LENGTH)
    version: int = 1
    updated_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
