"""The command line of the encoder: `yiqiao encoder tune | compare | pack`, for those who teach it new words."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli_common import fail
from backend.config import SEED_DIR, Settings

if TYPE_CHECKING:
    from embeddings.types import Encoder

app = typer.Typer(no_args_is_help=True, help="The model that turns texts into vectors.")

NEEDS_FILE = SEED_DIR / "tuning" / "needs.csv"

ProductsOption = Annotated[
    Path, typer.Option(help="Regulatory entries, JSON Lines with id, name, description, code, year and kind.")
]


@app.command()
def tune(
    products: ProductsOption,
    out: Annotated[Path, typer.Option(help="Folder of the run; a run that was cut off goes on there.")],
    needs: Annotated[Path, typer.Option(help="Needs in clinicians' words: product, need, split.")] = NEEDS_FILE,
    decisions: Annotated[
        Path | None,
        typer.Option(help="Decisions with texts, JSON Lines: `yiqiao ranker export --texts`."),
    ] = None,
    rate: Annotated[float, typer.Option(min=1e-7, max=1e-2, help="Learning rate.")] = 5e-5,
    epochs: Annotated[float, typer.Option(min=0.01, max=20)] = 1.0,
    start: Annotated[Path | None, typer.Option(help="Tuned model to go on from, with new negatives.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another number is another order of the pairs.")] = None,
    measure: Annotated[bool, typer.Option(help="Measure every checkpoint.")] = True,
) -> None:
    """Tune the default encoder on pairs of need and product; needs the `tune` extra."""
    from embeddings.decisions import read, texts
    from embeddings.tuning import run
    from embeddings.tuning.training import Recipe
    from embeddings.types import EmbeddingsError

    started = time.monotonic()

    def progress(message: str, share: float) -> None:
        minutes = (time.monotonic() - started) / 60
        left = f", about {minutes / share - minutes:.0f} min left" if share > 0.02 else ""
        typer.echo(f"{share:4.0%} {message}{left}", err=True)

    try:
        pairs = texts(read(decisions)) if decisions else []
        recipe = Recipe(epochs=epochs, rate=rate)
        if seed is not None:
            recipe = replace(recipe, seed=seed)
        folder = run.tune(
            products,
            needs,
            Settings().models_dir,
            out,
            recipe=recipe,
            decisions=pairs,
            start=start,
            measure=measure,
            progress=progress,
        )
    except ImportError as error:
        raise fail(f"Tuning needs more packages: pip install 'yiqiao[tune]' ({error}).") from error
    except (EmbeddingsError, OSError) as error:
        raise fail(str(error)) from error
    typer.echo(f"The tuned model is in {folder}. Next: yiqiao encoder compare {folder}")


@app.command()
def average(
    models: Annotated[list[Path], typer.Argument(help="Folders of tuned models or of their checkpoints.")],
    out: Annotated[Path, typer.Option(help="Folder to write; the mean is the folder model in it.")],
    share: Annotated[
        list[float] | None, typer.Option(min=0, max=1, help="Share of a model, once for each; equal if left out.")
    ] = None,
    base_share: Annotated[float, typer.Option(min=0, max=1, help="Share of the base, beside the others.")] = 0.0,
) -> None:
    """Write the mean of tuned models, often better than each of them."""
    from embeddings import bundled
    from embeddings.tuning import averaging
    from embeddings.types import EmbeddingsError

    shares = share or [(1 - base_share) / len(models)] * len(models)
    if len(shares) != len(models):
        raise fail("Give --share once for each model, or not at all.")
    try:
        base = bundled.build(Settings().models_dir)
        parts = [*zip(models, shares, strict=True), *([(base, base_share)] if base_share else [])]
        folder = averaging.average(parts, base, out)
    except (EmbeddingsError, OSError) as error:
        raise fail(str(error)) from error
    typer.echo(f"The mean is in {folder}. Next: yiqiao encoder compare {folder}")


@app.command()
def compare(
    model: Annotated[Path, typer.Argument(help="Folder of the tuned model.")],
    products: ProductsOption,
    needs: Annotated[Path, typer.Option(help="The needs; those kept out are measured.")] = NEEDS_FILE,
    corpus: Annotated[list[Path] | None, typer.Option(help="Documents of a judged set; may be repeated.")] = None,
    dataset: Annotated[list[Path] | None, typer.Option(help="Its needs, in the same order.")] = None,
    general: Annotated[Path | None, typer.Option(help="General sentence pairs with scores: a, b, score.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Measure a tuned model beside its base; exit code 1 if it must not ship."""
    from embeddings.encoder import load_encoder
    from embeddings.evaluation.dataset import read_jsonl
    from embeddings.tuning import comparison, pairs
    from embeddings.types import EmbeddingsError

    cache = Settings().models_dir
    if len(corpus or []) != len(dataset or []):
        raise fail("A judged set is two files: give --corpus and --dataset together.")
    try:
        known, written = pairs.read_products(products), pairs.read_needs(needs)
        retrieval = {
            "cases of the last year": comparison.cases_of_the_last_year(known),
            "needs kept out": comparison.needs_kept_out(known, written),
        }
        for documents, asked in zip(corpus or [], dataset or [], strict=True):
            retrieval[asked.stem] = comparison.judged(read_jsonl(documents, asked))
        similar = {"general pairs": comparison.read_pairs(general)} if general else {}
        encoders: dict[str, Encoder] = {
            "base": load_encoder(comparison.BASE, cache),
            "tuned": load_encoder(model, cache),
        }
        figures = comparison.compare(encoders, retrieval, similar, lambda message: typer.echo(message, err=True))
    except (EmbeddingsError, OSError, ValueError) as error:
        raise fail(str(error)) from error
    for name, found in figures.items():
        typer.echo(f"{name:<28} base {found['base']:.3f}   tuned {found['tuned']:.3f}")
    if out:
        out.write_text(json.dumps(figures, ensure_ascii=False, indent=2), encoding="utf-8")
    if lost := comparison.losses(figures, "base", "tuned"):
        raise fail(f"Not better than the base: {', '.join(lost)}.")


@app.command()
def pack(
    model: Annotated[Path, typer.Argument(help="Folder of the tuned model.")],
    out: Annotated[Path, typer.Option(help="The adapter file to write.")],
    figures: Annotated[Path, typer.Option(help="The JSON that `compare` wrote; kept in the file.")],
    products: ProductsOption,
    needs: Annotated[Path, typer.Option(help="The needs that it learned from.")] = NEEDS_FILE,
) -> None:
    """Pack what a tuned model learned as the small file that ships with the project."""
    from safetensors import SafetensorError

    from embeddings.tuning import run
    from embeddings.types import EmbeddingsError

    try:
        measured = json.loads(figures.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise fail(f"The figures cannot be read from {figures}: {error}") from error
    try:
        size = run.pack(model, out, Settings().models_dir, measured, [products, needs])
    except (EmbeddingsError, OSError, ValueError) as error:
        raise fail(str(error)) from error
    except SafetensorError as error:
        raise fail(f"The weights in {model} cannot be read: {error}") from error
    typer.echo(f"Wrote {out}: {size / 1e6:.1f} MB.")
