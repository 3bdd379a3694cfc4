"""Office files (OOXML): a zip of XML that must not unpack to too much, hold programs, or fetch anything.

Source of names and parts: ECMA-376 part 1 (content types, relationships), part 2 section 11 (core properties).
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from lxml import etree

from backend.attachments.errors import FileRefused, active, not_what_it_says, too_complex
from backend.attachments.kinds import FileKind
from backend.attachments.office_active import Budget, check_part, check_relationships
from backend.attachments.office_types import Types

MAX_ENTRIES = 5_000
MAX_TOTAL = 200_000_000
MAX_ENTRY = 60_000_000
MAX_RATIO = 200
MAX_XML = 20_000_000
"""Of a part that is read as a tree: some ten times as much is needed to hold it."""
MAX_NOTES = 1_000_000
"""Of the types and the relationships, which are read before anything has been counted."""
SMALL = 1_000_000
"""Up to this size an entry may be compressed as much as it can: a blank sheet is all one character."""

CONTENT_TYPES = "[Content_Types].xml"
MAIN = {FileKind.DOCX: "wordprocessingml.document", FileKind.XLSX: "spreadsheetml.sheet"}
MAIN[FileKind.PPTX] = "presentationml.presentation"
EMBEDDED_ENDINGS = {f".{kind}": kind for kind in MAIN}
_PROGRAMS = ("vbaproject.bin", "vbadata.xml", ".vbs", ".exe", ".dll", ".js", ".jar", ".docm", ".xlsm", ".pptm", ".xlsb")


@contextmanager
def opened(file: BinaryIO, kind: FileKind) -> Iterator[zipfile.ZipFile]:
    """The checked archive; raises FileRefused where it, or an Office file embedded in it, is not to be taken."""
    file.seek(0)
    if file.read(4) != b"PK\x03\x04":
        raise not_what_it_says(kind)
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            _check_sizes(archive, kind)
            _check_content(archive, kind, Budget())
            yield archive
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        etree.XMLSyntaxError,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise not_what_it_says(kind) from error


def parse(content: bytes, *, recover: bool = False) -> etree._Element:
    """A part as a tree: no entities, no network, no document type; raises FileRefused and etree.XMLSyntaxError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover)
    tree = etree.fromstring(content, parser)
    if tree is None:
        raise too_complex()
    if tree.getroottree().docinfo.doctype:
        raise too_complex()
    return tree


def _check_sizes(archive: zipfile.ZipFile, kind: FileKind) -> None:
    """By what the archive says of itself: reading an entry never gives more than that."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_TOTAL:
        raise too_complex()
    for entry in entries:
        if entry.file_size > MAX_ENTRY:
            raise too_complex()
        if entry.file_size > SMALL and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise too_complex()
        if entry.flag_bits & 0x1:
            raise FileRefused(
                "文件已加密，无法检查。请去掉密码后再上传。",
                "The file is encrypted and cannot be checked. Please remove the password and upload it again.",
            )
    names = [entry.filename.lower() for entry in entries]
    if len(set(names)) != len(names) or any(n.startswith("/") or ".." in n.split("/") or "\\" in n for n in names):
        raise not_what_it_says(kind)


def _check_content(archive: zipfile.ZipFile, kind: FileKind, budget: Budget) -> None:
    names = archive.namelist()
    if CONTENT_TYPES not in names:
        raise not_what_it_says(kind)
    if any(e.file_size > MAX_NOTES for e in archive.infolist() if e.filename.lower().endswith((".rels", "types].xml"))):
        raise too_complex()
    declared = Types(parse(archive.read(CONTENT_TYPES)))
    types = declared.all()
    if any("macroenabled" in t or "vbaproject" in t for t in types) or any(_is_program(name) for name in names):
        raise active("宏或可执行程序", "macros or programs")
    if any("activex" in name.lower() or _is_ole(name) for name in names):
        raise active("嵌入的控件或 OLE 对象", "embedded controls or OLE objects")
    if not any(t.endswith(f"{MAIN[kind]}.main+xml") for t in types):
        raise not_what_it_says(kind)
    for name in names:
        if name.lower().endswith(".rels"):
            check_relationships(parse(archive.read(name)))
        elif (embedded := embedded_kind(name)) is not None:
            with archive.open(name) as inner, opened_embedded(inner.read(), embedded, budget):
                continue
        elif name != CONTENT_TYPES and declared.is_xml(name) and not name.endswith("/"):
            if archive.getinfo(name).file_size > MAX_XML:
                raise too_complex()
            with archive.open(name) as part:
                check_part(part, budget, recover=declared.is_vml(name))


@contextmanager
def opened_embedded(content: bytes, kind: FileKind, budget: Budget | None = None) -> Iterator[zipfile.ZipFile]:
    """An Office file inside of another; those inside of it are not followed, but refused."""
    import io

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_sizes(archive, kind)
        if any(embedded_kind(name) for name in archive.namelist()):
            raise too_complex()
        _check_content(archive, kind, budget or Budget())
        yield archive


def embedded_kind(name: str) -> FileKind | None:
    """The kind of an Office file that lies inside of another, as the sheets behind charts do."""
    return next((kind for ending, kind in EMBEDDED_ENDINGS.items() if name.lower().endswith(ending)), None)


def _is_program(name: str) -> bool:
    return name.lower().endswith(_PROGRAMS)


def _is_ole(name: str) -> bool:
    lower = name.lower()
    return "/embeddings/" in lower and embedded_kind(name) is None and not lower.endswith((".png", ".jpg", ".jpeg"))
