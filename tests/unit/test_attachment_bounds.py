"""What a file costs to be checked is bounded: its size as XML, its elements, and how many are checked at a time."""

import io
import resource
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from backend.apart import runner
from backend.attachments import checks, office, office_active
from backend.attachments.errors import ChecksBusy, FileRefused
from backend.attachments.kinds import IMAGES, OFFICE, TEXTS, FileKind
from backend.rehearsal.reading import PROBLEMS, UnreadableFile, read
from tests import files
from tests.unit.test_attachment_files import MAKERS, accept, refusal


def taken(content: bytes, kind: FileKind, *, strip: bool = True) -> bytes:
    """What is kept of a content that is checked as on the site, in a process apart."""
    made = checks.accept(io.BytesIO(content), kind, strip=strip)
    with made.file as file:
        file.seek(0)
        return file.read()


@pytest.mark.parametrize("strip", [True, False])
def test_a_part_of_very_many_elements_is_refused(strip: bool) -> None:
    many = b"<a>" + b"<b/>" * (office_active.MAX_ELEMENTS // 2) + b"</a>"
    once = files.rewritten(files.word(), {}, {"word/x1.xml": many})
    twice = files.rewritten(once, {}, {"word/x2.xml": many})
    assert "结构" in refusal(twice, FileKind.DOCX, strip=strip)
    slides = files.rewritten(files.powerpoint(), {}, {f"ppt/embeddings/{n}.docx": once for n in (1, 2)})
    assert "结构" in refusal(slides, FileKind.PPTX, strip=strip)


def test_a_part_that_is_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = files.rewritten(files.word(), {}, {"word/_rels/x.xml.rels": b"<" + b"x" * office.MAX_NOTES})
    assert "结构" in refusal(notes, FileKind.DOCX)
    monkeypatch.setattr(office, "MAX_XML", 1_000)
    assert "结构" in refusal(files.word(), FileKind.DOCX, strip=False)


def test_few_files_are_checked_at_a_time_and_the_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PATIENCE", 0.05)
    for _ in range(runner.AT_ONCE):
        assert runner._turns.acquire(timeout=30)
    try:
        with pytest.raises(ChecksBusy):
            taken(files.pdf(), FileKind.PDF)
        with pytest.raises(UnreadableFile, match="read") as caught:
            read(files.word())
        assert caught.value.zh == PROBLEMS["busy"]
        assert taken(b"plain", FileKind.TXT) == b"plain"
    finally:
        runner._turns.release(runner.AT_ONCE)
    assert taken(files.pdf(), FileKind.PDF).startswith(b"%PDF-")


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("strip", [True, False])
def test_what_is_kept_comes_back_from_the_process_apart(kind: FileKind, strip: bool) -> None:
    before = MAKERS[kind]()
    kept = taken(before, kind, strip=strip)
    if kind in OFFICE or kind in TEXTS or (kind is FileKind.PDF and not strip):
        assert kept == (accept(before, kind) if strip else before)
    assert files.holds_canary(kept) == (files.holds_canary(before) and not strip and kind not in IMAGES)
    with pytest.raises(FileRefused) as caught:
        taken(b"\0" + before, kind, strip=strip)
    assert f".{kind}" in caught.value.zh and f".{kind}" in caught.value.en


def pdf_of_many_objects(count: int) -> bytes:
    """A sound PDF whose catalogue leads to very many dictionaries."""
    out, places = io.BytesIO(), list[int]()

    def put(content: bytes) -> None:
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (len(places), content))

    out.write(b"%PDF-1.4\n")
    put(b"<</Type/Catalog/Pages 2 0 R/X[%s]>>" % b" ".join(b"%d 0 R" % (4 + n) for n in range(count)))
    put(b"<</Type/Pages/Kids[3 0 R]/Count 1>>")
    put(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")
    for number in range(count):
        put(b"<</A %d>>" % number)
    start = out.tell()
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    out.write(b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(places) + 1, table))
    out.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(places) + 1, start))
    return out.getvalue()


def word_of_one_name() -> bytes:
    """A Word file of some kilobytes in which 200,000 names could begin a note."""
    name = b"x:" * 200_000
    part = b"<a><author>%sz</author><t>%s</t></a>" % (name, name)
    return files.rewritten(files.word(), {}, {"word/notes.xml": part})


@pytest.mark.parametrize(
    ("content", "kind"),
    [(pdf_of_many_objects(60_000), FileKind.PDF), (word_of_one_name(), FileKind.DOCX)],
    ids=["pdf", "word"],
)
def test_a_file_that_keeps_a_reader_busy_is_given_up(
    content: bytes, kind: FileKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it does costs seconds of a process of its own, and its author is told."""
    monkeypatch.setattr(checks, "LIMITS", replace(checks.LIMITS, cpu_seconds=2))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(FileRefused) as caught:
        taken(content, kind)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "结构过于复杂" in caught.value.zh
    assert 1 < (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 4
    assert taken(files.pdf(), FileKind.PDF)


def test_a_file_that_needs_too_much_memory_or_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    large = files.png((4_000, 4_000))
    assert taken(large, FileKind.PNG)
    monkeypatch.setattr(checks, "LIMITS", replace(checks.LIMITS, memory=100_000_000))
    assert taken(files.png(), FileKind.PNG)
    with pytest.raises(FileRefused, match="split"):
        taken(large, FileKind.PNG)
    monkeypatch.setattr(checks, "LIMITS", replace(checks.LIMITS, memory=1_500_000_000, seconds=0.05))
    with pytest.raises(FileRefused, match="split"):
        taken(files.word(), FileKind.DOCX)


def test_a_large_picture_keeps_within_the_memory() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (7_000, 7_000), "teal").save(target, "PNG")
    with Image.open(io.BytesIO(taken(target.getvalue(), FileKind.PNG))) as image:
        assert image.size == (7_000, 7_000)


def test_an_error_that_nobody_expected_is_logged_without_what_the_file_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "breaks.py"
    program.write_text("def answer(source, target):\n    raise KeyError(source.read().decode())\n")
    with pytest.raises(runner.Failed):
        runner.run(program, source=io.BytesIO(files.CANARY.encode()))
    assert "KeyError at " in caplog.text and files.CANARY not in caplog.text


def test_a_program_apart_knows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIQIAO_SECRET_KEY", files.CANARY)
    program = tmp_path / "looks.py"
    program.write_text("import os\n\ndef answer(source, target):\n    return sorted(os.environ)\n")
    found = runner.run(program, source=io.BytesIO(b""))
    assert "PATH" in found and not [name for name in found if name.startswith("YIQIAO")]
