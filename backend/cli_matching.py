"""The command line of the ranking: `yiqiao evaluate` and `yiqiao ranker train | compare | promote`."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli_common import fail, open_engine, show_progress
from backend.config import SEED_DIR, Settings

if TYPE_CHECKING:
    from backend.matching.judging import Material
    from embeddings.evaluation.cache import CachedEncoder

ranker_app = typer.Typer(no_args_is_help=True, help="The model that grades matches.")

JUDGEMENTS, UNANSWERABLE = SEED_DIR / "judgements.csv", SEED_DIR / "unanswerable.txt"

Datasets = Annotated[
    list[Path] | None, typer.Option("--dataset", help="Needs of a judged set, JSON Lines; may be repeated.")
]
Corpora = Annotated[list[Path] | None, typer.Option("--corpus", help="Its documents, in the same order.")]
Seed = Annotated[bool, typer.Option(help="Also the judged needs of the seed data, from the database.")]
Decisions = Annotated[Path | None, typer.Option(help="Recorded decisions, JSON Lines, on what the database holds.")]
FromDatabase = Annotated[bool, typer.Option("--from-database", help="Also the decisions that the database holds.")]
Relevant = Annotated[int, typer.Option(min=1, max=3, help="Lowest grade that counts as useful.")]
Cache = Annotated[Path | None, typer.Option(help="Folder that keeps vectors, so that a second run is quick.")]
Candidate = Annotated[Path, typer.Argument(help="The file that `ranker train` wrote.")]
Model = Annotated[str | None, typer.Option(help="Name or folder of another encoder, for judged sets in files.")]


def _progress(what: str, done: int, total: int) -> None:
    if done == total or done * 50 // total != (done - 1) * 50 // total:
        show_progress(what, done / total)


@contextmanager
def _failures() -> Iterator[None]:
    """What a user can mend is said in one line."""
    from backend.errors import DomainError
    from embeddings.types import EmbeddingsError

    try:
        yield
    except DomainError as error:
        raise fail(error.en) from error
    except (EmbeddingsError, OSError, ValueError) as error:
        raise fail(str(error)) from error


def _paired(datasets: Sequence[Path], corpora: Sequence[Path]) -> None:
    if len(datasets) != len(corpora):
        raise fail("A judged set is two files: give --dataset (the needs) and --corpus (the documents) together.")


def _encoder(model: str | None, cache: Path | None) -> "CachedEncoder":
    """The encoder for judged sets in files, whose words are searched by the vocabulary of the settings."""
    from backend.matching import vocabulary
    from backend.matching.engine import open_encoder
    from embeddings.evaluation.cache import CachedEncoder

    vocabulary.use(Settings().vocabulary)
    return CachedEncoder(open_encoder(Settings(), show_progress, model), cache)


DATABASE = "decisions of the database"


@dataclass(frozen=True)
class Asked:
    """The judged sets and decisions that a command was asked to work on."""

    datasets: Sequence[Path]
    corpora: Sequence[Path]
    decisions: Path | None
    seed: bool
    relevant_from: int
    cache: Path | None
    weights: Sequence[float] = ()
    from_database: bool = False

    def ranked(self, *, certain: bool = True) -> "tuple[list[Material], Material | None]":
        """All sets, ranked, and the decisions: for measuring the `certain` ones alone, for learning all."""
        from backend.matching import decisions, judging, ranker, seeded
        from embeddings.decisions import read

        _paired(self.datasets, self.corpora)
        if self.weights and len(self.weights) != len(self.datasets):
            raise fail("Give one --weight for each --dataset, or none.")
        given = read(self.decisions) if self.decisions else []
        decides = self.decisions is not None or self.from_database
        if not (self.seed or self.datasets or decides):
            raise ValueError("Nothing was given: --seed, or --dataset with --corpus, --decisions or --from-database.")
        materials: list[Material] = []
        decided = None
        if self.seed or decides:
            with open_engine(Settings()) as (database, engine), database.session() as session:
                judge = seeded.Judge(session, engine)
                if self.seed:
                    materials.append(judge.seed(JUDGEMENTS, UNANSWERABLE, all_lengths=True, progress=_progress))
                if decides:
                    sources = judging.digests([self.decisions] if self.decisions else [])
                    if self.from_database:
                        # Those of the site are the newer ones.
                        own = decisions.recorded(session)
                        given, sources = [*given, *own], sources | {DATABASE: decisions.digest(own)}
                    outcomes = decisions.judged(given, certain=certain)
                    decided = judge.decided(" + ".join(sources), sources, outcomes)
                    ranked, wanted = sum(len(j.docs) for j in decided.judged), sum(map(len, outcomes.values()))
                    typer.echo(f"{ranked} of {wanted} decisions are on pairs that are ranked now.", err=True)
        if self.datasets:
            encoder = _encoder(None, self.cache)
            shares = self.weights or [1.0] * len(self.datasets)
            for queries, corpus, share in zip(self.datasets, self.corpora, shares, strict=True):
                materials.append(
                    judging.offline(
                        queries,
                        corpus,
                        encoder,
                        ranker.weights(),
                        relevant_from=self.relevant_from,
                        weight=share,
                        progress=_progress,
                    )
                )
                encoder.save()
        return materials, decided


def evaluate(
    dataset: Annotated[Path | None, typer.Option(help="Needs of a judged set, JSON Lines: id, need, rel.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="Its documents, JSON Lines: id, title, text.")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report to read or print.")] = None,
    language: Annotated[str, typer.Option("--lang", help="Language of the report, zh or en.")] = "zh",
    relevant_from: Relevant = 2,
    model: Model = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take the first needs only.")] = None,
    cache: Cache = None,
) -> None:
    """Measure the ranking on judged needs: words, meaning, both fused, and as the site shows it.

    Without --dataset and --corpus the needs are those of the seed data, in the database.
    """
    from backend.matching import evaluation, judging, promotion, ranker, seeded
    from embeddings.evaluation.html import LANGUAGES, render

    if language not in LANGUAGES:
        raise fail("The report is written in zh or en.")
    if (dataset is None) != (corpus is None):
        raise fail("A judged set is two files: give --dataset (the needs) and --corpus (the documents) together.")
    settings = Settings()
    own = ranker.own_file(settings.data_dir)
    ranker.use(own)
    with _failures():
        if dataset and corpus:
            encoder = _encoder(model, cache)
            material = judging.offline(
                dataset,
                corpus,
                encoder,
                ranker.weights(),
                relevant_from=relevant_from,
                limit=limit,
                progress=_progress,
            )
            encoder.save()
        elif model:
            raise fail("--model is for judged sets in files; the encoder of the database is set by YIQIAO_MODEL.")
        else:
            with open_engine(settings) as (database, engine), database.session() as session:
                judge = seeded.Judge(session, engine)
                material = judge.seed(JUDGEMENTS, UNANSWERABLE, limit=limit, progress=_progress)
            material = replace(material, relevant_from=relevant_from)
        held_out = promotion.held_out_for(material, own)
        report = evaluation.report(material, ranker.weights(), held_out=held_out)
        if material.relevant_from != relevant_from:
            typer.echo("No grade of this set is above 1, so grade 1 counts as useful.", err=True)
        if out:
            out.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        if html:
            html.write_text(render(report, language), encoding="utf-8")
    typer.echo(evaluation.summary(report))


@ranker_app.command()
def train(
    out: Annotated[Path, typer.Option(help="The file of the candidate to write.")],
    dataset: Datasets = None,
    corpus: Corpora = None,
    weight: Annotated[list[float] | None, typer.Option(min=0, help="Weight of a set's needs; 1 if left out.")] = None,
    decisions: Decisions = None,
    from_database: FromDatabase = False,
    seed: Seed = True,
    relevant_from: Relevant = 2,
    strong: Annotated[float, typer.Option(min=0, max=1, help="Precision wanted of the grade 强.")] = 0.8,
    possible: Annotated[float, typer.Option(min=0, max=1, help="Precision wanted of the grade 可能.")] = 0.4,
    date: Annotated[str | None, typer.Option(help="Date for the provenance; today if left out.")] = None,
    cache: Cache = None,
) -> None:
    """Fit new weights on judged needs and decisions, and write them as a candidate."""
    from backend.matching import training

    asked = Asked(dataset or [], corpus or [], decisions, seed, relevant_from, cache, weight or [], from_database)
    with _failures():
        materials, decided = asked.ranked(certain=False)
        fitted = training.train(
            [*materials, *([decided] if decided else [])], strong=strong, possible=possible, date=date or _today()
        )
        out.write_text(training.as_text(fitted), encoding="utf-8")
    typer.echo(json.dumps(fitted.provenance, ensure_ascii=False, indent=2))


@ranker_app.command()
def export(
    out: Annotated[Path, typer.Option(help="The file to write, JSON Lines.")],
    texts: Annotated[bool, typer.Option(help="With the teasers of both, for `yiqiao encoder tune`.")] = False,
) -> None:
    """Write the decisions that the database holds into a file, for `--decisions`. Nobody is named in it."""
    from backend.db import Database
    from backend.matching import decisions

    database = Database(Settings().resolved_database_url)
    with _failures(), database.session() as session:
        found = decisions.recorded(session, with_texts=texts)
        out.write_text(decisions.as_lines(found), encoding="utf-8")
    database.dispose()
    typer.echo(f"{len(found)} decisions are in {out}.")


@ranker_app.command()
def compare(
    candidate: Candidate,
    dataset: Datasets = None,
    corpus: Corpora = None,
    decisions: Decisions = None,
    from_database: FromDatabase = False,
    seed: Seed = True,
    relevant_from: Relevant = 2,
    out: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    cache: Cache = None,
) -> None:
    """Measure a candidate beside the weights in use, on needs that were held out; exit code 1 if it is not better."""
    from backend.matching import promotion, ranker, training

    asked = Asked(dataset or [], corpus or [], decisions, seed, relevant_from, cache, from_database=from_database)
    with _failures():
        before = promotion.present(ranker.own_file(Settings().data_dir))
        found = promotion.compare(before, training.read_fitted(candidate), *asked.ranked())
        if out:
            out.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    typer.echo("\n".join(promotion.as_lines(found)))
    if not found["better"]:
        raise typer.Exit(1)


@ranker_app.command()
def promote(
    candidate: Annotated[Path | None, typer.Argument(help="The file that `ranker train` wrote.")] = None,
    dataset: Datasets = None,
    corpus: Corpora = None,
    decisions: Decisions = None,
    from_database: FromDatabase = False,
    seed: Seed = True,
    relevant_from: Relevant = 2,
    force: Annotated[str | None, typer.Option(help="Promote it all the same, for this reason; it is kept.")] = None,
    package: Annotated[bool, typer.Option(help="Renew the weights that ship with the program.")] = False,
    go_back: Annotated[bool, typer.Option("--back", help="Return to the weights before the last promotion.")] = False,
    date: Annotated[str | None, typer.Option(help="Date for the provenance; today if left out.")] = None,
    cache: Cache = None,
) -> None:
    """Put a candidate in place of the weights in use if it is better on the judged sets and decisions given."""
    from backend.matching import promotion, ranker, training

    own = ranker.own_file(Settings().data_dir)
    if go_back:
        if candidate or package or force:
            raise fail("--back goes alone; the packaged weights are taken back with version control.")
        with _failures():
            typer.echo(f"In use now: {promotion.back(own)}.")
        return
    if candidate is None:
        raise fail("Name the candidate's file, or give --back.")
    if force is not None and not force.strip():
        raise fail("--force needs a reason.")
    target = ranker.WEIGHTS_FILE if package else own
    asked = Asked(dataset or [], corpus or [], decisions, seed, relevant_from, cache, from_database=from_database)
    with _failures():
        fitted, before = training.read_fitted(candidate), promotion.present(target)
        found = promotion.compare(before, fitted, *asked.ranked())
        typer.echo("\n".join(promotion.as_lines(found)))
        if not found["better"] and not force:
            raise fail("Not promoted. With --force and a reason it is promoted all the same.")
        promotion.promote(fitted, found, target, date=date or _today(), reason=force, keep=not package)
    typer.echo(f"In use now: the weights {fitted.weights.version}, in {target}.")


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
