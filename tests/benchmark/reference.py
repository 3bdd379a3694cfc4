"""The judged sets over reference data that is not part of the project: builds corpus and needs as files.

The folder of the data is named by YIQIAO_REFERENCE_DATA; without it `../shared/data` beside the project is looked at.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from backend.config import PROJECT_ROOT, SEED_DIR
from embeddings.tuning import pairs
from embeddings.tuning.comparison import cases_of_the_last_year, needs_kept_out

JUDGED = Path(__file__).parent / "judged"
NEEDS = SEED_DIR / "tuning" / "needs.csv"
FITTING = SEED_DIR / "tuning" / "ranker_needs.jsonl"


class Absent(Exception):
    """The reference data is not on this machine."""


def folder() -> Path:
    """The folder of the reference data; raises Absent."""
    found = Path(os.environ.get("YIQIAO_REFERENCE_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    if not (found / "nmpa_products.jsonl").is_file():
        raise Absent("the reference data is not here; name its folder by YIQIAO_REFERENCE_DATA")
    return found


def rows(path: Path) -> list[dict[str, Any]]:
    """Objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def _write(path: Path, found: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found), encoding="utf-8")


def _showroom(source: Path) -> list[dict[str, str]]:
    products = [
        {"id": r["id"], "title": r["name_cn"], "text": f"{r['description'] or ''}\n{r['registration_name'] or ''}"}
        for r in rows(source / "capabilities_showroom.jsonl")
    ]
    companies = [
        {"id": r["id"], "title": r["company"], "text": r["text"]} for r in rows(source / "companies_real.jsonl")
    ]
    return products + companies


def _queries(found: Mapping[str, str], relevant: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
    return [{"id": name, "need": text, "rel": dict.fromkeys(sorted(relevant[name]), 3)} for name, text in found.items()]


def build(target: Path) -> dict[str, tuple[Path, Path]]:
    """Write corpus and needs of every set below `target`; returns name to (corpus, needs). Raises Absent.

    showroom: needs in the words of the ward, real products and companies. fitting: the same documents, the needs that
    the ranker is fitted on. english_needs, english_products: the two directions across languages. cases_2023: the
    product protocol. kept_out: needs that the encoder was not tuned on, among all devices.
    """
    source = folder()
    target.mkdir(parents=True, exist_ok=True)
    products = pairs.read_products(source / "nmpa_products.jsonl")
    kinds = {r["id"]: r for r in rows(source / "nmpa_products.jsonl")}
    devices = [
        {"id": p.id, "title": p.name, "text": p.description}
        for p in products.values()
        if kinds[p.id]["kind"] == "determination" and kinds[p.id].get("code")
    ]
    crossed = rows(JUDGED / "cross_language.jsonl")
    english = {r["id"] for r in rows(JUDGED / "english_products.jsonl")}
    cases, kept = cases_of_the_last_year(products), needs_kept_out(products, pairs.read_needs(NEEDS))
    pool = [{"id": i, "title": products[i].name, "text": pairs.split_use(products[i])[1]} for i in cases.documents]
    everything = [{"id": i, "title": products[i].name, "text": products[i].description} for i in kept.documents]
    sets: dict[str, tuple[list[dict[str, str]], list[dict[str, Any]]]] = {
        "showroom": (_showroom(source), rows(JUDGED / "showroom_needs.jsonl")),
        "english_needs": (devices, [r for r in crossed if not set(r["rel"]) & english]),
        "english_products": (
            rows(JUDGED / "english_products.jsonl"),
            [r for r in crossed if set(r["rel"]) & english],
        ),
        "cases_2023": (pool, _queries(cases.queries, cases.relevant)),
        "kept_out": (everything, _queries(kept.queries, kept.relevant)),
    }
    if FITTING.is_file():
        sets["fitting"] = (_showroom(source), rows(FITTING))
    found = {}
    for name, (corpus, queries) in sets.items():
        found[name] = (target / f"{name}-corpus.jsonl", target / f"{name}-needs.jsonl")
        _write(found[name][0], corpus)
        _write(found[name][1], queries)
    return found
