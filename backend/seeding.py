"""Loads the demonstration data from the files under seed_data; seed_data/README.md describes every field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import Session

from backend import outbox
from backend.accounts import service as accounts
from backend.capabilities.models import Capability, CapabilityKind, Stage
from backend.capabilities.states import CapabilityStatus
from backend.db import utc_now
from backend.disclosure.models import Audience, SubjectKind
from backend.needs.models import Need, NeedKind, Requirement
from backend.needs.states import NeedStatus
from backend.organisations import service as organisations
from backend.organisations.models import Department, MemberRole, Organisation, OrganisationKind
from backend.seed_files import read_rows

DEMO_PASSWORD = "yiqiao-demo"  # noqa: S105 - the password of demonstration accounts is public by intent

NEED_TEXTS = (
    "summary",
    "procedure",
    "current_practice",
    "problem",
    "frequency",
    "acceptance_criteria",
    "constraints",
    "offers_note",
)
CAPABILITY_TEXTS = (
    "summary",
    "composition",
    "principle",
    "indications",
    "certificate",
    "performance",
    "cooperation",
)


@dataclass
class Seeded:
    """What has been created, by the keys of the files."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    departments: dict[tuple[str, str], Department] = field(default_factory=dict)
    needs: int = 0
    capabilities: int = 0
    accounts: list[tuple[str, str, str]] = field(default_factory=list)


def seed(session: Session, folder: Path) -> Seeded:
    """Create organisations, needs, capabilities and demonstration accounts in an empty database.

    Raises KeyError where a file refers to something that no file defines, ValueError for a value outside its list.
    """
    seeded = Seeded()
    for row in read_rows(folder, "organisations"):
        _organisation(session, seeded, row)
    for row in read_rows(folder, "capabilities"):
        _capability(session, seeded, row)
    for row in read_rows(folder, "needs"):
        _need(session, seeded, row)
    for row in read_rows(folder, "accounts"):
        _account(session, seeded, row)
    session.flush()
    return seeded


def _organisation(session: Session, seeded: Seeded, row: Mapping[str, Any]) -> None:
    organisation = organisations.create_organisation(
        session,
        key=row["key"],
        name=row["name"],
        kind=OrganisationKind(row["kind"]),
        region=row["region"],
        summary=row.get("summary", ""),
        jurisdiction=row.get("jurisdiction"),
        verified=True,
    )
    seeded.organisations[row["key"]] = organisation
    for department in row.get("departments") or ():
        seeded.departments[row["key"], department["key"]] = organisations.add_department(
            session,
            organisation.id,
            name=department["name"],
            specialty=department.get("specialty"),
            key=department["key"],
        )


def _shared(seeded: Seeded, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that needs and capabilities share."""
    organisation = seeded.organisations[row["organisation"]]
    return {
        "key": row["key"],
        "organisation_id": organisation.id,
        "title": row["title"],
        "specialty": row.get("specialty"),
        "device_category": row.get("device_category"),
        "region": row.get("region", organisation.region),
        "audience": Audience(row.get("audience", "members")),
        "anonymous": row.get("anonymous", False),
        "published_at": utc_now(),
        "confirmed_at": utc_now(),
    }


def _capability(session: Session, seeded: Seeded, row: Mapping[str, Any]) -> None:
    capability = Capability(
        **_shared(seeded, row),
        kind=CapabilityKind(row["kind"]),
        status=CapabilityStatus.PUBLISHED,
        stage=Stage(row["stage"]) if row.get("stage") else None,
        **{name: row.get(name, "") for name in CAPABILITY_TEXTS},
    )
    session.add(capability)
    outbox.append(session, outbox.Topic.INDEX, SubjectKind.CAPABILITY, capability.id)
    seeded.capabilities += 1


def _need(session: Session, seeded: Seeded, row: Mapping[str, Any]) -> None:
    department = row.get("department")
    need = Need(
        **_shared(seeded, row),
        kind=NeedKind(row["kind"]),
        status=NeedStatus.PUBLISHED,
        department_id=seeded.departments[row["organisation"], department].id if department else None,
        offers=list(row.get("offers") or ()),
        **{name: row.get(name, "") for name in NEED_TEXTS},
    )
    session.add(need)
    session.flush()
    for position, text in enumerate(row.get("requirements") or ()):
        session.add(Requirement(need_id=need.id, position=position, text=text))
    outbox.append(session, outbox.Topic.INDEX, SubjectKind.NEED, need.id)
    seeded.needs += 1


def _account(session: Session, seeded: Seeded, row: Mapping[str, Any]) -> None:
    user = accounts.create_user(
        session, email=row["email"], name=row["name"], password=DEMO_PASSWORD, is_admin=row.get("admin", False)
    )
    place = ""
    if row.get("organisation"):
        organisation = seeded.organisations[row["organisation"]]
        department = seeded.departments[row["organisation"], row["department"]] if row.get("department") else None
        organisations.add_member(
            session, user.id, organisation.id, MemberRole(row["role"]), department.id if department else None
        )
        place = f"{organisation.name} {department.name}" if department else organisation.name
    seeded.accounts.append((user.email, user.name, place))
