"""Vector indexes by number of vectors: `python -m tests.benchmark.index --sizes 1000 1000000 --plot`.

FaissIndex as the platform uses it (fed in batches, its lists laid out by itself), beside exact FAISS, brute force with
numpy, milvus-lite through MilvusIndex, and usearch (HNSW, float16). Vectors have 384 dimensions and unit length: topics
with twenty centres each, fifty vectors around each centre, from a fixed seed; the queries are further draws that are
not stored. Each system runs in a process of its own; memory is what that process has more than before the index was
made. Times are of the clock, and beside them those of the processor, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.index import FaissIndex, open_index
from embeddings.types import Ids, Vector

D = 384
K = 50
QUERIES = 200
BATCH = 10_000
SIZES = (1_000, 10_000, 100_000, 1_000_000)
PLOT = Path(__file__).resolve().parents[2] / "docs" / "images" / "index.svg"
EXACT = "exact FAISS"
Search = Callable[[Vector, int], Ids]
Built = tuple[Search, FaissIndex | None]
"""How to search what was built, and what has more to tell about itself."""
Feed = Iterable[tuple[Ids, Vector]]


@dataclass(frozen=True)
class Figures:
    """What was measured of one system at one size: seconds, megabytes, milliseconds."""

    system: str
    size: int
    build: float
    build_cpu: float
    memory: float
    peak: float
    p50: float
    p95: float
    cpu: float
    recall: float


def _unit(rows: Vector) -> Vector:
    unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _vectors(size: int, rng: np.random.Generator) -> Iterator[Vector]:
    """First the queries (200, d), then all vectors in batches."""
    centres_wanted = max(20, size // 50)
    topics = _unit(rng.standard_normal((max(2, centres_wanted // 20), D), dtype=np.float32))
    noise = np.float32(0.8 / np.sqrt(D))
    spread = rng.standard_normal((centres_wanted, D), dtype=np.float32) * noise
    centres = _unit(topics[rng.integers(0, len(topics), centres_wanted)] + spread)
    for count in [QUERIES, *(min(BATCH, size - start) for start in range(0, size, BATCH))]:
        chosen = centres[rng.integers(0, centres_wanted, count)]
        yield _unit(chosen + rng.standard_normal((count, D), dtype=np.float32) * noise)


def _prepare(size: int, folder: Path) -> None:
    """Write vectors, queries and the true best K of each query, found by numpy."""
    batches = _vectors(size, np.random.default_rng(1))
    queries = next(batches)
    best = np.full((QUERIES, K), -np.inf, dtype=np.float32)
    ids = np.full((QUERIES, K), -1, dtype=np.int64)
    start = 0
    with (folder / "vectors").open("wb") as file:
        for rows in batches:
            file.write(rows.tobytes())
            numbers = np.broadcast_to(np.arange(start, start + len(rows)), (QUERIES, len(rows)))
            products = np.concatenate([best, queries @ rows.T], axis=1)
            order = np.argpartition(-products, K - 1, axis=1)[:, :K]
            best = np.take_along_axis(products, order, axis=1)
            ids = np.take_along_axis(np.concatenate([ids, numbers], axis=1), order, axis=1)
            start += len(rows)
    np.savez(folder / "truth.npz", queries=queries, ids=ids)


def _feed(folder: Path, size: int) -> Iterator[tuple[Ids, Vector]]:
    with (folder / "vectors").open("rb") as file:
        for start in range(0, size, BATCH):
            rows = np.fromfile(file, dtype=np.float32, count=min(BATCH, size - start) * D).reshape(-1, D)
            yield np.arange(start, start + len(rows), dtype=np.int64), rows


def _exact(feed: Feed, folder: Path) -> Built:
    faiss: Any = importlib.import_module("faiss")
    index = faiss.IndexFlatIP(D)
    for _ids, rows in feed:
        index.add(rows)
    return (lambda query, k: np.asarray(index.search(query, k)[1], dtype=np.int64)), None


def _yiqiao(feed: Feed, folder: Path) -> Built:
    index = FaissIndex(D, "benchmark")
    for ids, rows in feed:
        index.upsert(ids, rows)
    index.settle()
    return (lambda query, k: index.search(query, k)[0]), index


def _show_file(index: FaissIndex, path: Path) -> None:
    """Times of what happens to an index of that size besides searches, to the error output."""
    times = {}
    for name, work in (
        ("save", lambda: index.save(path, 1)),
        ("load", lambda: FaissIndex.load(path, model="benchmark", dimension=D)),
        ("store one", lambda: index.upsert(np.array([10**9]), np.eye(1, D, dtype=np.float32))),
        ("delete one", lambda: index.delete(np.array([10**9]))),
    ):
        start = time.perf_counter()
        work()
        times[name] = time.perf_counter() - start
    path.unlink()
    shape = "exact" if index.exact else "lists"
    told = ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in times.items())
    print(f"  FaissIndex of {len(index):,} ({shape}): {told}", file=sys.stderr, flush=True)


def _numpy(feed: Feed, folder: Path) -> Built:
    stored = np.concatenate([rows for _ids, rows in feed])

    def search(query: Vector, k: int) -> Ids:
        products = stored @ query[0]
        best = np.argpartition(-products, k - 1)[:k]
        return best[np.argsort(-products[best])][None, :]

    return search, None


def _milvus(feed: Feed, folder: Path) -> Built:
    index = open_index(f"milvus+file://{folder}/lite.db", name="benchmark", dimension=D, model="benchmark")
    for ids, rows in feed:
        index.upsert(ids, rows)
    return (lambda query, k: index.search(query, k)[0]), None


def _usearch(feed: Feed, folder: Path) -> Built:
    library: Any = importlib.import_module("usearch.index")
    index = library.Index(ndim=D, metric="ip", dtype="f16")
    for ids, rows in feed:
        index.add(ids, rows)
    return (lambda query, k: np.asarray(index.search(query[0], k).keys, dtype=np.int64)[None, :]), None


SYSTEMS: dict[str, Callable[[Feed, Path], Built]] = {
    EXACT: _exact,
    "FaissIndex": _yiqiao,
    "numpy": _numpy,
    "milvus-lite": _milvus,
    "usearch": _usearch,
}


def _resident() -> float:
    """Memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(system: str, size: int, folder: Path) -> Figures:
    """Build one system from prepared vectors and search it, in this process."""
    truth = np.load(folder / "truth.npz")
    queries, expected = truth["queries"], truth["ids"]
    # A small index first, so that the libraries themselves are not counted.
    (folder / "small").mkdir(exist_ok=True)
    SYSTEMS[system]([(np.arange(QUERIES, dtype=np.int64), queries)], folder / "small")[0](queries[:1], K)
    before = _resident()
    start, start_cpu = time.perf_counter(), time.process_time()
    search, index = SYSTEMS[system](_feed(folder, size), folder)
    build, build_cpu = time.perf_counter() - start, time.process_time() - start_cpu
    memory = _resident() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 - before
    times, cpu, found = list[float](), time.process_time(), list[float]()
    for query in queries:
        start = time.perf_counter()
        ids = search(query[None, :], K)
        times.append((time.perf_counter() - start) * 1000)
        found.append(len(np.intersect1d(ids[0], expected[len(found)])) / K)
    cpu = (time.process_time() - cpu) * 1000 / len(queries)
    p50, p95 = np.percentile(times, [50, 95])
    recall = float(np.mean(found))
    if index is not None:
        _show_file(index, folder / "index")
    return Figures(system, size, build, build_cpu, memory, peak, float(p50), float(p95), cpu, recall)


