"""Calibrates the grades of the evidence table: `python -m tests.benchmark.evidence [--write] [--compare]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from backend.config import PROJECT_ROOT, SEED_DIR, Settings
from backend.seed_files import read_rows
from backend.seeding import CAPABILITY_TEXTS
from embeddings import Passage, load_encoder, passages
from embeddings.evaluation import evidence
from embeddings.evidence_model import write_models
from embeddings.lexical import LexicalIndex

JUDGEMENTS = SEED_DIR / "evidence_judgements.csv"


def seed_passages(folder: Path = SEED_DIR) -> dict[str, list[Passage]]:
    """The passages of the capabilities of the seed data by key, in full text."""
    rows = read_rows(folder, "capabilities")
    return {row["key"]: passages(row["title"], [row.get(name, "") for name in CAPABILITY_TEXTS]) for row in rows}


def run(*, write: bool = False, compare: bool = False) -> None:
    """Print held-out figures; with `write` renew the file of the library, with `compare` try bare sentences too."""
    encoder = load_encoder(None, (PROJECT_ROOT / Settings().data_dir / "models").resolve())
    found = seed_passages()
    models, provenance = evidence.calibrate_evidence(encoder, JUDGEMENTS, found)
    print(json.dumps(provenance, ensure_ascii=False, indent=2))
    print(models)
    if compare:
        words = LexicalIndex()
        words.upsert({key: "\n".join(p.text for p in rows) for key, rows in found.items()})
        sentences = {key: [p for p in rows if p.position > 0] for key, rows in found.items()}
        judgements = evidence.read_judgements(JUDGEMENTS, sentences)
        vectors = evidence.encode(judgements, encoder, bare=True)
        _model, figures = evidence.calibrate(judgements, vectors, encoder.name, words.idf)
        print("bare sentences:", json.dumps(figures, ensure_ascii=False, indent=2))
    if write:
        write_models(models, provenance)


if __name__ == "__main__":
    run(write="--write" in sys.argv, compare="--compare" in sys.argv)
