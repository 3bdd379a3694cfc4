"""What tells of a file's makers in places that are less usual: signatures, pictures of other kinds, other parts."""

import io
import struct
from typing import Any

import openpyxl
import pytest
from PIL import Image, features
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    PdfObject,
    StreamObject,
    TextStringObject,
)

from backend.attachments.kinds import FileKind
from tests import files
from tests.unit.test_attachment_files import accept, refusal

MARK = "SIGNED-BY-SOMEBODY"


def entries(**values: PdfObject) -> DictionaryObject:
    """A dictionary of a PDF."""
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in values.items()})


@pytest.mark.parametrize("is_inherited", [False, True])
def test_a_signature_leaves_a_pdf_with_the_other_metadata(is_inherited: bool) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(files.pdf()))
    text = TextStringObject(MARK)
    value = entries(Filter=NameObject("/Adobe.PPKLite"), Name=text, Reason=text, Location=text)
    value[NameObject("/Contents")] = ByteStringObject(MARK.encode())
    look = StreamObject()
    look.set_data(f"BT ({MARK}) Tj ET".encode())
    shown = entries(N=writer._add_object(look))
    field = entries(T=text, V=writer._add_object(value), AP=shown, Subtype=NameObject("/Widget"))
    above = entries(FT=NameObject("/Sig"))
    if not is_inherited:
        field.update(above)
        field.pop("/V")
        value[NameObject("/Type")] = NameObject("/Sig")
        field[NameObject("/V")] = writer._add_object(value)
    above[NameObject("/Kids")] = ArrayObject([writer._add_object(field)])
    form = entries(Fields=ArrayObject([writer._add_object(above)]), SigFlags=NumberObject(3))
    writer.root_object[NameObject("/AcroForm")] = form
    writer.root_object[NameObject("/Perms")] = entries(DocMDP=field["/V"])
    writer.root_object[NameObject("/DSS")] = entries(Certs=ArrayObject([text]))
    target = io.BytesIO()
    writer.write(target)
    before = files.unpacked(target.getvalue())
    assert MARK.encode() in before
    kept = accept(target.getvalue(), FileKind.PDF)
    after = files.unpacked(kept)
    assert MARK.encode() not in after and MARK.encode().hex().encode() not in kept.lower()
    assert len(PdfReader(io.BytesIO(kept)).pages) == 1


def test_what_is_written_into_other_fields_of_a_form_stays() -> None:
    answer = entries(FT=NameObject("/Tx"), T=TextStringObject("型号"), V=TextStringObject("ANSWER"))
    content = files.pdf(AcroForm=entries(Fields=ArrayObject([answer])))
    assert b"ANSWER" in files.unpacked(accept(content, FileKind.PDF))


def picture(kind: str) -> bytes:
    """A picture that names its maker."""
    exif = Image.Exif()
    exif[0x013B] = MARK
    target = io.BytesIO()
    notes: dict[str, dict[str, Any]] = {"GIF": {"comment": MARK.encode()}, "JPEG2000": {"comment": MARK}}
    more = notes.get(kind, {"exif": exif})
    Image.new("RGB", (40, 30), "teal").save(target, kind, **more)
    assert MARK.encode() in target.getvalue()
    return target.getvalue()


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "GIF", "JPEG", "PNG"])
@pytest.mark.parametrize("name", ["word/media/image9.x", "word/other/thing"])
def test_a_picture_of_any_kind_in_an_office_file_loses_its_notes_and_stays_a_picture(kind: str, name: str) -> None:
    before = files.rewritten(files.word(), {}, {name: picture(kind)})
    kept = files.parts_of(accept(before, FileKind.DOCX))[name]
    assert MARK.encode() not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert (image.format, image.size) == (kind, (40, 30))
        red, green, blue = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
        assert red < 20 and abs(green - 128) < 20 and abs(blue - 128) < 20


def test_a_moving_picture_in_slides_goes_on_moving() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], duration=200, comment=MARK.encode())
    before = files.rewritten(files.powerpoint(), {}, {"ppt/media/image1.gif": target.getvalue()})
    kept = files.parts_of(accept(before, FileKind.PPTX))["ppt/media/image1.gif"]
    with Image.open(io.BytesIO(kept)) as image:
        assert getattr(image, "n_frames", 1) == 2
    assert MARK.encode() not in kept


