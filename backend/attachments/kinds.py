"""The kinds of files that are taken, and what each is sent as."""

from collections.abc import Mapping
from enum import StrEnum


class FileKind(StrEnum):
    """A kind of file, by the ending of its name."""

    PDF = "pdf"
    PNG = "png"
    JPEG = "jpg"
    WEBP = "webp"
    DOCX = "docx"
    XLSX = "xlsx"
    PPTX = "pptx"
    TXT = "txt"
    CSV = "csv"


IMAGES = frozenset({FileKind.PNG, FileKind.JPEG, FileKind.WEBP})
OFFICE = frozenset({FileKind.DOCX, FileKind.XLSX, FileKind.PPTX})
TEXTS = frozenset({FileKind.TXT, FileKind.CSV})

MEDIA_TYPES: Mapping[FileKind, str] = {
    FileKind.PDF: "application/pdf",
    FileKind.PNG: "image/png",
    FileKind.JPEG: "image/jpeg",
    FileKind.WEBP: "image/webp",
    FileKind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.PPTX: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    FileKind.TXT: "text/plain; charset=utf-8",
    FileKind.CSV: "text/csv; charset=utf-8",
}
ENDINGS: Mapping[str, FileKind] = {**{kind.value: kind for kind in FileKind}, "jpeg": FileKind.JPEG}

ACCEPT = ",".join(f".{ending}" for ending in ENDINGS)
"""For the file field of a page."""
