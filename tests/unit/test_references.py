"""Nothing that refers to an organisation or a department is forgotten when two are merged."""

from sqlmodel import SQLModel

from backend import models
from backend.references import REFERENCES

OWN = {
    "department.organisation_id",
    "invitation.organisation_id",
    "membership.department_id",
    "membership.organisation_id",
    "membership_request.organisation_id",
}
"""Moved by organisations/merging.py itself."""


def test_every_foreign_key_is_answered_for() -> None:
    """A new table with such a column: give it a Reference, and add that to backend/references.py."""
    assert models.TABLES
    found = {
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table.name in ("organisation", "department")
    }
    known = [column for reference in REFERENCES for column in reference.columns]
    assert len(known) == len(set(known))
    assert found == OWN | set(known)


def test_columns_without_a_foreign_key_are_answered_for_as_well() -> None:
    names = {
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name.endswith(("organisation_id", "department_id"))
    }
    assert names == OWN | {column for reference in REFERENCES for column in reference.columns}
