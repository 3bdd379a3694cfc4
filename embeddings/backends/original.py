"""A SentenceTransformer as it is, computed by PyTorch in 32-bit floating point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings import bundled
from embeddings.backends.model import MAX_TOKENS, Batch
from embeddings.types import EncoderUnavailable, Vector

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH_SIZE = 32


class TorchModel:
    """A Model over a SentenceTransformer. One batch at a time: PyTorch spreads it over the processors itself."""

    workers = 1

    def __init__(self, transformer: SentenceTransformer) -> None:
        dimension = transformer.get_embedding_dimension()
        if dimension is None:
            raise EncoderUnavailable("the model does not say how long its vectors are")
        self.dimension = dimension
        self._transformer = transformer

    def batches(self, texts: Sequence[str], prompt: str) -> Iterator[Batch]:
        """Batches of neighbours; the caller sorts by length."""
        for start in range(0, len(texts), BATCH_SIZE):
            some = list(texts[start : start + BATCH_SIZE])
            yield Batch(range(start, start + len(some)), partial(self._compute, some, prompt))

    def middles(self, texts: Sequence[str]) -> dict[str, Vector]:
        """Half-way between the least and the greatest value (d,) of every channel of the layer normalisations.

        By the names they have in the bare encoder, over all tokens of the texts.
        """
        import torch

        seen: dict[str, list[torch.Tensor]] = {}

        def listen(name: str, given: torch.Tensor) -> None:
            seen.setdefault(name, []).append(given.detach().reshape(-1, given.shape[-1]))

        bare: Any = self._transformer[0].auto_model
        hooks = [
            module.register_forward_hook(lambda _module, _inputs, given, name=name: listen(name, given))
            for name, module in bare.named_modules()
            if name.endswith("LayerNorm")
        ]
        try:
            for text in texts:  # One by one, because padding would count as text.
                self._compute([text], "")
        finally:
            for hook in hooks:
                hook.remove()
        found = {name: torch.cat(rows) for name, rows in seen.items()}
        return {name: ((rows.amax(0) + rows.amin(0)) / 2).float().numpy() for name, rows in found.items()}

    def _compute(self, texts: list[str], prompt: str) -> Vector:
        vectors = self._transformer.encode(
            texts,
            prompt=prompt,
            batch_size=BATCH_SIZE,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)


def load(folder: Path, name: str) -> TorchModel:
    """Load a SentenceTransformer folder. Takes 6 s and more, most of it the import of PyTorch.

    Raises:
        EncoderUnavailable: if it cannot be loaded.
    """
    try:
        from sentence_transformers import SentenceTransformer

        with bundled.quiet():
            transformer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except Exception as error:  # A damaged folder fails in many ways, all of them meaning the same to the caller.
        raise EncoderUnavailable(
            f"{folder} was found for the encoder {name!r} but cannot be loaded ({type(error).__name__}: {error}); "
            "remove it and copy the model folder again, or configure another model"
        ) from error
    transformer.eval()
    transformer.max_seq_length = min(transformer.max_seq_length or MAX_TOKENS, MAX_TOKENS)
    return TorchModel(transformer)
