"""The training run: sentence-transformers' trainer, resumable, with progress, made for a CPU of two cores."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embeddings.tuning.loss import MaskedRankingLoss
from embeddings.tuning.pairs import Pair, Product, shown
from embeddings.types import EmbeddingsError

Progress = Callable[[str, float], None]
"""Told what is being done and the share that is finished, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the outcome, kept beside the weights.

    Attributes:
        frozen_layers: the lowest layers that keep their weights, with all embeddings: they carry the many languages.
        longest: tokens of a text that are read.
    """

    epochs: float = 1.0
    batch: int = 48
    rate: float = 8e-5
    warm_up: float = 0.1
    longest: int = 80
    frozen_layers: int = 2
    seed: int = 20261122
    save_every: int = 40


class LengthBuckets:
    """A batch sampler that puts texts of like length together, since a batch costs what its longest text costs."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self.batch_size, self.drop_last = batch, True  # The trainer asks for both.
        self._lengths, self._seed = lengths, seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Another order for every epoch, the same for one seed."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Batches of an epoch; the incomplete one is left out."""
        return len(self._lengths) // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        """Row numbers of one batch after the other."""
        draw = random.Random(self._seed + self._epoch)  # noqa: S311 - an order, not a secret  # nosec B311
        order = sorted(range(len(self._lengths)), key=lambda row: self._lengths[row] * draw.uniform(0.8, 1.25))
        size = self.batch_size
        batches = [order[at : at + size] for at in range(0, len(order) - size + 1, size)]
        draw.shuffle(batches)
        yield from batches


def by_length(dataset: Any, batch_size: int, seed: int = 0, **_settings: Any) -> Any:
    """`LengthBuckets` as the trainer calls for it; a function of the module, since arguments are saved by name."""
    return LengthBuckets([len(text) for text in dataset["positive"]], batch_size, seed)


def freeze(model: Any, layers: int) -> int:
    """Let only the weights above the embeddings and the lowest layers change; returns how many do."""
    kept = ("embeddings.", *(f"encoder.layer.{number}." for number in range(layers)), "pooler.")
    trained = 0
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not any(part in name for part in kept))
        trained += parameter.numel() if parameter.requires_grad else 0
    return trained


def train(
    base: Path,
    folder: Path,
    sets: Mapping[str, Sequence[tuple[Pair, Product]]],
    others: Sequence[Pair],
    recipe: Recipe,
    *,
    evaluator: Any = None,
    progress: Progress | None = None,
) -> Path:
    """Train and save the model in `folder`/model; a run that was cut off goes on from its last checkpoint.

    Args:
        base: folder of the SentenceTransformer to start from.
        folder: of this run; it keeps checkpoints, the recipe and the log of measurements.
        sets: by name, pairs with a hard negative each; a batch is drawn from one set.
        others: pairs without.
        evaluator: a sentence-transformers evaluator, asked at every checkpoint.
        progress: heard at every step.

    Raises:
        EmbeddingsError: if the folder belongs to a run of another recipe, or there are fewer pairs than a batch takes.
    """
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    _same_recipe(folder, recipe, [*map(len, sets.values()), len(others)])
    model = SentenceTransformer(str(base), device="cpu", local_files_only=True)
    whole = model.max_seq_length
    model.max_seq_length = recipe.longest
    freeze(model, recipe.frozen_layers)

    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder / "checkpoints"),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        learning_rate=recipe.rate,
        warmup_steps=recipe.warm_up,
        weight_decay=0.01,
        seed=recipe.seed,
        batch_sampler=by_length,
        prompts={"anchor": "query: ", "positive": "passage: ", "negative": "passage: "},
        save_steps=recipe.save_every,
        save_total_limit=2,
        eval_strategy="steps" if evaluator is not None else "no",
        eval_steps=recipe.save_every,
        logging_steps=5,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        dataloader_num_workers=0,
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=_datasets(sets, others, recipe.batch),
        loss=MaskedRankingLoss(model),
        evaluator=evaluator,
        callbacks=[_listener(progress)] if progress else None,
    )
    started = any((folder / "checkpoints").glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=started or None)
    (folder / "log.json").write_text(json.dumps(trainer.state.log_history, indent=1), encoding="utf-8")
    # Texts are cut for the training alone: who uses the model reads as much of them as with the base.
    model.max_seq_length = whole
    model.save_pretrained(str(folder / "model"), create_model_card=False, safe_serialization=True)
    return folder / "model"


def _same_recipe(folder: Path, recipe: Recipe, sizes: list[int]) -> None:
    """A run is continued with what it was begun with, or not at all."""
    wanted = {**asdict(recipe), "pairs": sizes}
    path = folder / "recipe.json"
    if path.exists():
        begun = json.loads(path.read_text(encoding="utf-8"))
        if begun != wanted:
            raise EmbeddingsError(f"{folder} holds a run with another recipe or other pairs; choose another folder")
        return
    if any((folder / "checkpoints").glob("checkpoint-*")):
        raise EmbeddingsError(f"{folder} holds checkpoints of an unknown run; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(wanted, indent=1), encoding="utf-8")


def _datasets(sets: Mapping[str, Sequence[tuple[Pair, Product]]], others: Sequence[Pair], batch: int) -> Any:
    """The trainer's data sets; labels are numbers for texts and categories, one numbering for all."""
    from datasets import Dataset, DatasetDict

    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers))

    found: dict[str, Any] = {}
    for name, mined in sets.items():
        if len(mined) >= batch:
            found[name] = Dataset.from_dict(
                {
                    "anchor": [pair.anchor for pair, _negative in mined],
                    "positive": [pair.positive for pair, _negative in mined],
                    "negative": [shown(negative, pair.side) for pair, negative in mined],
                    "label": [[number(p.same), number(p.category), number(n.category)] for p, n in mined],
                }
            )
    if len(others) >= batch:
        found["others"] = Dataset.from_dict(
            {
                "anchor": [pair.anchor for pair in others],
                "positive": [pair.positive for pair in others],
                "label": [[number(pair.same), number(pair.category), -1] for pair in others],
            }
        )
    if not found:
        raise EmbeddingsError(f"there are fewer pairs than one batch takes ({batch})")
    return DatasetDict(found)


def _listener(progress: Progress) -> Any:
    from transformers import TrainerCallback

    class Listener(TrainerCallback):
        """Hands the trainer's steps on."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_settings: Any) -> None:
            """After every batch."""
            last = next((entry["loss"] for entry in reversed(state.log_history) if "loss" in entry), None)
            shown = f", loss {last:.3f}" if last is not None else ""
            progress(f"step {state.global_step} of {state.max_steps}{shown}", state.global_step / state.max_steps)

    return Listener()