def test_a_metafile_loses_its_description() -> None:
    note = MARK.encode("utf-16-le")
    header = struct.pack("<II", 1, 108 + len(note)) + bytes(32) + b" EMF" + bytes(16)
    header += struct.pack("<II", len(MARK), 108) + bytes(40)
    content = header + note + b"the rest"
    before = files.rewritten(files.word(), {}, {"word/media/image1.emf": content})
    kept = files.parts_of(accept(before, FileKind.DOCX))["word/media/image1.emf"]
    assert len(kept) == len(content) and note not in kept and kept.endswith(b"the rest")


@pytest.mark.parametrize("content", [b"\0\0\0\x18ftypheic", b"ID3" + MARK.encode(), b"GIF89a no picture"])
def test_media_that_cannot_be_cleaned_are_told_of_and_taken_as_they_are_only_on_request(content: bytes) -> None:
    before = files.rewritten(files.word(), {}, {"word/media/image9.x": content})
    assert "制作者" in refusal(before, FileKind.DOCX)
    assert content in files.unpacked(accept(before, FileKind.DOCX, strip=False))


def test_properties_are_known_by_their_type_and_the_picture_of_the_first_page_goes() -> None:
    kind = "application/vnd.openxmlformats-package.core-properties+xml"
    types = "</Types>", f'<Default Extension="psmdcp" ContentType="{kind}"/></Types>'
    more = {"package/core.psmdcp": f"<coreProperties>{MARK}</coreProperties>".encode()}
    before = files.rewritten(files.word(), {"[Content_Types].xml": types}, {**more, "docProps/thumbnail.emf": b"x"})
    kept = files.parts_of(accept(before, FileKind.DOCX))
    assert "docProps/thumbnail.emf" not in kept
    assert MARK.encode() not in kept["package/core.psmdcp"]


def test_a_drawing_loses_the_notes_of_its_editor() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:s="urn:s" s:docname="MARK"><!-- MARK -->'
        '<metadata>MARK</metadata><rect width="3"/></svg>'
    ).replace("MARK", MARK)
    kept = files.parts_of(accept(files.rewritten(files.word(), {}, {"word/media/x.svg": svg.encode()}), FileKind.DOCX))
    assert MARK.encode() not in kept["word/media/x.svg"] and b"rect" in kept["word/media/x.svg"]


def test_drawings_of_excel_whose_tags_do_not_end_are_taken() -> None:
    drawing = b'<xml xmlns:v="urn:schemas-microsoft-com:vml"><v:textbox><div>a<br>b</div></v:textbox></xml>'
    for strip in (True, False):
        content = accept(files.rewritten(files.excel(), {}, {"xl/drawings/v.vml": drawing}), FileKind.XLSX, strip=strip)
        assert openpyxl.load_workbook(io.BytesIO(content)).active is not None


def test_an_image_of_jpeg_2000_in_a_pdf_loses_its_comment_and_its_boxes() -> None:
    assert features.check("jpg_2000")
    data = picture("JPEG2000")
    box = struct.pack(">I", 8 + len(MARK)) + b"xml " + MARK.encode()
    at = data.index(b"jp2c") - 4
    writer = PdfWriter(clone_from=io.BytesIO(files.pdf()))
    image = StreamObject()
    image._data = data[:at] + box + data[at:]
    image.update(entries(Type=NameObject("/XObject"), Subtype=NameObject("/Image"), Filter=NameObject("/JPXDecode")))
    image.update(entries(Width=NumberObject(40), Height=NumberObject(30)))
    writer.pages[0][NameObject("/Resources")] = entries(XObject=entries(I=writer._add_object(image)))
    target = io.BytesIO()
    writer.write(target)
    kept = accept(target.getvalue(), FileKind.PDF)
    assert MARK.encode() in target.getvalue() and MARK.encode() not in kept
    found = PdfReader(io.BytesIO(kept)).pages[0].images[0].image
    assert found is not None and found.size == (40, 30)
