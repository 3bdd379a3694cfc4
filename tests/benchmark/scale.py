"""The engine of the site by number of capabilities: `python -m tests.benchmark.scale --sizes 1000 10000 --plot`.

Measured are the start from a snapshot, one capability published and found, one withdrawn and gone, the way from the
text of a need to ranked cards with their evidence (the encoder included), and memory; in the same run the start from
the table, an exact scan of all vectors by numpy, and the BM25 index alone.

The capabilities are composed of sentences of the seed data, so that words are as frequent as in real texts. 1,500
sentences and the titles are encoded for real; a passage has the vector of its sentence and its title together with a
little noise, since encoding a million passages would take hours. Each has about five passages in each of two tiers.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select

from backend.capabilities import service as capabilities
from backend.config import PROJECT_ROOT, SEED_DIR, Settings
from backend.db import Database
from backend.disclosure.models import Audience, SubjectKind
from backend.matching import documents, service
from backend.matching.index_sync import SearchEngine
from backend.matching.models import SearchTier
from backend.matching.ranking import Wanted
from backend.organisations.policy import Viewer
from backend.seed_files import read_rows
from embeddings import load_encoder
from tests.benchmark.synthetic import build, material
from tests.factories import Factory

SIZES = (1_000, 10_000)
REPEATS = 12
PLOT = PROJECT_ROOT / "docs" / "images" / "scale.svg"
SIDE = SubjectKind.CAPABILITY, SearchTier.TEASER


@dataclass(frozen=True)
class Figures:
    """One size; times in milliseconds unless the name says otherwise, memory in MB."""

    size: int
    passages: int
    from_table_seconds: float
    save_seconds: float
    from_snapshot_seconds: float
    memory: float
    first_change_seconds: float
    publish: tuple[float, float]
    withdraw: tuple[float, float]
    match: tuple[float, float]
    long_match: tuple[float, float]
    encoder: tuple[float, float]
    candidates: tuple[float, float]
    passages_of_60: tuple[float, float]
    numpy_scan: tuple[float, float]
    bm25: tuple[float, float]


def _milliseconds(works: Sequence[Callable[[], object]]) -> tuple[float, float]:
    """Median and 95th percentile of the time that each takes."""
    times = []
    for work in works:
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), float(np.percentile(times, 95))


def _resident() -> float:
    """Memory of this process in MB."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _cache() -> Path:
    return (PROJECT_ROOT / Settings().data_dir / "models").resolve()


def _open(folder: Path) -> tuple[Database, SearchEngine]:
    settings = Settings(data_dir=folder, hosts="testserver")
    database = Database(settings.resolved_database_url)
    encoder = load_encoder(None, _cache())
    encoder.encode_queries(["预热"])
    return database, SearchEngine(database, settings.index_dir, lambda: encoder)


def prepare(folder: Path, size: int) -> dict[str, float]:
    """Fill a database, open the indexes from its table and save them; the times of that."""
    database, engine = _open(folder)
    database.upgrade()
    passages = build(database, engine.encoder(), material(engine.encoder()), size)
    start = time.monotonic()
    engine.follow()
    for index in engine.sides.values():
        if index.vectors is not None:
            index.vectors.settle()
    opened = time.monotonic()
    engine.save()
    saved = time.monotonic()
    engine.close()
    database.dispose()
    return {"passages": passages, "from_table_seconds": opened - start, "save_seconds": saved - opened}


