"""What a file costs to be checked is bounded: its size as XML, its elements, and how many are checked at a time."""

import threading

import pytest

from backend.attachments import checks, office, office_active
from backend.attachments.errors import ChecksBusy
from backend.attachments.kinds import FileKind
from tests import files
from tests.unit.test_attachment_files import accept, refusal


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
    monkeypatch.setattr(checks, "PATIENCE", 0.05)
    begun, go_on = threading.Semaphore(0), threading.Event()
    real = office.opened

    def slow(*args: object) -> object:
        begun.release()
        assert go_on.wait(30)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(office, "opened", slow)
    working = [
        threading.Thread(target=accept, args=(files.excel(), FileKind.XLSX), kwargs={"strip": False})
        for _ in range(checks.AT_ONCE)
    ]
    for thread in working:
        thread.start()
    for _ in working:
        assert begun.acquire(timeout=30)
    try:
        with pytest.raises(ChecksBusy):
            accept(files.pdf(), FileKind.PDF)
        assert accept(b"plain", FileKind.TXT) == b"plain"
    finally:
        go_on.set()
        for thread in working:
            thread.join()
    assert accept(files.pdf(), FileKind.PDF)
