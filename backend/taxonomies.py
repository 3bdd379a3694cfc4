"""Specialties, device categories and regions, read once from the files under seed_data/taxonomies."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import yaml

from backend.config import SEED_DIR


@dataclass(frozen=True)
class Term:
    """One entry of a taxonomy; `parent` is the code of the term above it, if any."""

    code: str
    zh: str
    en: str
    parent: str | None = None


class Taxonomy:
    """The terms of one taxonomy in the order of its file."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = {term.code: term for term in terms}

    def __contains__(self, code: str) -> bool:
        return code in self.terms

    def name(self, code: str | None) -> str:
        """The Chinese name of a code; the code itself where the taxonomy does not know it, empty for none."""
        if not code:
            return ""
        term = self.terms.get(code)
        return term.zh if term else code

    def choices(self) -> list[tuple[str, str]]:
        """(code, name) of every term, children indented below their parent by a full-width space."""
        return [(term.code, f"\u3000{term.zh}" if term.parent else term.zh) for term in self.terms.values()]

    def within(self, code: str) -> list[str]:
        """The code itself and the codes directly below it."""
        return [code, *(term.code for term in self.terms.values() if term.parent == code)]


@lru_cache
def _load(name: str) -> Taxonomy:
    with (SEED_DIR / "taxonomies" / f"{name}.yaml").open(encoding="utf-8") as file:
        rows = yaml.safe_load(file)
    return Taxonomy(Term(row["code"], row["zh"], row.get("en", ""), row.get("parent")) for row in rows)


def specialties() -> Taxonomy:
    """诊疗科目: specialties of departments, after the 医疗机构诊疗科目名录."""
    return _load("specialties")


def device_categories() -> Taxonomy:
    """医疗器械分类目录 (2017): the 22 sub-catalogues and their first-level categories."""
    return _load("device_categories")


def regions() -> Taxonomy:
    """行政区划代码 (GB/T 2260): Shanghai's districts and the Jiangsu cities along the 沪宁 corridor."""
    return _load("regions")
