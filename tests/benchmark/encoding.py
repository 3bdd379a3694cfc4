"""Speed and agreement of the encoder's backends: `python -m tests.benchmark.encoding [--texts N] [--model FOLDER]`.

Plain sentence-transformers in 32 bits is the base. Every round measures all of them, one after the other, so that a
machine that is busy is busy for all; beside the time on the wall stands the processor time, which other programs
disturb less. With the reference data, nDCG@10 of ranking by the vectors alone is compared too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from backend.config import PROJECT_ROOT, SEED_DIR, Settings
from backend.seed_files import read_rows
from backend.seeding import CAPABILITY_TEXTS, NEED_TEXTS
from embeddings import passages
from embeddings.backends import original
from embeddings.encoder import Backend, SentenceEncoder, load_encoder
from embeddings.evaluation.dataset import JudgedSet, read_jsonl
from embeddings.evaluation.metrics import evaluate
from embeddings.types import Vector
from tests.benchmark import reference

ROUNDS = 4


def seed_texts(count: int) -> list[str]:
    """Passages of the capabilities of the seed data, as they are encoded, evenly picked."""
    found = [
        passage.encoded
        for row in read_rows(SEED_DIR, "capabilities")
        for passage in passages(row["title"], [row.get(name, "") for name in CAPABILITY_TEXTS])
    ]
    return found[:: max(1, len(found) // count)][:count]


def seed_queries(count: int) -> list[str]:
    """Titles and texts of needs: what people look for, short and long."""
    rows = list(read_rows(SEED_DIR, "needs"))
    short = [row["title"] for row in rows]
    long = ["\n".join([row["title"], *(row.get(name, "") or "" for name in NEED_TEXTS)]) for row in rows]
    return [text for pair in zip(short, long, strict=True) for text in pair][:count]


def measure(encode: Callable[[Sequence[str]], Vector], texts: Sequence[str]) -> tuple[Vector, float, float]:
    """Vectors, seconds on the wall, seconds of processor time of all threads."""
    wall, processor = time.perf_counter(), time.process_time()
    vectors = encode(texts)
    return vectors, time.perf_counter() - wall, time.process_time() - processor


def throughput(encoders: dict[str, SentenceEncoder], texts: Sequence[str]) -> None:
    """Texts per second of each, best round, beside plain sentence-transformers; and the cosine to it."""
    plain = encoders["torch"]._model
    assert isinstance(plain, original.TorchModel)
    prompt = encoders["torch"].prompts[1]
    transformer = plain._transformer

    def directly(some: Sequence[str]) -> Vector:
        return np.asarray(transformer.encode(list(some), prompt=prompt, batch_size=32, normalize_embeddings=True))

    work: dict[str, Callable[[Sequence[str]], Vector]] = {"sentence-transformers": directly}
    work |= {name: encoder.encode_passages for name, encoder in encoders.items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    vectors: dict[str, Vector] = {}
    for _ in range(ROUNDS):
        for name, encode in work.items():
            vectors[name], wall, processor = measure(encode, texts)
            times[name].append((wall, processor))
    base = "sentence-transformers"
    for name, found in times.items():
        wall, processor = (min(column) for column in zip(*found, strict=True))
        ratios = [other[0] / own[0] for own, other in zip(found, times[base], strict=True)]
        cosine = np.einsum("ij,ij->i", vectors[name], vectors[base])
        print(
            f"{name:<24}{len(texts) / wall:7.1f} texts/s  x{min(t[0] for t in times[base]) / wall:4.2f} "
            f"(median of rounds x{statistics.median(ratios):4.2f}, "
            f"processor time x{min(t[1] for t in times[base]) / processor:4.2f})  "
            f"cosine mean {cosine.mean():.5f} min {cosine.min():.5f}",
            flush=True,
        )


def latency(encoder: SentenceEncoder, name: str, queries: Sequence[str]) -> None:
    """Median and 95th percentile of one query alone."""
    encoder.encode_queries(["预热"])
    times = [measure(encoder.encode_queries, [query])[1] * 1000 for query in queries]
    print(
        f"{name:<24}one query p50 {statistics.median(times):6.1f} ms  p95 {statistics.quantiles(times, n=20)[18]:6.1f}"
    )


def ndcg(encoder: SentenceEncoder, judged: JudgedSet) -> float:
    """Mean nDCG@10 of ranking whole documents by cosine."""
    ids = list(judged.corpus)
    documents = encoder.encode_passages([f"{d.title}\n{d.text}" for d in judged.corpus.values()])
    scores = encoder.encode_queries(list(judged.queries.values())) @ documents.T
    rankings = {
        name: [ids[i] for i in np.argsort(-row, kind="stable")[:50]]
        for name, row in zip(judged.queries, scores, strict=True)
    }
    found = evaluate(rankings, judged.relevance, judged.relevant_from(2))["nDCG@10"]
    return statistics.fmean(found.values())


def agreement(encoders: dict[str, SentenceEncoder], sets: Sequence[str]) -> None:
    """nDCG@10 of each encoder on judged sets over the reference data, if it is here."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            built = reference.build(Path(folder))
        except reference.Absent as absent:
            print(f"no nDCG: {absent}")
            return
        for name in sets:
            judged = read_jsonl(*built[name])
            figures = {backend: ndcg(encoder, judged) for backend, encoder in encoders.items()}
            print(f"{name:<24}nDCG@10 " + "  ".join(f"{b} {figure:.4f}" for b, figure in figures.items()), flush=True)


def main(arguments: Sequence[str] = ()) -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=320)
    parser.add_argument("--model", type=Path, default=None, help="a model folder instead of the default model")
    parser.add_argument("--sets", nargs="*", default=["showroom", "english_products"], help="judged sets for nDCG")
    chosen = parser.parse_args(arguments)
    cache = (PROJECT_ROOT / Settings().data_dir / "models").resolve()
    backends: tuple[Backend, ...] = tuple(b for b in get_args(Backend) if b != "auto")
    encoders: dict[str, SentenceEncoder] = {}
    for backend in backends:
        started = time.perf_counter()
        encoders[backend] = load_encoder(chosen.model, cache, backend=backend)
        print(f"{backend:<24}loaded in {time.perf_counter() - started:.1f} s", flush=True)
    texts, queries = seed_texts(chosen.texts), seed_queries(100)
    length = statistics.fmean(map(len, texts))
    print(f"{len(texts)} passages of {length:.0f} characters; load average {os.getloadavg()[0]:.1f}")
    throughput(encoders, texts)
    for name, encoder in encoders.items():
        latency(encoder, name, queries)
    agreement(encoders, chosen.sets)


if __name__ == "__main__":
    main(sys.argv[1:])