def measure(folder: Path) -> dict[str, object]:
    """Start from the snapshot and measure; run in a process of its own for the sake of the memory."""
    database, engine = _open(folder)
    encoder = engine.encoder()
    before = _resident()
    start = time.monotonic()
    engine.follow()
    found: dict[str, object] = {"from_snapshot_seconds": time.monotonic() - start}
    found["memory"] = _resident() - before

    rows = list(read_rows(SEED_DIR, "needs"))
    short = [row["summary"] for row in rows]
    long = ["\n".join(str(value) for value in row.values() if isinstance(value, str))[:2000] for row in rows]

    def match(text: str) -> object:
        engine.follow_if_possible()
        with database.session() as session:
            answer = service.match_text(session, engine, Viewer(is_admin=True), Wanted(text), SubjectKind.CAPABILITY)
        assert answer.matches or answer.nearest
        return answer

    for text in short[:5]:
        match(text)
    # No text twice: the encoder remembers what it was asked.
    found["match"] = _milliseconds([lambda t=t: match(t) for t in short[5:]])  # type: ignore[misc]
    found["long_match"] = _milliseconds([lambda t=t: match(t) for t in long])  # type: ignore[misc]
    asked = [f"{text}。" for text in short]
    found["encoder"] = _milliseconds([lambda t=t: encoder.encode_queries([t]) for t in asked])  # type: ignore[misc]
    queries = [engine.query(text) for text in asked]
    found["candidates"] = _milliseconds([lambda q=q: engine.candidates(*SIDE, q) for q in queries])  # type: ignore[misc]
    subjects = [[c.subject_id for c in engine.candidates(*SIDE, query)[:60]] for query in queries]

    def read(ids: list[str]) -> object:
        with database.session() as session:
            return documents.passages_of(session, *SIDE, ids)

    found["passages_of_60"] = _milliseconds([lambda i=i: read(i) for i in subjects])  # type: ignore[misc]
    lexical = engine.lexical(*SIDE)
    found["bm25"] = _milliseconds([lambda t=t: lexical.search(t, 200) for t in asked])  # type: ignore[misc]
    found |= _changes(database, engine)
    matrix = _matrix(database, encoder.dimension)
    vectors = [query.vector for query in queries]
    found["numpy_scan"] = _milliseconds([lambda v=v: _scan(matrix, v) for v in vectors])  # type: ignore[misc]
    engine.close()
    database.dispose()
    return found


def _changes(database: Database, engine: SearchEngine) -> dict[str, object]:
    """Publish and withdraw, until the one is found and the other is not, as a page does it after its commit."""
    make = Factory(database)
    party = make.party()
    texts = [f"第{n}号磁控胶囊胃镜回收装置" for n in range(REPEATS + 1)]
    ids: list[str] = []

    def is_found(text: str, subject_id: str) -> bool:
        hits = engine.candidates(*SIDE, engine.query(text))
        return subject_id in [hit.subject_id for hit in hits]

    def publish(text: str) -> None:
        ids.append(make.capability(party, text, audience=Audience.PUBLIC).id)
        engine.follow_if_possible()
        assert is_found(text, ids[-1])

    def withdraw(text: str, subject_id: str) -> None:
        with database.session(write=True) as session:
            capabilities.act(session, party.viewer, subject_id, "withdraw")
        engine.follow_if_possible()
        assert not is_found(text, subject_id)

    start = time.monotonic()
    publish(texts[0])
    first = time.monotonic() - start
    added = _milliseconds([lambda t=t: publish(t) for t in texts[1:]])  # type: ignore[misc]
    pairs = list(zip(texts, ids, strict=True))
    removed = _milliseconds([lambda p=p: withdraw(*p) for p in pairs])  # type: ignore[misc]
    return {"first_change_seconds": first, "publish": added, "withdraw": removed}


def _matrix(database: Database, dimension: int) -> np.ndarray:
    """All vectors of a side in full precision."""
    with database.session() as session:
        column = documents.TABLE.c.vector
        rows = session.execute(select(column).where(*documents.live(*SIDE))).scalars()
        return np.frombuffer(b"".join(rows), dtype="<f4").reshape(-1, dimension)


