"""The message catalogue: every wording of the site can be translated."""

import re
from pathlib import Path

from backend.config import FRONTEND_DIR, PROJECT_ROOT
from backend.i18n import gettext, translations
from tests import generate_docs

CHINESE = re.compile(r"[\u4e00-\u9fff]")
JINJA = re.compile(r"{#.*?#}|{{.*?}}|{%.*?%}", re.DOTALL)


def test_every_call_in_a_template_is_extracted() -> None:
    """As many messages as there are calls: none is built from parts, which no translator would get to see."""
    extracted = [place for place, _message, _comments in generate_docs.messages()]
    for path in sorted((FRONTEND_DIR / "templates").rglob("*.html")):
        calls = len(re.findall(r"(?<![\w.])_\(", path.read_text(encoding="utf-8")))
        assert extracted.count(path.relative_to(PROJECT_ROOT).as_posix()) == calls, path


def is_mail(path: Path) -> bool:
    """A mail holds both languages in its templates: who reads it has not chosen one."""
    return "email" in (path.parent.parent.name, path.stem)


def test_no_wording_of_a_template_stands_outside_of_a_call() -> None:
    for path in sorted((FRONTEND_DIR / "templates").rglob("*.html")):
        if is_mail(path):
            continue
        assert CHINESE.findall(JINJA.sub("", path.read_text(encoding="utf-8"))) == [], path


def test_every_mail_is_written_in_both_languages_as_text_and_as_html() -> None:
    for folder in sorted((FRONTEND_DIR / "templates").glob("email/*")):
        assert {path.name for path in folder.iterdir()} == {"subject.txt", "body.txt", "body.html"}, folder
        subject = (folder / "subject.txt").read_text(encoding="utf-8")
        text = (folder / "body.txt").read_text(encoding="utf-8")
        html = (folder / "body.html").read_text(encoding="utf-8")
        assert CHINESE.search(subject) and re.search(r"[a-z]{3}", JINJA.sub("", subject)), folder
        chinese, _rule, english = text.partition("\n---\n")
        assert CHINESE.search(JINJA.sub("", chinese)) and english and not CHINESE.search(JINJA.sub("", english)), folder
        assert {"zh", "en"} <= set(re.findall(r"{% block (\w+) %}", html)), folder


def test_every_wording_of_forms_and_messages_is_extracted() -> None:
    from backend import flash
    from backend.labels import LABELS

    known = {message for _place, message, _comments in generate_docs.messages()}
    assert set(flash.MESSAGES.values()) <= known
    for wording in LABELS.values():
        assert set(wording.values()) <= known


def test_the_catalogue_is_up_to_date() -> None:
    """After a change of wording: `make docs`."""
    assert generate_docs.CATALOGUE_FILE.read_text(encoding="utf-8") == generate_docs.catalogue()


def test_chinese_needs_no_catalogue_and_a_missing_one_is_no_error() -> None:
    assert gettext("请先登录。") == "请先登录。"
    assert translations("zh") is translations("zh")
    assert translations("fr").gettext("请先登录。") == "请先登录。"