def run(
    sizes: Sequence[int] = SIZES, systems: Sequence[str] = tuple(SYSTEMS), *, limit: float = 3600.0
) -> list[Figures]:
    """Measure every system at every size, each in its own process, and print a table for each size.

    Args:
        sizes: numbers of vectors.
        systems: of SYSTEMS.
        limit: seconds after which a system is given up.
    """
    figures: list[Figures] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            _prepare(size, Path(folder))
            here: list[Figures] = []
            for system in systems:
                command = [sys.executable, "-m", "tests.benchmark.index", "--one", system, str(size), folder]
                try:
                    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=limit)
                except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
                    late = isinstance(error, subprocess.TimeoutExpired)
                    print(
                        f"{system} at {size:,}: " + (f"not done within {limit:.0f} s" if late else "failed"), flush=True
                    )
                    continue
                here.append(Figures(**json.loads(done.stdout.splitlines()[-1])))
        print(_table(size, here), flush=True)
        figures += here
    return figures


def _table(size: int, figures: Sequence[Figures]) -> str:
    base = next((f for f in figures if f.system == EXACT), None)
    lines = [
        f"{size:,} vectors of {D} dimensions, best {K}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        f"{'system':<14}{'build s':>9}{'cpu s':>9}{'MB':>8}{'peak MB':>9}"
        f"{'p50 ms':>9}{'p95 ms':>9}{'cpu ms':>9}{'recall':>8}{'x faster':>10}{'by cpu':>9}",
    ]
    for f in figures:
        ratios = f"{base.p50 / f.p50:>10.1f}{base.cpu / f.cpu:>9.1f}" if base else ""
        lines.append(
            f"{f.system:<14}{f.build:>9.1f}{f.build_cpu:>9.1f}{f.memory:>8.0f}{f.peak:>9.0f}"
            f"{f.p50:>9.2f}{f.p95:>9.2f}{f.cpu:>9.2f}{f.recall:>8.4f}{ratios}"
        )
    return "\n".join([*lines, ""])


def plot(figures: Sequence[Figures], path: Path = PLOT) -> None:
    """Draw latency, memory and build time by number of vectors. Needs matplotlib."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    panels = (("p95", "search, p95 (ms)"), ("memory", "memory (MB)"), ("build_cpu", "build (s of processor)"))
    canvas, axes = pyplot.subplots(1, len(panels), figsize=(13, 4), layout="constrained")
    for axis, (name, title) in zip(axes, panels, strict=True):
        for system in dict.fromkeys(f.system for f in figures):
            mine = [f for f in figures if f.system == system and getattr(f, name) > 0]
            axis.plot([f.size for f in mine], [getattr(f, name) for f in mine], marker="o", label=system)
        axis.set(xscale="log", yscale="log", xlabel="vectors", title=title)
        axis.grid(visible=True, alpha=0.3)
    axes[0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, metadata={"Date": None})


def main(arguments: Sequence[str] = ()) -> None:
    """Read the arguments and run; without any: all systems at all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds for one system at one size")
    parser.add_argument("--plot", action="store_true", help=f"draw {PLOT.name} into docs/images")
    parser.add_argument("--figures", type=Path, help="add the figures to this file, and draw all that it holds")
    parser.add_argument("--one", nargs=3, metavar=("SYSTEM", "SIZE", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        system, size, folder = chosen.one
        print(json.dumps(asdict(measure(system, int(size), Path(folder)))))
        return
    figures = run(chosen.sizes, chosen.systems, limit=chosen.limit)
    if chosen.figures:
        with chosen.figures.open("a+") as file:
            file.writelines(json.dumps(asdict(f)) + "\n" for f in figures)
            file.seek(0)
            figures = sorted((Figures(**json.loads(line)) for line in file), key=lambda f: f.size)
    if chosen.plot:
        plot(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
