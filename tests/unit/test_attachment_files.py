"""Files are what they say, harmless, and silent about their makers: real files of every kind."""

import io
import struct
import zlib
from collections.abc import Callable

import docx
import openpyxl
import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from backend.attachments import checks, names, office
from backend.attachments.errors import FileRefused
from backend.attachments.inspection import inspect
from backend.attachments.kinds import TEXTS, FileKind
from tests import files

MAKERS: dict[FileKind, Callable[[], bytes]] = {
    FileKind.PDF: files.pdf,
    FileKind.PNG: files.png,
    FileKind.JPEG: files.jpeg,
    FileKind.WEBP: files.webp,
    FileKind.DOCX: files.word,
    FileKind.XLSX: files.excel,
    FileKind.PPTX: files.powerpoint,
    FileKind.TXT: lambda: files.BODY.encode(),
    FileKind.CSV: lambda: "\ufeff名称,数量\n针,2\n".encode(),
}


def accept(content: bytes, kind: FileKind, *, strip: bool = True) -> bytes:
    """What is kept of a content."""
    if kind in TEXTS:
        checks.accept(io.BytesIO(content), kind, strip=strip)
        return content
    # What a process apart does, in this one: starting hundreds of them would take minutes.
    target = io.BytesIO()
    return target.getvalue() if inspect(io.BytesIO(content), kind, target, strip=strip) else content


def refusal(content: bytes, kind: FileKind, *, strip: bool = True) -> str:
    """Why a content is refused."""
    with pytest.raises(FileRefused) as caught:
        accept(content, kind, strip=strip)
    return caught.value.zh


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("strip", [True, False])
def test_every_kind_is_taken_and_can_be_opened(kind: FileKind, strip: bool) -> None:
    kept = io.BytesIO(accept(MAKERS[kind](), kind, strip=strip))
    if kind is FileKind.PDF:
        assert files.BODY in str(PdfReader(kept).pages[0]["/Annots"][0].get_object()["/Contents"])  # type: ignore[index]
    elif kind is FileKind.DOCX:
        document = docx.Document(kept)
        assert document.paragraphs[0].text == files.BODY
        assert [comment.text for comment in document.comments] == ["批注内容"]
        assert len(document.inline_shapes) == 1
    elif kind is FileKind.XLSX:
        sheet = openpyxl.load_workbook(kept).active
        assert sheet is not None and sheet["A1"].value == files.BODY
        assert "批注内容" in sheet["A1"].comment.text
    elif kind in (FileKind.PNG, FileKind.JPEG, FileKind.WEBP):
        with Image.open(kept) as image:
            assert image.size == ((30, 40) if kind is FileKind.JPEG else (40, 30))
            assert not image.getexif()


@pytest.mark.parametrize("kind", [k for k in MAKERS if k not in (FileKind.TXT, FileKind.CSV)])
def test_the_makers_of_a_file_are_not_named_in_it(kind: FileKind) -> None:
    before = MAKERS[kind]()
    assert files.holds_canary(before)
    assert not files.holds_canary(accept(before, kind))


def test_images_lose_their_metadata_also_where_it_was_to_be_kept() -> None:
    for kind in (FileKind.PNG, FileKind.JPEG, FileKind.WEBP):
        assert not files.holds_canary(accept(MAKERS[kind](), kind, strip=False))
    assert files.holds_canary(accept(files.word(), FileKind.DOCX, strip=False))


def test_a_photo_in_a_pdf_loses_its_exif_and_stays_a_photo() -> None:
    before = files.pdf_with_photo()
    assert files.holds_canary(before)
    kept = accept(before, FileKind.PDF)
    assert not files.holds_canary(kept)
    assert PdfReader(io.BytesIO(kept)).pages[0].images[0].image is not None


def test_a_note_that_begins_with_its_writers_name_begins_with_nobodys() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active["A1"].comment = openpyxl.comments.Comment(f"{files.CANARY}:\n批注内容", files.CANARY)
    target = io.BytesIO()
    book.save(target)
    sheet = openpyxl.load_workbook(io.BytesIO(accept(target.getvalue(), FileKind.XLSX))).active
    assert sheet is not None and sheet["A1"].comment.text == "作者:\n批注内容"


