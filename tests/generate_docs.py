"""Renews the generated files: `make docs`. Tests compare them with what would be generated now."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePath

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import write_po

from backend.capabilities import states as capability_states
from backend.capabilities.states import CapabilityStatus
from backend.config import FRONTEND_DIR, PROJECT_ROOT
from backend.i18n import LOCALES_DIR
from backend.introductions import states as introduction_states
from backend.introductions.states import IntroductionStatus
from backend.ledger import states as ledger_states
from backend.ledger.states import StepStatus
from backend.meetings import states as meeting_states
from backend.meetings.states import DockingStatus, MeetingStatus
from backend.needs import states as need_states
from backend.needs.states import NeedStatus
from backend.organisations import states as organisation_states
from backend.organisations.states import OrganisationStatus
from backend.responses import states as response_states
from backend.responses.states import CallStatus, ResponseStatus, ReviewStatus
from backend.transfers import states as import_states
from backend.transfers.states import ImportStatus
from backend.transitions import Table, mermaid

STATES_FILE = PROJECT_ROOT / "docs" / "states.md"
CATALOGUE_FILE = LOCALES_DIR / "messages.pot"
SOURCES = ("backend", "frontend")

STATES_INTRODUCTION = """# States

Generated from the states tables of the features by `make docs`; a test fails when this file is out of date.
An arrow says: action (who may take it). Statuses without an arrow wait for features to come.
"""


def states() -> str:
    """The content of docs/states.md."""
    tables: list[tuple[str, Table, str]] = [
        ("Need 需求", need_states.TABLE, NeedStatus.DRAFT),
        ("Capability 能力", capability_states.TABLE, CapabilityStatus.DRAFT),
        ("Introduction 引荐", introduction_states.TABLE, IntroductionStatus.SUGGESTED),
        ("Call for responses 征集", response_states.CALLS, CallStatus.OPEN),
        ("Response 应征", response_states.RESPONSES, ResponseStatus.DRAFT),
        ("Review 评审", response_states.REVIEWS, ReviewStatus.INVITED),
        ("Import 批量导入", import_states.TABLE, ImportStatus.PREVIEW),
        ("Step of the landing ledger 台账步骤", ledger_states.TABLE, StepStatus.PLANNED),
        ("Meeting 会议", meeting_states.MEETINGS, MeetingStatus.PROPOSED),
        ("Docking event 对接会", meeting_states.DOCKINGS, DockingStatus.DRAFT),
        ("Organisation 单位", organisation_states.TABLE, OrganisationStatus.WAITING),
    ]
    parts = [f"## {title}\n\n```mermaid\n{mermaid(table, start)}\n```\n" for title, table, start in tables]
    return "\n".join([STATES_INTRODUCTION, *parts])


def messages() -> Iterator[tuple[str, str | tuple[str, ...], list[str]]]:
    """(file, message or its forms, comments) of every message of Python files and templates."""
    with (FRONTEND_DIR / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    for source in SOURCES:
        for name, _line, message, comments, _context in extract_from_dir(PROJECT_ROOT / source, methods, options):
            yield f"{source}/{PurePath(name).as_posix()}", message, comments


def catalogue() -> str:
    """The content of frontend/locales/messages.pot, without line numbers: it changes with the wording alone."""
    found = Catalog(charset="utf-8", fuzzy=False)
    for place, message, comments in messages():
        found.add(message, locations=[(place, 0)], auto_comments=comments)
    written = BytesIO()
    write_po(written, found, omit_header=True, include_lineno=False, sort_by_file=True)
    return written.getvalue().decode()


def main() -> None:
    """Write both files."""
    for path, content in ((STATES_FILE, states()), (CATALOGUE_FILE, catalogue())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(f"wrote {path.relative_to(PROJECT_ROOT)}")


if __name__ == "__main__":
    main()
