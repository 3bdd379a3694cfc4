"""Real files of every kind that is taken, with a canary in their metadata."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import docx
import openpyxl
from openpyxl.comments import Comment
from PIL import Image, PngImagePlugin
from pypdf import PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import NameObject, StreamObject, TextStringObject

CANARY = "不愿具名的作者王某"
BODY = "正文里的一句话"


def png(size: tuple[int, int] = (40, 30)) -> bytes:
    """A PNG with a text chunk and something behind its end."""
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("Author", CANARY)
    target = io.BytesIO()
    Image.new("RGB", size, "teal").save(target, "PNG", pnginfo=notes)
    return target.getvalue() + f"<script>{CANARY}</script>".encode()


def jpeg() -> bytes:
    """A JPEG that lies on its side, says so in its EXIF, and names its maker there."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x013B] = CANARY.encode().decode("latin-1")
    target = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(target, "JPEG", exif=exif, comment=CANARY.encode())
    return target.getvalue()


def webp() -> bytes:
    """A WebP with EXIF and XMP."""
    exif = Image.Exif()
    exif[0x013B] = CANARY.encode().decode("latin-1")
    target = io.BytesIO()
    Image.new("RGBA", (40, 30), (0, 128, 128, 100)).save(target, "WEBP", exif=exif, xmp=CANARY.encode())
    return target.getvalue()


def pdf(**root: Any) -> bytes:
    """A PDF with information, XMP, a comment and its author, an image with EXIF; `root` goes into its catalogue."""
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    writer.add_metadata({"/Author": CANARY, "/Title": CANARY, "/Company": CANARY})
    writer.xmp_metadata = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{CANARY}</x:xmpmeta>".encode()
    writer.add_annotation(page, FreeText(text=BODY, rect=(10, 10, 100, 100)))
    page["/Annots"][0].get_object()[NameObject("/T")] = TextStringObject(CANARY)  # type: ignore[index]
    for name, value in root.items():
        writer.root_object[NameObject(f"/{name}")] = value
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def pdf_with_photo() -> bytes:
    """A PDF that holds a JPEG as it came from the camera."""
    target = io.BytesIO()
    Image.open(io.BytesIO(jpeg())).save(target, "PDF")
    writer = PdfWriter(clone_from=io.BytesIO(target.getvalue()))
    for item in writer._objects:
        if isinstance(item, StreamObject) and item.get("/Subtype") == "/Image":
            item._data = jpeg()
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def word() -> bytes:
    """A Word file with an author, a comment, a tracked change, a photo, and a path of its template."""
    document = docx.Document()
    document.core_properties.author = document.core_properties.last_modified_by = CANARY
    document.core_properties.title = CANARY
    run = document.add_paragraph(BODY).runs[0]
    document.add_comment(run, text="批注内容", author=CANARY, initials=CANARY)
    document.add_picture(io.BytesIO(jpeg()))
    target = io.BytesIO()
    document.save(target)
    change = (
        f'<w:p><w:ins w:id="900" w:author="{CANARY}" w:date="2026-01-01T00:00:00Z">'
        "<w:r><w:t>修订的字</w:t></w:r></w:ins></w:p><w:sectPr"
    )
    return rewritten(
        target.getvalue(),
        {
            "word/document.xml": ("<w:sectPr", change),
            "docProps/app.xml": ("</Properties>", f"<Company>{CANARY}</Company></Properties>"),
        },
        {"customXml/item9.xml": f"<note>{CANARY}</note>".encode()},
    )


def excel() -> bytes:
    """An Excel file with an author and a note that begins with its writer's name."""
    book = openpyxl.Workbook()
    book.properties.creator = book.properties.lastModifiedBy = CANARY
    sheet = book.active
    assert sheet is not None
    sheet["A1"] = BODY
    sheet["A1"].comment = Comment(f"{CANARY}:\n批注内容", CANARY)
    target = io.BytesIO()
    book.save(target)
    note = "xl/comments/comment1.xml"
    plain = f"<t>{CANARY}:\n批注内容</t>"
    return rewritten(target.getvalue(), {note: (plain, f"<r><t>{CANARY}:</t></r><r><t>批注内容</t></r>")})


def powerpoint() -> bytes:
    """The smallest PowerPoint file, with a comment author."""
    types = "application/vnd.openxmlformats-officedocument.presentationml"
    office = "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/ppt/presentation.xml" ContentType="{types}.presentation.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument/2006/relationships/officeDocument" Target="ppt/presentation.xml"/>'
        "</Relationships>",
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{office}/presentationml/2006/main"/>',
        "ppt/commentAuthors.xml": f'<p:cmAuthorLst xmlns:p="{office}/presentationml/2006/main">'
        f'<p:cmAuthor id="0" name="{CANARY}" initials="{CANARY}"/></p:cmAuthorLst>',
    }
    return archive({name: content.encode() for name, content in parts.items()})


def archive(parts: Mapping[str, bytes]) -> bytes:
    """A zip of parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in parts.items():
            written.writestr(name, content)
    return target.getvalue()


def parts_of(content: bytes) -> dict[str, bytes]:
    """The parts of a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as read:
        return {name: read.read(name) for name in read.namelist()}


def rewritten(content: bytes, changes: Mapping[str, tuple[str, str]], more: Mapping[str, bytes] | None = None) -> bytes:
    """A zip with a text replaced in some of its parts, which must be there, and with more parts."""
    parts = parts_of(content)
    for name, (old, new) in changes.items():
        assert old in parts[name].decode(), name
        parts[name] = parts[name].decode().replace(old, new, 1).encode()
    return archive({**parts, **(more or {})})


def unpacked(content: bytes) -> bytes:
    """All that a file says, also in what it holds compressed: for looking for a canary."""
    found = [content]
    if content.startswith(b"PK"):
        for name, part in parts_of(content).items():
            found += [name.encode(), unpacked(part)]
    if content.startswith(b"%PDF"):
        from pypdf import PdfReader

        reader = PdfReader(io.BytesIO(content))
        found.append(str(reader.metadata).encode())
        for number in range(len(reader.xref[0]) + 1 if reader.xref else 0):
            item = reader.get_object(number) if number else None
            found.append(str(item).encode())
            if isinstance(item, StreamObject) and item.get("/Subtype") != "/Image":
                found.append(item.get_data())
    return b"\n".join(found)


def holds_canary(content: bytes) -> bool:
    """Whether the canary stands anywhere in it, in one of the ways in which files write text."""
    everything = unpacked(content)
    ways = (CANARY.encode(), CANARY.encode("utf-16-be"), CANARY.encode().decode("latin-1").encode())
    return any(way in everything for way in ways)
