"""PDF files: opened for real, refused with scripts or other files inside, stripped of metadata."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from backend.attachments.errors import FileRefused, not_what_it_says
from backend.attachments.images import without_metadata
from backend.attachments.kinds import FileKind
from backend.attachments.media import jpeg_2000_without_metadata
from backend.attachments.pdf_active import check_quiet

MAX_PAGES = 5_000
_FOREIGN = ("/Metadata", "/PieceInfo", "/LastModified")
"""Notes of programs, at the document, its pages and its images."""
_SIGNATURES = {"/Sig", "/DocTimeStamp"}
_OF_SIGNATURE = ("/V", "/AP", "/MK", "/T", "/TU", "/TM", "/Lock", "/SV", "/DA")


@contextmanager
def opened(file: BinaryIO) -> Iterator[PdfReader]:
    """The checked file; raises FileRefused."""
    file.seek(0)
    if file.read(5) != b"%PDF-":
        raise not_what_it_says(FileKind.PDF)
    file.seek(0)
    try:
        reader = PdfReader(file, strict=False)
        if reader.is_encrypted:
            raise FileRefused(
                "PDF 已加密，无法检查。请去掉密码和权限限制后再上传。",
                "The PDF is encrypted and cannot be checked. Please remove its password and upload it again.",
            )
        if not 0 < len(reader.pages) <= MAX_PAGES:
            raise not_what_it_says(FileKind.PDF)
        check_quiet(reader)
        yield reader
    # pypdf raises many kinds of errors over a broken file.
    except (PyPdfError, OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise not_what_it_says(FileKind.PDF) from error


def _annotations(page: DictionaryObject) -> Iterator[DictionaryObject]:
    listed = page.get("/Annots")
    found = listed.get_object() if listed is not None else None
    for item in found if isinstance(found, ArrayObject) else ():
        annotation = item.get_object()
        if isinstance(annotation, DictionaryObject):
            yield annotation


def strip(file: BinaryIO, target: BinaryIO) -> None:
    """Write the same pages without notes about their makers and those who commented them; raises FileRefused."""
    with opened(file) as reader:
        writer = PdfWriter(clone_from=reader)
        writer.metadata = None
        for page in writer.pages:
            for annotation in _annotations(page):
                # The title of a comment is its author; that of a form field is its name.
                if annotation.get("/Subtype") != "/Widget":
                    annotation.pop("/T", None)
        writer.root_object.pop("/Perms", None)
        writer.root_object.pop("/DSS", None)
        for item in writer._objects:
            _clean(item)
            _unsign(item)
        # What nothing leads to any more is not written: the old information, and what earlier versions had.
        writer.compress_identical_objects(remove_unreferenced=True)
        writer.write(target)


def _clean(item: Any) -> None:
    if not isinstance(item, DictionaryObject):
        return
    for name in _FOREIGN:
        item.pop(name, None)
    filters: Any = item.get("/Filter")
    encoding = filters[0] if isinstance(filters, ArrayObject) and len(filters) == 1 else filters
    if isinstance(item, StreamObject) and encoding == "/DCTDecode":
        item._data = without_metadata(item._data)
    if isinstance(item, StreamObject) and encoding == "/JPXDecode":
        item._data = jpeg_2000_without_metadata(item._data)


def _unsign(item: Any) -> None:
    """A signature says who signed, where and why, with a certificate; it is void anyway once the file is rewritten.

    The mark that it leaves on the page goes with it: it shows a name, and a signature that is there no more.
    """
    if not isinstance(item, DictionaryObject) or isinstance(item, StreamObject):
        return
    item.pop("/SigFlags", None)
    if item.get("/Type") in _SIGNATURES or "/ByteRange" in item:
        item.clear()
        return
    stored = item.get("/V")
    value = stored.get_object() if stored is not None else None
    # No other field has a dictionary for its value; the kind of a field may stand with its parent.
    is_signed = isinstance(value, DictionaryObject) and not isinstance(value, StreamObject)
    if item.get("/FT") == "/Sig" or is_signed:
        for name in _OF_SIGNATURE:
            item.pop(name, None)