def _scan(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    scores = matrix @ vector
    best = np.argpartition(-scores, 999)[:1000] if len(scores) > 1000 else np.arange(len(scores))
    return best[np.argsort(-scores[best])]


def run(sizes: Sequence[int]) -> list[Figures]:
    """Measure all sizes, each in a temporary folder and in processes of its own."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            values: dict[str, object] = {"size": size}
            for step in ("prepare", "measure"):
                command = [sys.executable, "-m", "tests.benchmark.scale", "--step", step, "--folder", folder]
                answer = subprocess.run([*command, "--sizes", str(size)], check=True, capture_output=True, text=True)
                values |= json.loads(answer.stdout.splitlines()[-1])
            found.append(Figures(**values))  # type: ignore[arg-type]
        print(table(found[-1]), flush=True)
    return found


def table(f: Figures) -> str:
    """The figures of one size, with ratios to the alternatives of the same run."""

    def line(name: str, times: tuple[float, float], beside: str = "") -> str:
        return f"  {name:<52} p50 {times[0]:8.1f} ms   p95 {times[1]:8.1f} ms  {beside}"

    whole = f.match[0]
    return "\n".join(
        [
            f"{f.size} capabilities, {f.passages} passages of both tiers",
            f"  start from snapshot, without the encoder   {f.from_snapshot_seconds:8.2f} s    "
            f"{f.from_table_seconds / f.from_snapshot_seconds:.1f} times as fast as from the table "
            f"({f.from_table_seconds:.1f} s); saving takes {f.save_seconds:.1f} s",
            f"  memory of the indexes                      {f.memory:8.0f} MB",
            f"  first change after the start               {f.first_change_seconds:8.2f} s",
            line("published, until it is found", f.publish),
            line("withdrawn, until it is gone", f.withdraw),
            line("need (summary) to ranked cards with evidence", f.match),
            line("need (2,000 characters) to ranked cards", f.long_match),
            line("  of it the encoder", f.encoder, f"{f.encoder[0] / whole:.0%} of the whole"),
            line("  of it the candidates", f.candidates, f"{f.candidates[0] / whole:.0%}"),
            line("  of it the passages of 60 candidates", f.passages_of_60, f"{f.passages_of_60[0] / whole:.0%}"),
            line(
                "beside it: exact scan by numpy alone",
                f.numpy_scan,
                f"{f.numpy_scan[0] / f.candidates[0]:.1f} times the candidates",
            ),
            line("beside it: BM25 alone", f.bm25, f"{f.bm25[0] / f.candidates[0]:.1f} times the candidates"),
        ]
    )


def plot(figures: Sequence[Figures], path: Path = PLOT) -> None:
    """Draw latency, memory and times of start by number of capabilities. Needs matplotlib."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    sizes = [f.size for f in figures]
    panels = {
        "Latency p95, ms": {
            "need to ranked cards": [f.match[1] for f in figures],
            "published, found": [f.publish[1] for f in figures],
            "withdrawn, gone": [f.withdraw[1] for f in figures],
            "exact scan by numpy": [f.numpy_scan[1] for f in figures],
        },
        "Memory of the indexes, MB": {"memory": [f.memory for f in figures]},
        "Start, s": {
            "from snapshot": [f.from_snapshot_seconds for f in figures],
            "from the table": [f.from_table_seconds for f in figures],
        },
    }
    canvas, axes = pyplot.subplots(1, len(panels), figsize=(13, 4), layout="constrained")
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for name, values in lines.items():
            axis.plot(sizes, values, marker="o", label=name)
        axis.set(title=title, xlabel="capabilities", xscale="log", yscale="log")
        axis.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, metadata={"Date": None})


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--plot", action="store_true", help=f"draw {PLOT.name} into docs/images")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--step", choices=["prepare", "measure"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(list(arguments))
    if chosen.step:
        print(
            json.dumps(prepare(chosen.folder, chosen.sizes[0]) if chosen.step == "prepare" else measure(chosen.folder))
        )
        return
    figures = run(chosen.sizes)
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(f) for f in figures], indent=2))
    if chosen.plot:
        plot(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