def test_a_sheet_inside_of_a_slide_is_stripped_too() -> None:
    before = files.rewritten(files.powerpoint(), {}, {"ppt/embeddings/sheet.xlsx": files.excel()})
    assert not files.holds_canary(accept(before, FileKind.PPTX))


def test_an_image_keeps_its_picture_and_nothing_behind_it() -> None:
    kept = accept(files.png(), FileKind.PNG)
    assert b"<script>" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert image.getpixel((5, 5)) == (0, 128, 128)


def test_a_name_that_lies_is_told_of() -> None:
    cases = [
        (b"GIF89a=1;alert(1)//", FileKind.PNG),
        (b"GIF89a" + bytes(20), FileKind.JPEG),
        (b"<html><script>alert(1)</script>%PDF-1.7", FileKind.PDF),
        (files.png(), FileKind.JPEG),
        (files.word(), FileKind.XLSX),
        (files.excel(), FileKind.PPTX),
        (files.pdf(), FileKind.DOCX),
        (files.archive({"a.txt": b"x"}), FileKind.DOCX),
        (files.png(), FileKind.TXT),
        (b"\x00\x01binary", FileKind.CSV),
        (b"%PDF-1.7 nothing else", FileKind.PDF),
        (files.word()[:2000], FileKind.DOCX),
        (files.jpeg()[:300], FileKind.JPEG),
        (b"%PDF-1.7\n" + b"1 0 obj" * 50, FileKind.PDF),
    ]
    for content, kind in cases:
        for strip in (True, False):
            message = refusal(content, kind, strip=strip)
            assert "不符" in message or "UTF-8" in message, (content[:20], kind, message)


def test_text_of_another_encoding_is_told_how_to_be_saved() -> None:
    assert "UTF-8" in refusal("房间隔穿刺针".encode("gb18030"), FileKind.CSV)


def test_what_could_do_something_is_refused() -> None:
    macro = files.rewritten(files.word(), {}, {"word/vbaProject.bin": b"x"})
    assert "宏" in refusal(macro, FileKind.DOCX, strip=False)
    kind = "document.main+xml", "document.macroEnabled.main+xml"
    disguised = files.rewritten(files.word(), {"[Content_Types].xml": kind})
    assert "宏" in refusal(disguised, FileKind.DOCX)
    ole = files.rewritten(files.word(), {}, {"word/embeddings/oleObject1.bin": b"x"})
    assert "OLE" in refusal(ole, FileKind.DOCX)
    hidden = files.rewritten(files.excel(), {}, {"xl/vbaProject.bin": b"x"})
    slides = files.rewritten(files.powerpoint(), {}, {"ppt/embeddings/sheet.xlsx": hidden})
    assert "宏" in refusal(slides, FileKind.PPTX)
    template = (
        '<Relationship Id="x1" TargetMode="External" Target="https://evil.example/t.dotm" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"/></Relationships>'
    )
    remote = files.rewritten(files.word(), {"word/_rels/document.xml.rels": ("</Relationships>", template)})
    assert "外部" in refusal(remote, FileKind.DOCX)


def test_a_link_may_lead_elsewhere() -> None:
    link = (
        '<Relationship Id="x1" TargetMode="External" Target="https://www.example.org/" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"/></Relationships>'
    )
    linked = files.rewritten(files.word(), {"word/_rels/document.xml.rels": ("</Relationships>", link)})
    assert b"https://www.example.org/" in files.unpacked(accept(linked, FileKind.DOCX))


