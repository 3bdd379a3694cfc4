"""How well the engine ranks: the judged needs of the seed data, and the judged sets over reference data.

Runs the same code as `yiqiao evaluate`. Reference data that is not here is said so and left out.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from backend.config import PROJECT_ROOT, Settings
from backend.matching import judging, ranker
from backend.matching.evaluation import systems
from embeddings.encoder import load_encoder
from embeddings.evaluation.cache import CachedEncoder
from embeddings.evaluation.report import table
from tests.benchmark import reference

REPORTED = ("showroom", "english_needs", "english_products", "kept_out", "cases_2023")
"""Sets that nothing was fitted on."""


def main(arguments: Sequence[str] = ()) -> None:
    """Rank every set with the default encoder and the weights in use; print a table for each."""
    models = (PROJECT_ROOT / Settings().data_dir / "models").resolve()
    encoder = CachedEncoder(load_encoder(None, models), None)
    with tempfile.TemporaryDirectory() as folder:
        try:
            sets = reference.build(Path(folder))
        except reference.Absent as error:
            print(f"skipped: {error}")
            return
        for name in arguments or REPORTED:
            corpus, needs = sets[name]
            found = judging.offline(needs, corpus, encoder, ranker.weights())
            print(f"\n{name}: {len(found.judged)} needs, {len(found.titles)} documents")
            print(table(systems(found.judged, found.relevant_from)))
