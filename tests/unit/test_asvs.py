"""The table of OWASP ASVS in docs/asvs.md: whole, counted right, and shown by tests and code that exist."""

import ast
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from backend.config import PROJECT_ROOT

TABLE = PROJECT_ROOT / "docs" / "asvs.md"
MET, DOCUMENTED, NOT_APPLICABLE, NOT_MET = "met", "by documentation", "not applicable", "not met"
STATES = (MET, DOCUMENTED, NOT_APPLICABLE, NOT_MET)
READING, NOTHING = "reading", "–"

# How many requirements a section of the standard has, deleted ones and those of level 3 among them.
SECTIONS = {
    **{"1.1": 7, "1.2": 4, "1.4": 5, "1.5": 4, "1.6": 4, "1.7": 2, "1.8": 2, "1.9": 2, "1.10": 1, "1.11": 3},
    **{"1.12": 2, "1.14": 6},
    **{"2.1": 12, "2.2": 7, "2.3": 3, "2.4": 5, "2.5": 7, "2.6": 3, "2.7": 6, "2.8": 7, "2.9": 3, "2.10": 4},
    **{"3.1": 1, "3.2": 4, "3.3": 4, "3.4": 5, "3.5": 3, "3.6": 2, "3.7": 1},
    **{"4.1": 5, "4.2": 2, "4.3": 3},
    **{"5.1": 5, "5.2": 8, "5.3": 10, "5.4": 3, "5.5": 4},
    **{"6.1": 3, "6.2": 8, "6.3": 3, "6.4": 2},
    **{"7.1": 4, "7.2": 2, "7.3": 4, "7.4": 3},
    **{"8.1": 6, "8.2": 3, "8.3": 8},
    **{"9.1": 3, "9.2": 5},
    **{"10.1": 1, "10.2": 6, "10.3": 3},
    **{"11.1": 8},
    **{"12.1": 3, "12.2": 1, "12.3": 6, "12.4": 2, "12.5": 2, "12.6": 1},
    **{"13.1": 5, "13.2": 6, "13.3": 2, "13.4": 2},
    **{"14.1": 5, "14.2": 6, "14.3": 3, "14.4": 7, "14.5": 4},
}
DELETED = {"1.4.2", "1.4.3", "1.12.1", "4.1.4", "7.3.2", "13.1.2", "13.2.4", "14.3.1"}
LEVEL_3 = {
    *("1.11.3", "2.2.4", "2.2.5", "2.2.6", "2.2.7", "3.6.1", "3.6.2", "6.2.7", "6.2.8", "6.3.3", "8.1.5", "8.1.6"),
    *("9.2.5", "10.1.1", "10.2.3", "10.2.4", "10.2.5", "10.2.6", "14.1.5"),
}
LEVEL_1_COUNT = 128


@dataclass(frozen=True)
class Row:
    """One requirement. `shown` are the tests, by path and name."""

    number: str
    level: str
    asks: str
    state: str
    how: str
    shown_by: str

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The tests that are named, as (path, name)."""
        return [(path, name) for path, _, name in (t.partition("::") for t in re.findall(r"`([^`]+)`", self.shown_by))]


@lru_cache
def rows() -> tuple[Row, ...]:
    """Every line of the table that begins with a number; one that has too many or few cells is an error."""
    lines = re.findall(r"^\| (\d+\.\d+\.\d+ .*) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    return tuple(Row(*(cell.strip() for cell in line.split(" | "))) for line in lines)


@lru_cache
def defined_in(path: Path) -> frozenset[str]:
    """The names that a file defines at its top, and the functions within its classes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(found)


def test_every_requirement_of_both_levels_stands_once_and_no_other() -> None:
    wanted = [f"{section}.{n}" for section, count in SECTIONS.items() for n in range(1, count + 1)]
    wanted = [number for number in wanted if number not in DELETED | LEVEL_3]
    assert [row.number for row in rows()] == wanted
    assert Counter(row.level for row in rows()) == {"1": LEVEL_1_COUNT, "2": len(wanted) - LEVEL_1_COUNT}


def test_every_row_has_a_known_state_and_says_how() -> None:
    assert {row.state for row in rows()} == set(STATES)
    for row in rows():
        assert row.asks and row.how, row.number


def test_what_is_met_is_shown_and_what_is_not_met_claims_nothing() -> None:
    for row in rows():
        if row.state in (MET, DOCUMENTED):
            assert row.shown or row.shown_by == READING, row.number
        else:
            assert row.shown_by == NOTHING, row.number


def test_the_counts_at_the_top_are_right() -> None:
    text = TABLE.read_text(encoding="utf-8")
    for label, levels in (("1", "1"), ("2", "2"), ("all", "12")):
        counted = Counter(row.state for row in rows() if row.level in levels)
        cells = [label, sum(counted.values()), *(counted[state] for state in STATES)]
        assert f"\n| {' | '.join(str(cell) for cell in cells)} |\n" in text
    met = [row for row in rows() if row.state == MET]
    shown = sum(bool(row.shown) for row in met)
    assert f"Of what is met, {shown} are shown by tests and {len(met) - shown} by reading." in text


@pytest.mark.parametrize("path", sorted({path for row in rows() for path, _name in row.shown}))
def test_every_test_that_is_named_exists(path: str) -> None:
    file = PROJECT_ROOT / path
    assert file.is_file() and file.name.startswith("test_")
    named = {name for row in rows() for where, name in row.shown if where == path}
    assert {name for name in named if not name.startswith("test_")} == set()
    assert named - defined_in(file) == set()


def test_files_and_functions_that_are_named_exist() -> None:
    backend = PROJECT_ROOT / "backend"
    named = [(row.number, name) for row in rows() for name in re.findall(r"`([^`]+)`", row.how)]
    checked = 0
    for number, name in named:
        if name.startswith("backend/") and "*" not in name:
            assert (PROJECT_ROOT / name).exists(), (number, name)
            checked += 1
        elif re.fullmatch(r"[a-z_]+(\.[A-Za-z_]+)+", name):
            *modules, last = name.split(".")
            file = backend.joinpath(*modules).with_suffix(".py")
            if (backend / modules[0]).is_dir() or file.is_file():
                assert file.is_file() and last in defined_in(file), (number, name)
                checked += 1
    assert checked > 30


def test_links_lead_to_files() -> None:
    for path in (TABLE, PROJECT_ROOT / "SECURITY.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (path.parent / target).exists(), (path.name, target)
