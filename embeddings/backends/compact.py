"""A BERT-shaped SentenceTransformer computed in 8-bit integers by CTranslate2: three times as fast, without PyTorch.

Weights are rounded per output channel and activations per token. A text is computed in company of texts with as many
tokens alone, so that its vector depends on nothing else, to the last bit: beside longer ones it would be padded, sums
come out differently in their last digits, now and then a value is rounded the other way, and the layers above make that
as large as the rounding itself (cosine 0.995 between a text alone and a padded one). Sums of integers are exact, so
company of equal length changes nothing; an import takes some 8% less of a processor by it. Rounding per tensor, as ONNX
Runtime's dynamic quantisation does it, moves vectors with the company of a text even more.

Source: T. Dettmers et al. 2022, LLM.int8(), arXiv 2208.07339, section 2 (vector-wise quantisation).
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.backends.model import Batch
from embeddings.types import EncoderUnavailable, Vector

WEIGHTS = "model.bin"
DESCRIPTION = "encoder.json"
TOKENIZER = "tokenizer.json"

TOKENS_PER_BATCH = 512
"""How long one caller may hold a worker while others wait: some 50 ms on one core."""

MOST_WORKERS = 8
_NEWER_INSTRUCTIONS = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni"}


class CompactModel:
    """A Model over a folder that `compact_build` wrote. Every batch is computed by one thread, several at once."""

    def __init__(self, folder: Path, workers: int | None = None) -> None:
        """Load the folder (0.5 s).

        Raises:
            EncoderUnavailable: if it cannot be loaded.
        """
        try:
            described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            self.dimension = int(described["dimension"])
            self.workers = workers or min(_processors(), MOST_WORKERS)
            self._pooling = str(described["pooling"])
            self._tokenizer = _tokenizer(folder / TOKENIZER, int(described["max_tokens"]))
            # One thread for each batch: no thread waits for another, which matters most on a machine that is shared.
            self._encoder = engine().Encoder(
                str(folder), device="cpu", compute_type="int8_float32", inter_threads=self.workers, intra_threads=1
            )
        except Exception as error:  # Whatever is wrong with the folder means the same to the caller.
            raise EncoderUnavailable(f"{folder} cannot be loaded ({type(error).__name__}: {error})") from error

    def batches(self, texts: Sequence[str], prompt: str) -> Iterator[Batch]:
        """Batches of at most TOKENS_PER_BATCH tokens, or of one text; the longest texts first."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch([prompt + text for text in texts])]
        batch: list[int] = []
        held = 0
        for row in sorted(range(len(tokens)), key=lambda row: len(tokens[row]), reverse=True):
            if batch and held + len(tokens[row]) > TOKENS_PER_BATCH:
                yield self._batch(batch, tokens)
                batch, held = [], 0
            batch.append(row)
            held += len(tokens[row])
        if batch:
            yield self._batch(batch, tokens)

    def _batch(self, rows: list[int], tokens: list[list[int]]) -> Batch:
        def compute() -> Vector:
            alike = [list(group) for _length, group in groupby(rows, key=lambda row: len(tokens[row]))]
            return np.concatenate([self._compute([tokens[row] for row in group]) for group in alike])

        return Batch(rows, compute)

    def _compute(self, tokens: list[list[int]]) -> Vector:
        """Unit vectors, shape (n, d), of texts with equally many tokens."""
        states = np.asarray(self._encoder.forward_batch(tokens).last_hidden_state)
        vectors = states[:, 0].astype(np.float32) if self._pooling == "cls" else states.mean(axis=1)
        lengths = np.array([max(float(np.linalg.norm(vector)), 1e-12) for vector in vectors], dtype=np.float32)
        units: Vector = vectors / lengths[:, np.newaxis]
        return units


def engine() -> Any:
    """The module ctranslate2.

    It is told to use AVX-512 where the processor has VNNI too; by itself it keeps to AVX2, because early processors
    slowed down with AVX-512. That gave 10 to 15% more texts per second. CT2_FORCE_CPU_ISA in the environment wins.

    Raises:
        EncoderUnavailable: if it is not installed.
    """
    if _processor_flags() >= _NEWER_INSTRUCTIONS:
        os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")
    try:
        return importlib.import_module("ctranslate2")
    except ImportError as error:
        raise EncoderUnavailable(f"the package ctranslate2 cannot be imported: {error}") from error


def _tokenizer(path: Path, max_tokens: int) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


def _processors() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Not on Linux.
        return os.cpu_count() or 1


def _processor_flags() -> set[str]:
    """Instruction sets that Linux names; empty on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return set()
    return set(next((line for line in text.splitlines() if line.startswith("flags")), "").split())
