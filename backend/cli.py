"""The command line: `yiqiao`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from backend import (
    cli_accounts,
    cli_backup,
    cli_encoder,
    cli_matching,
    cli_organisations,
    cli_serve,
    cli_vocabulary,
    logs,
)
from backend.cli_common import fail, open_database, open_engine, show_progress
from backend.config import SEED_DIR, Settings
from backend.matching.index_sync import SearchEngine

VECTORS_FILE = "vectors.npz"
BY_WORDS = "Matching by meaning is unavailable for the moment; these results are matched by words."
NOTHING = "No capability in the library answers this."

app = typer.Typer(no_args_is_help=True, add_completion=False, help="医桥 Yiqiao: clinical needs meet capabilities.")
index_app = typer.Typer(no_args_is_help=True, help="The search index, derived from the database.")
app.add_typer(cli_matching.ranker_app, name="ranker")
app.add_typer(cli_encoder.app, name="encoder")
app.add_typer(index_app, name="index")
app.add_typer(cli_organisations.app, name="organisation")
app.add_typer(cli_vocabulary.app, name="vocabulary")
app.add_typer(cli_accounts.user_app, name="user")
app.command("demo-accounts")(cli_accounts.demo_accounts)
app.command()(cli_matching.evaluate)
app.command()(cli_backup.backup)
app.command()(cli_backup.restore)
app.command()(cli_serve.serve)
app.command()(cli_serve.worker)
app.command()(cli_serve.migrate)


@app.callback()
def main() -> None:
    """Set up logging for every command."""
    logs.configure(Settings())


@app.command()
def seed(
    folder: Annotated[Path, typer.Option(help="Folder of the seed files.")] = SEED_DIR,
    index: Annotated[bool, typer.Option(help="Index the loaded texts at once.")] = True,
) -> None:
    """Load the demonstration data into an empty database, and print the demo sign-ins."""
    from backend import seeding
    from backend.organisations import service as organisations

    settings = Settings()
    with open_engine(settings) as (database, engine):
        with database.session(write=True) as session:
            if organisations.count(session):
                typer.echo("The database holds data already; nothing was loaded.")
            else:
                seeded = seeding.seed(session, folder)
                typer.echo(
                    f"Loaded {len(seeded.organisations)} organisations, {seeded.capabilities} capabilities, "
                    f"{seeded.needs} needs, {len(seeded.accounts)} accounts."
                )
        if index:
            _rebuild(engine, vectors=folder / VECTORS_FILE)


@app.command()
def match(
    text: Annotated[str, typer.Argument(help="A need in its author's own words.")],
    kind: Annotated[str, typer.Option(help="Kind of need, to leave out capabilities that cannot answer it.")] = "",
    top: Annotated[int, typer.Option(min=1, max=50, help="How many rows to print.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Match a text with the capabilities: rank, organisation, capability, grade, evidence."""
    from backend.disclosure.models import SubjectKind
    from backend.matching import service
    from backend.matching.index_sync import EngineState
    from backend.matching.kinds import compatible
    from backend.needs.models import NeedKind
    from backend.organisations.policy import Viewer
    from embeddings.types import EncoderUnavailable

    if kind and kind not in list(NeedKind):
        raise fail(f"Unknown kind of need: {kind}. Known are {', '.join(NeedKind)}.")
    if not text.strip():
        raise fail("The text is empty.")
    with open_engine(Settings()) as (database, engine):
        try:
            engine.follow()
        except EncoderUnavailable as error:
            raise fail(str(error)) from error
        with database.session() as session:
            found = service.match_text(
                session,
                engine,
                Viewer(is_admin=True),
                service.free_text(text),
                SubjectKind.CAPABILITY,
                admits=lambda card: not kind or compatible(SubjectKind.NEED, kind, card.kind),
            )
    if found.state is not EngineState.READY:
        raise fail(engine.problem or "The encoder is not at hand any more.")
    if found.by_words:
        typer.echo(BY_WORDS, err=True)
    rows = [
        {
            "rank": rank,
            "organisation": m.card.organisation_name or "(anonymous)",
            "capability": m.card.title,
            "grade": m.grade.value,
            "probability": round(m.probability, 3),
            "evidence": m.evidence_text,
        }
        for rank, m in enumerate((found.matches + found.nearest)[:top], 1)
    ]
    if as_json:
        answer = {"answered": bool(found.matches), "by_words": found.by_words, "matches": rows}
        json.dump(answer, sys.stdout, ensure_ascii=False, indent=2)
        typer.echo()
        return
    if not found.matches:
        # Words alone cannot tell that the library has nothing.
        said = "No capability is a clear match by its words." if found.by_words else NOTHING
        typer.echo(f"{said} The nearest, weakly related:")
    for row in rows:
        typer.echo(f"{row['rank']:>2}  {row['organisation']}  {row['capability']}  [{row['grade']}]")
        typer.echo(f"      {row['evidence']}")


def _rebuild(engine: SearchEngine, *, encode_again: bool = False, vectors: Path | None = None) -> None:
    from embeddings.types import EncoderUnavailable

    def progress(done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            show_progress(f"indexing {done} of {total}", done / total)

    try:
        count = engine.rebuild(encode_again=encode_again, vectors=vectors, progress=progress)
    except EncoderUnavailable as error:
        raise fail(f"{error}\nThe texts are stored; they are indexed as soon as a model is at hand.") from error
    typer.echo(f"Indexed {count} subjects.")


@index_app.command("rebuild")
def index_rebuild(
    encode_again: Annotated[bool, typer.Option(help="Compute all vectors again.")] = False,
) -> None:
    """Compare the index with the database and build it anew."""
    with open_engine(Settings()) as (_database, engine):
        _rebuild(engine, encode_again=encode_again)


@index_app.command("export")
def index_export(path: Annotated[Path, typer.Argument(help="The .npz file to write.")]) -> None:
    """Save the vectors of all passages to a file, as seed_data/vectors.npz was made."""
    from backend.matching import precomputed

    with open_engine(Settings()) as (database, engine):
        engine.follow()
        with database.session() as session:
            count = precomputed.write(path, session, engine.encoder().name)
    typer.echo(f"Saved {count} vectors.")


@index_app.command("status")
def index_status() -> None:
    """What is indexed, with which model, what is waiting, and whether the service of the vectors answers."""
    from backend.matching import status
    from embeddings.types import EmbeddingsError

    settings = Settings()
    with open_database(settings) as database, database.session() as session:
        found = status.of_database(session)
        typer.echo(f"sequence  {found.sequence}")
        typer.echo(f"waiting   {found.waiting}")
        for row in found.rows:
            typer.echo(
                f"{row.kind:<11} {row.tier:<7} {row.subjects:>6} subjects {row.passages:>7} passages  {row.model}"
            )
        try:
            served = status.of_service(session, settings.index or None)
        except (EmbeddingsError, ValueError) as error:
            raise fail(str(error)) from error
    for side in served:
        if side.vectors is not None:
            typer.echo(
                f"{side.kind:<11} {side.tier:<7} {side.vectors:>6} vectors in the service, fed to {side.sequence}"
            )
    if any(side.vectors is None for side in served):
        typer.echo("The service of the vectors does not answer: matching by meaning is unavailable for the moment.")
        typer.echo("Until it does, the site goes by words; what changes meanwhile is made up for by itself.")