def test_a_pdf_with_a_script_or_another_file_is_refused() -> None:
    script = DictionaryObject(
        {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    )
    assert "脚本" in refusal(files.pdf(OpenAction=script), FileKind.PDF, strip=False)
    launch = DictionaryObject({NameObject("/WC"): DictionaryObject({NameObject("/S"): NameObject("/Launch")})})
    assert "脚本" in refusal(files.pdf(AA=launch), FileKind.PDF)
    writer = PdfWriter(clone_from=io.BytesIO(files.pdf()))
    writer.add_attachment("x.exe", b"MZ")
    target = io.BytesIO()
    writer.write(target)
    assert "嵌入" in refusal(target.getvalue(), FileKind.PDF)


def test_an_encrypted_pdf_is_told_of() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(files.pdf()))
    writer.encrypt("secret", algorithm="AES-256")
    target = io.BytesIO()
    writer.write(target)
    assert "加密" in refusal(target.getvalue(), FileKind.PDF)


def test_a_zip_bomb_is_refused_before_it_goes_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too much of one thing, of all together, or too many."""
    bomb = files.rewritten(files.word(), {}, {"word/media/zeros.bin": bytes(30_000_000)})
    assert len(bomb) < 200_000
    assert "解压" in refusal(bomb, FileKind.DOCX, strip=False)
    many = files.archive({f"word/{n}.xml": b"" for n in range(office.MAX_ENTRIES + 1)})
    assert "解压" in refusal(many, FileKind.DOCX)
    monkeypatch.setattr(office, "MAX_TOTAL", 10_000)
    assert "解压" in refusal(files.word(), FileKind.DOCX)


def test_a_zip_with_a_name_that_leads_outside_is_refused() -> None:
    for name in ("../outside.xml", "/etc/passwd", "word\\..\\x.xml"):
        assert "不符" in refusal(files.rewritten(files.word(), {}, {name: b"<a/>"}), FileKind.DOCX)


def test_entities_are_not_followed() -> None:
    laughs = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><w:document'
    bomb = files.rewritten(files.word(), {"word/document.xml": ("<w:document", laughs)})
    assert "结构" in refusal(bomb, FileKind.DOCX)


def test_a_pixel_bomb_is_refused_by_what_it_says_of_itself() -> None:
    """60,000 × 60,000 pixels, and 8,000 × 8,000, in some hundred bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    for side in (60_000, 8_000):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        body = chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
        assert "像素" in refusal(b"\x89PNG\r\n\x1a\n" + header + body, FileKind.PNG)


def test_a_moving_image_is_told_of() -> None:
    target = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(target, "WEBP", save_all=True, append_images=frames[1:])
    assert "动态" in refusal(target.getvalue(), FileKind.WEBP)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_images_of_every_depth_are_taken(mode: str) -> None:
    target = io.BytesIO()
    Image.new(mode, (8, 8)).save(target, "PNG")
    with Image.open(io.BytesIO(accept(target.getvalue(), FileKind.PNG))) as image:
        image.load()
        assert image.size == (8, 8)


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("方案.pdf", "方案.pdf"),
        ("../../etc/方案.pdf", "方案.pdf"),
        ("C:\\Users\\wang\\方案.pdf", "方案.pdf"),
        ("方案\u202efdp.exe.pdf", "方案fdp.exe.pdf"),
        ("方案😀.pdf", "方案😀.pdf"),
        ('a"b<c>|?.pdf', "a_b_c___.pdf"),
        ("方\n案\x00.pdf", "方 案.pdf"),
        (" .pdf", "附件.pdf"),
        ("", ""),
        ("针" * 300 + ".docx", "针" * 95 + ".docx"),
    ],
)
def test_names_are_shown_as_given_but_harmless(given: str, clean: str) -> None:
    assert names.clean_name(given) == clean
    assert len(names.clean_name(given)) <= 100


def test_the_ending_of_a_name_tells_the_kind() -> None:
    assert names.kind_of_name("a.JPEG") is FileKind.JPEG
    for name in ("a.exe", "a.html", "a.svg", "pdf", "a.docm", ""):
        with pytest.raises(FileRefused):
            names.kind_of_name(name)


def test_a_name_in_a_header_breaks_nothing() -> None:
    """RFC 6266: ASCII for old clients, UTF-8 for all others."""
    assert names.disposition('方"案;\r\n😀.pdf') == (
        "attachment; filename=\"___;___.pdf\"; filename*=UTF-8''%E6%96%B9%22%E6%A1%88%3B%0D%0A%F0%9F%98%80.pdf"
    )
