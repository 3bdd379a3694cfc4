"""What every form shares: cleaning of typed text, checks with Chinese wording, and a summary of errors.

Built on WTForms; the wording of its own messages comes from its Chinese catalogue.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import FormData
from wtforms import Field, Form, SelectField, StringField, TextAreaField
from wtforms.validators import StopValidation, ValidationError

from backend.i18n import gettext as _

REPLACEMENT_CHARACTER = "\ufffd"
# Control and invisible formatting characters that no keyboard types, those among them that turn the direction of what
# follows; the joiners that emoji need are kept.
UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]")


def clean(text: str | None) -> str:
    """Typed text without control characters, trailing spaces and the line ends of other systems."""
    if not text:
        return ""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    lines = (line.rstrip() for line in UNWANTED.sub("", text).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def clean_line(text: str | None) -> str:
    """Typed text of one line: line breaks, which only a forged form holds, and tabs of pasted cells become spaces."""
    return re.sub(r"\s*[\n\t]\s*", " ", clean(text))


def half_width(text: str | None) -> str:
    """A line whose full width digits and marks, as Chinese input methods write them, are plain ones (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", clean_line(text)).strip()


# A dot counts where it ends a word of several characters and another follows at once: not in J.R. 示例 and Dr. 示例.
ADDRESS = re.compile(r"[/\\:@]|www\.|[\w-]{2,}[.。][^\W\d_]", re.IGNORECASE)


def holds_address(text: str) -> bool:
    """Whether a name leads elsewhere: our mails carry names, and mail programs make links of what looks like one."""
    return ADDRESS.search(unicodedata.normalize("NFKC", text)) is not None


# What mail programs make a link of; a title has slashes and colons of its own: DSA/CT, 1:5.
LINK = re.compile(r"://|www\.|[a-z\d-]{2,}\.[a-z]{2,}", re.IGNORECASE)


def holds_link(text: str) -> bool:
    """Whether a text leads elsewhere once a mail program shows it."""
    return LINK.search(unicodedata.normalize("NFKC", text)) is not None


# A stop, colon or dash before a digit belongs to a figure: 5.0T, 1:5, -5 ℃. Bullets of Word's symbol font arrive as
# characters of the private use area.
NUMBERING = re.compile(
    r"^\s*(?:[（(]?\d{1,2}(?:[)）、]|[.．:：](?!\d))|[（(]?[一二三四五六七八九十]{1,3}(?:[)）、]|[.．](?!\d))"
    r"|[①-⑳]|[•·●○▪◆\ue000-\uf8ff]|[*-](?!\d))\s*"
)


def strip_numbering(line: str) -> str:
    """A line of a list without its number or bullet, as they come along when text is pasted from Word."""
    return NUMBERING.sub("", line).strip()


class Text:
    """Checks a text field: present if required, not too long, readable characters."""

    def __init__(self, maximum: int, *, required: str | None = None) -> None:
        """`required` is the message for an empty field, None where it may be empty."""
        self.maximum = maximum
        self.required = required
        self.field_flags = {"maxlength": maximum}
        if required:
            self.field_flags["required"] = True

    def __call__(self, form: Any, field: Field) -> None:
        text: str = field.data or ""
        if REPLACEMENT_CHARACTER in text:
            raise ValidationError(_("有无法识别的字符（显示为 �），可能是编码错误。请删去后重新输入。"))
        if self.required and not any(char.isprintable() and not char.isspace() for char in text):
            raise StopValidation(self.required)
        if len(text) > self.maximum:
            raise ValidationError(
                _("最多 %(maximum)s 个字，现有 %(length)s 个字，请删减。")
                % {"maximum": f"{self.maximum:,}", "length": f"{len(text):,}"}
            )


class Choice(SelectField):
    """A drop-down list; its first entry may stand for no choice."""

    def __init__(self, label: str, choices: Sequence[tuple[str, str]], *, empty: str | None = None, **options: Any):
        """`empty` is the wording of the entry for no choice, None where a choice has to be made."""
        listed = [("", empty), *choices] if empty is not None else choices
        super().__init__(label, choices=dict(listed), coerce=str, validate_choice=False, **options)

    def pre_validate(self, form: Any) -> None:
        if (self.data or "") not in {value for value, *_label in self.iter_choices()}:
            raise StopValidation(_("请从列表中选择一项。"))


def text_field(label: str, maximum: int, *, required: str | None = None, **options: Any) -> StringField:
    """One line of text."""
    return StringField(label, filters=[clean_line], validators=[Text(maximum, required=required)], **options)


def number_field(label: str, maximum: int, **options: Any) -> StringField:
    """One line for a number; what it may be is checked by its form."""
    return StringField(label, filters=[half_width], validators=[Text(maximum)], **options)


def text_area(label: str, maximum: int, *, required: str | None = None, rows: int = 4, **options: Any) -> TextAreaField:
    """Several lines of text."""
    return TextAreaField(
        label,
        filters=[clean],
        validators=[Text(maximum, required=required)],
        render_kw={"rows": rows},
        **options,
    )


class BaseForm(Form):
    """A form that reads a submitted page and can say what is wrong with it."""

    class Meta:
        locales = ("zh",)

    @classmethod
    def read(cls, data: FormData, **options: Any) -> Any:
        """The form as submitted."""
        return cls(formdata=data, **options)

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        """(field id, label, first message) of every field in error, in the order of the form."""
        return [(field.id, field.label.text, str(field.errors[0])) for field in self if field.errors]
