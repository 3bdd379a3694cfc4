"""From the text of a need to the rendered list of suggestions.

The encoder remembers the queries used last, so each need is asked for once by its text, and only then again.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sqlmodel import Session
from starlette.testclient import TestClient

from backend import seeding
from backend.accounts import service as accounts
from backend.accounts import sessions
from backend.accounts.models import User
from backend.config import PROJECT_ROOT, SEED_DIR, Settings
from backend.db import Database
from backend.disclosure.cards import Card
from backend.disclosure.filters import Filters
from backend.disclosure.models import SubjectKind
from backend.main import create_app
from backend.matching.engine import make_engine
from backend.matching.models import SearchTier
from backend.matching.service import query_text
from backend.needs import service as needs
from backend.organisations.service import viewer_of

ROUNDS = 3
WARM_UP = 3


def milliseconds(work: Callable[[str], object], items: Iterable[str]) -> list[float]:
    """The time of the work on each item."""
    times = []
    for item in items:
        start = time.perf_counter()
        work(item)
        times.append((time.perf_counter() - start) * 1000)
    return times


def line(name: str, times: list[float], base: float) -> str:
    """Median and 95th percentile, and the median as a multiple of the base."""
    p95 = statistics.quantiles(times, n=20)[18]
    middle = statistics.median(times)
    return f"{name:<44} p50 {middle:8.1f} ms   p95 {p95:8.1f} ms   {middle / base:6.1f} x"


def main() -> None:
    """Seed a data folder, ask for the suggestions of every need, print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            hosts="testserver",
            demo=True,
            user_searches_per_minute=0,
        )
        cache = (PROJECT_ROOT / Settings().data_dir / "models").resolve()
        cache.mkdir(parents=True, exist_ok=True)
        settings.models_dir.symlink_to(cache)
        database = Database(settings.resolved_database_url)
        database.upgrade()
        with database.session(write=True) as session:
            seeding.seed(session, SEED_DIR)
        engine = make_engine(settings, database)
        engine.rebuild(vectors=SEED_DIR / "vectors.npz")
        with database.session(write=True) as session:
            ids = list(needs.open_ids(session))
            texts = [query_text(text, SearchTier.FULL) for i in ids if (text := needs.text_of(session, i))]
            broker = accounts.find_by_email(session, "putuo@demo.yiqiao.example")
            assert broker is not None
            token = sessions.start(session, broker, days=1, user_agent="benchmark")
            mine = [c.id for c in _in_jurisdiction(session, broker)]
        encoder = engine.encoder()
        lexical = engine.lexical(SubjectKind.CAPABILITY, SearchTier.TEASER)
        app = create_app(settings, database=database, engine=engine)
        with TestClient(app, cookies={sessions.COOKIE: token}) as client:

            def ask(need_id: str) -> None:
                answer = client.get(f"/needs/{need_id}/suggestions", headers={"HX-Request": "true"})
                assert answer.status_code == 200, answer.status_code

            milliseconds(ask, mine[:WARM_UP])
            first = milliseconds(ask, mine[WARM_UP:])
            again = milliseconds(ask, mine[WARM_UP:] * ROUNDS)
        words = milliseconds(lambda text: lexical.search(text, 200), texts * ROUNDS)
        # With a stop more, no text is one that the encoder remembers.
        vectors = milliseconds(lambda text: encoder.encode_queries([f"{text}。"]), texts)
        database.dispose()
    base = statistics.median(words)
    print(f"{len(ids)} needs, {len(mine)} of them in the broker's district, {ROUNDS} rounds")
    print(line("BM25 index alone", words, base))
    print(line("encoder alone", vectors, base))
    print(line("need to rendered suggestions, over HTTP", first, base))
    print(line("the same needs again", again, base))


def _in_jurisdiction(session: Session, broker: User) -> list[Card]:
    viewer = viewer_of(session, broker)
    return needs.listing(session, viewer, Filters(jurisdictions=viewer.jurisdictions, limit=200))[0]
