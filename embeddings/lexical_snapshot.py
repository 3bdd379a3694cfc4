"""The words of an index on disk: written anew without what was deleted, checked before it is read.

A folder holds `lexical.json` and the folder that it names, with tantivy's files. A new save writes a new folder,
then replaces `lexical.json` in one step, then removes the older folder; so the folder is whole at every moment.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.types import IndexMismatch

if TYPE_CHECKING:
    import tantivy

FORMAT = 1
TERMS = 2
"""To be raised whenever `index_terms` cuts texts in another way: older snapshots are then built anew."""

_MANIFEST = "lexical.json"
_IDS = "ids.json"
_PREFIX = "lexical-"
_LONGEST_MANIFEST = 1 << 20
BULK_WRITER = (160_000_000, 2)
"""For many documents at once: bytes for all threads, threads."""

_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a saved index says about itself.

    Attributes:
        generation: name of the folder with the files.
        sequence: number in the change feed up to which the index is current.
        count: number of documents.
        terms: how the texts were cut, with the versions of the libraries that did it.
        files: sha256 by name.
        format: version of this layout.
    """

    generation: str
    sequence: int
    count: int
    terms: str
    files: dict[str, str]
    format: int = FORMAT


def new_index(folder: Path | None = None) -> tantivy.Index:
    """An empty index in memory, or in a folder."""
    import tantivy

    return tantivy.Index(schema(), path=None if folder is None else str(folder))


@cache
def schema() -> tantivy.Schema:
    """Documents are known by a number; their terms are also stored, so that an index can be copied."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_text_field("body", stored=True, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


def document(number: int, body: str) -> tantivy.Document:
    """A document from terms joined by spaces."""
    import tantivy

    made = tantivy.Document()
    made.add_unsigned("number", number)
    made.add_text("body", body)
    return made


def bodies(searcher: tantivy.Searcher) -> Iterator[tuple[int, str]]:
    """Number and terms of every document that is not deleted."""
    import tantivy

    if not searcher.num_docs:
        return
    found = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
    addresses = sorted((address for _score, address in found), key=lambda a: (a.segment_ord, a.doc))
    for start in range(0, len(addresses), _AT_ONCE):
        part = addresses[start : start + _AT_ONCE]
        for number, address in zip(searcher.fast_field_values("number", part), part, strict=True):
            yield int(number or 0), str(searcher.doc(address)["body"][0])


def fill(index: tantivy.Index, documents: Iterable[tuple[int, str]]) -> None:
    """Write documents into an empty index in one go, in few segments."""
    writer = index.writer(*BULK_WRITER)
    for number, body in documents:
        writer.add_document(document(number, body))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()


def write(folder: Path, searcher: tantivy.Searcher, names: Mapping[int, str], sequence: int) -> None:
    """Save the documents that `names` knows, and nothing of any other document.

    The files are written anew from the stored terms: tantivy keeps the words of deleted documents in a segment until
    it is merged, and offers no way to ask for that.

    Args:
        folder: made if absent; readable by its owner only.
        searcher: of the index as it is to be saved.
        names: id by number.
        sequence: to be found in the snapshot.

    Raises:
        OSError: if it cannot be written; an older snapshot is then untouched.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    try:
        ids: list[str] = []

        def renumbered() -> Iterator[tuple[int, str]]:
            for number, body in bodies(searcher):
                if (name := names.get(number)) is not None:
                    ids.append(name)
                    yield len(ids) - 1, body

        fill(new_index(made), renumbered())
        (made / _IDS).write_text(json.dumps(ids, ensure_ascii=False), "utf-8")
        files = {}
        for path in sorted(made.iterdir()):
            if path.suffix == ".lock":
                path.unlink()
                continue
            files[path.name] = _digest(path)
            _sync(path)
        _sync(made)
        _write_manifest(folder, Manifest(made.name, sequence, len(ids), _terms(), files))
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    _remove_generations(folder, but=made.name)


def read(folder: Path) -> tuple[Manifest, tantivy.Index, list[str]]:
    """Check and open a snapshot for searching; it must not be written to.

    Returns:
        The manifest, the index, and the ids by number.

    Raises:
        IndexMismatch: if a file is missing or changed, or the texts were cut in another way.
        FileNotFoundError: if there is no snapshot.
    """
    import tantivy

    manifest = _read_manifest(folder)
    made = folder / manifest.generation
    try:
        for name, digest in manifest.files.items():
            if _digest(made / name) != digest:
                raise IndexMismatch("checksum", f"{made / name} was changed")
        ids = json.loads((made / _IDS).read_text("utf-8"))
        index = tantivy.Index.open(str(made))
    except FileNotFoundError as error:
        raise IndexMismatch("checksum", f"a file of the snapshot in {folder} is missing") from error
    except (ValueError, OSError) as error:
        raise IndexMismatch("format", f"the snapshot in {folder} cannot be opened: {error}") from error
    if len(ids) != manifest.count or index.searcher().num_docs != manifest.count:
        raise IndexMismatch("format", f"the snapshot in {folder} does not hold {manifest.count} documents")
    return manifest, index, ids


def discard(folder: Path) -> None:
    """Remove a snapshot and whatever unfinished saves have left; no error if there is none."""
    (folder / _MANIFEST).unlink(missing_ok=True)
    _remove_generations(folder)


def _terms() -> str:
    libraries = ("rjieba", "opencc", "snowballstemmer", "tantivy")
    return " ".join([str(TERMS), *(f"{name}-{version(name)}" for name in libraries)])


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(asdict(manifest), ensure_ascii=False)
    handle, temporary = tempfile.mkstemp(prefix=f".{_MANIFEST}-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / _MANIFEST)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync(folder)


def _read_manifest(folder: Path) -> Manifest:
    path = folder / _MANIFEST
    with path.open("rb") as file:
        digest, _, encoded = file.read(_LONGEST_MANIFEST).partition(b"\n")
    if hashlib.sha256(encoded).hexdigest().encode() != digest:
        raise IndexMismatch("checksum", f"{path} was changed or is truncated")
    try:
        manifest = Manifest(**json.loads(encoded))
    except (TypeError, ValueError) as error:
        raise IndexMismatch("format", f"{path} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise IndexMismatch("format", f"{path} has {manifest.format!r}, expected {FORMAT!r}")
    if manifest.terms != _terms():
        raise IndexMismatch("model", f"{path} was cut by {manifest.terms!r}, expected {_terms()!r}")
    names = [manifest.generation, *manifest.files]
    if any(Path(name).name != name for name in names) or not manifest.generation.startswith(_PREFIX):
        raise IndexMismatch("format", f"{path} names files outside its folder")
    return manifest


def _remove_generations(folder: Path, but: str = "") -> None:
    for path in folder.glob(f"{_PREFIX}*"):
        if path.name != but and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(f".{_MANIFEST}-*"):
        path.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with contextlib.suppress(OSError):  # Not every system can sync a folder.
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
