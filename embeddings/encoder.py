"""Finds a SentenceTransformer on this machine (never on the network) and loads it as an Encoder."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

from embeddings import bundled, tuned
from embeddings.backends import compact, compact_build, original
from embeddings.backends.model import MAX_TOKENS
from embeddings.backends.sentence import SentenceEncoder
from embeddings.threads import wait_asleep
from embeddings.types import EncoderUnavailable

__all__ = ["Backend", "SentenceEncoder", "choose_prompts", "fingerprint", "load_encoder"]

log = logging.getLogger(__name__)

Backend = Literal["auto", "torch", "int8"]

_E5_PROMPTS = ("query: ", "passage: ")
_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".onnx")
_CONFIG_NAMES = ("modules.json", "config.json", "sentence_bert_config.json", "tokenizer.json", "vocab.txt")


def load_encoder(
    model: str | Path | None,
    cache_dir: Path,
    *,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
    backend: Backend = "auto",
    progress: Callable[[str, float], None] | None = None,
) -> SentenceEncoder:
    """Load an encoder from this machine: call it in the background.

    It takes 2 s in 8 bits, but half a minute more the first time, and 6 s and more with PyTorch.

    The default model is weaker across languages than within one: English needs find their Chinese product among 3,262
    with an MRR of 0.43, Chinese needs their English product among 60 with 0.69 (docs/adr/0019).

    Args:
        model: a folder; a Hugging Face name; or None for the default yiqiao/e5-small-needs, which is
            intfloat/multilingual-e5-small with the adapter of this project.
        cache_dir: where the default model is built, and where models rounded to 8 bits are kept.
        query_prompt, passage_prompt: override the prompts. Otherwise those of the model's own configuration hold,
            else "query: " and "passage: " for E5 models (arXiv 2402.05672, section 3), else none.
        backend: "int8" for 8-bit integers, "torch" for PyTorch, "auto" for 8 bits where the model allows it and
            PyTorch otherwise. Vectors of the two are close (cosine 0.996) but bear different names.
        progress: told what is being done and the share finished, 0 to 1.

    Raises:
        EncoderUnavailable: if nothing was found or it cannot be loaded; says what was looked for and what to do.
    """
    if backend not in get_args(Backend):
        raise EncoderUnavailable(f"there is no encoder backend {backend!r}; known: {', '.join(get_args(Backend))}")
    wait_asleep()
    tell = progress or bundled.silent
    name, folder = _find(model, cache_dir, lambda message, share: tell(message, share * 0.6))
    tell("fingerprinting the weights", 0.6)
    stored = _stored_prompts(folder)
    prompts = choose_prompts(name, stored, query_prompt, passage_prompt)
    known_as = f"{name}@{fingerprint(folder, *prompts)}"
    encoder = None
    if backend != "torch":
        tell(f"loading {name} in 8 bits", 0.7)
        encoder = _load_compact(folder, cache_dir, known_as, prompts, backend, tell)
    if encoder is None:
        tell(f"loading {name}", 0.8)
        encoder = SentenceEncoder(original.load(folder, name), known_as, *prompts)
    tell("encoder ready", 1.0)
    return encoder


def _load_compact(
    folder: Path,
    cache_dir: Path,
    name: str,
    prompts: tuple[str, str],
    backend: Backend,
    tell: Callable[[str, float], None],
) -> SentenceEncoder | None:
    """The encoder in 8 bits; None if PyTorch shall serve instead, which the log explains."""
    try:
        built = compact_build.build(
            folder, fingerprint(folder, "", ""), cache_dir, lambda message, share: tell(message, 0.7 + share * 0.2)
        )
        return SentenceEncoder(compact.CompactModel(built), name + compact_build.suffix(), *prompts)
    except EncoderUnavailable as error:
        if backend == "int8":
            raise
        log.warning("the encoder runs with PyTorch, not in 8 bits: %s", error)
    except Exception:  # The slower way always works, so nothing on the fast way may stop the site.
        if backend == "int8":
            raise
        log.exception("the encoder runs with PyTorch: rounding it to 8 bits failed")
    return None


def _stored_prompts(folder: Path) -> dict[str, str | None]:
    """The prompts of the model's own configuration."""
    try:
        stored = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))["prompts"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(stored) if isinstance(stored, dict) else {}


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
    if model is None or str(model) == tuned.MODEL_NAME:
        return tuned.MODEL_NAME, tuned.build(cache_dir, tell)
    if str(model) == bundled.MODEL_NAME:
        cached = _in_hugging_face_cache(bundled.MODEL_NAME)
        if cached is not None:
            return bundled.MODEL_NAME, cached
        return bundled.MODEL_NAME, bundled.build(cache_dir, tell)
    folder = Path(model).expanduser()
    if folder.is_dir():
        marker = bundled.read_marker(folder)
        return (str(marker["model"]) if marker is not None else folder.resolve().name), folder
    if isinstance(model, Path) or folder.is_absolute() or str(model).startswith((".", "~")):
        raise EncoderUnavailable(
            f"the model folder {folder} does not exist; copy a SentenceTransformer folder there, or leave the model "
            f"unset to use {tuned.MODEL_NAME}"
        )
    cached = _in_hugging_face_cache(str(model))
    if cached is not None:
        return str(model), cached
    raise EncoderUnavailable(
        f"the model {str(model)!r} is neither a folder (looked for {folder.resolve()}) nor in this machine's Hugging "
        "Face cache, and nothing is downloaded at run time; fetch it beforehand with `hf download "
        f"{model}`, give the path of its folder, or leave the model unset to use {tuned.MODEL_NAME}"
    )


def _in_hugging_face_cache(name: str) -> Path | None:
    """The newest complete-looking snapshot of a model in the local cache, or None. Never asks the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))  # nosec B615
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None
    has_weights = any(path.suffix in _WEIGHT_SUFFIXES for path in folder.rglob("*"))
    return folder if has_weights and (folder / "modules.json").is_file() else None
