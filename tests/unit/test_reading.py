"""Real Word and PDF files, whole and broken, read in a process apart."""

import io
import zipfile

import docx
import pypdf
import pytest

from backend.rehearsal.file_reader import plain
from backend.rehearsal.parts import take_apart
from backend.rehearsal.reading import LARGEST, PROBLEMS, UnreadableFile, read


def saved(document: object) -> bytes:
    """The bytes of a document."""
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


def packed(files: dict[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def pdf(*lines: str, size: int = 12) -> bytes:
    """A PDF of Latin lines, written by hand: one page, Helvetica."""
    drawn = " ".join(f"1 0 0 1 72 {720 - 20 * n} Tm ({line}) Tj" for n, line in enumerate(lines))
    stream = f"BT /F1 {size} Tf {drawn} ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start


def problem(content: bytes) -> str:
    """What is said of a file that cannot be taken."""
    with pytest.raises(UnreadableFile) as caught:
        read(content)
    assert caught.value.status == 422
    return caught.value.zh


def test_a_word_form_with_a_table_and_merged_cells() -> None:
    document = docx.Document()
    document.add_heading("临床需求征集表", 0)
    table = document.add_table(rows=4, cols=4)
    table.cell(0, 0).text, table.cell(0, 1).text = "需求名称", "可调弯穿刺针"
    table.cell(0, 2).text, table.cell(0, 3).text = "联系人", "心内科办公室"
    for row, (label, text) in enumerate([("现状", "体外塑弯。"), ("存在问题", "针尖上滑。\n穿刺点移位。")], 1):
        table.cell(row, 0).text = label
        table.cell(row, 1).merge(table.cell(row, 3)).text = text
    whole = table.cell(3, 0).merge(table.cell(3, 3))
    whole.text = "预期目标：弯度可调"
    document.add_paragraph("以上内容属实。")
    fields = take_apart(read(saved(document))).fields
    assert fields["title"] == "可调弯穿刺针"
    assert (fields["current_practice"], fields["contact"]) == ("体外塑弯。", "心内科办公室")
    assert "针尖上滑。\n穿刺点移位。" in fields["problem"]
    assert fields["acceptance_criteria"].startswith("弯度可调")


def test_a_word_letter_with_headings_in_bold() -> None:
    document = docx.Document()
    document.add_heading("可调弯穿刺针的需求", 1)
    for label, text in (("一、背景", "每年两百台。"), ("二、预期效果", "弯度可调。")):
        document.add_paragraph().add_run(label).bold = True
        document.add_paragraph(text)
    assert take_apart(read(saved(document))).fields == {
        "title": "可调弯穿刺针的需求",
        "problem": "每年两百台。",
        "acceptance_criteria": "弯度可调。",
    }


def test_a_pdf_and_one_with_a_password() -> None:
    content = pdf("Title: Steerable needle", "Problem: it slips upwards")
    assert take_apart(read(content)).fields == {"title": "Steerable needle", "problem": "it slips upwards"}
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    writer.encrypt("secret", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    assert problem(out.getvalue()) == PROBLEMS["encrypted"]


def test_a_scan_has_no_text() -> None:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(595, 842)
    out = io.BytesIO()
    writer.write(out)
    assert problem(out.getvalue()) == PROBLEMS["no-text"]
    assert problem(saved(docx.Document())) == PROBLEMS["no-text"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "type"),
        (b"MZ" + b"\0" * 100, "type"),
        ("需求名称：针".encode(), "type"),
        (packed({"xl/workbook.xml": b"<x/>"}), "type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old-word"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"%PDF-" + b"0" * (LARGEST + 1), "too-large"),
    ],
    ids=["empty", "image", "program", "text", "excel", "old", "password", "large"],
)
def test_other_files_are_refused_with_the_reason(content: bytes, said: str) -> None:
    assert problem(content) == PROBLEMS[said]


@pytest.mark.parametrize("cut", [10, 300, 2_000])
def test_damaged_files_are_said_to_be_so(cut: int) -> None:
    document = docx.Document()
    document.add_paragraph("需求名称：针")
    for content in (saved(document), pdf("Title: needle")):
        assert problem(content[:cut][: len(content) // 2]) in {UnreadableFile.zh, *PROBLEMS.values()}


def test_bombs_go_off_in_a_process_of_their_own() -> None:
    document = docx.Document()
    parts = {}
    with zipfile.ZipFile(io.BytesIO(saved(document))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    bomb = packed({**parts, "word/document.xml": b" " * 90_000_000})
    assert len(bomb) < 1_000_000
    assert problem(bomb) == PROBLEMS["too-much"]
    laughs = '<!DOCTYPE d [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    xml = parts["word/document.xml"].decode()
    entities = xml.replace("<w:document", f"{laughs}]><w:document", 1).replace("<w:body>", "<w:body>&j;", 1)
    with pytest.raises(UnreadableFile):
        read(packed({**parts, "word/document.xml": entities.encode()}))


def test_an_outside_entity_is_not_fetched(tmp_path: object) -> None:
    document = docx.Document()
    document.add_paragraph("需求名称：针")
    with zipfile.ZipFile(io.BytesIO(saved(document))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    xml = parts["word/document.xml"].decode()
    outside = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><w:document'
    parts["word/document.xml"] = (
        xml.replace("<w:document", outside, 1).replace("需求名称：针", "需求名称：针&x;").encode()
    )
    with open("/etc/hostname", encoding="utf-8") as file:
        secret = file.read().strip()
    assert secret
    try:
        text = repr(read(packed(parts)))
    except UnreadableFile:
        return
    assert secret not in text


def test_radicals_become_the_characters_that_are_meant() -> None:
    assert plain("⼼⾎管⼿术⻚⾯　⻓度") == "心血管手术页面 长度"
    assert plain("（要求：１０ｍｍ）") == "（要求：１０ｍｍ）"
