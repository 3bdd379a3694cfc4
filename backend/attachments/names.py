"""Names of files: as given but harmless, and as a header of an answer may hold them."""

import re
import unicodedata
from urllib.parse import quote

from backend.attachments.errors import FileRefused
from backend.attachments.kinds import ENDINGS, FileKind
from backend.attachments.models import NAME_LENGTH
from backend.forms import clean_line
from backend.i18n import gettext as _

# What Windows and shells do not allow in a name.
_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f]')


def clean_name(given: str | None) -> str:
    """The last part of a name without what turns direction, hides or steers; at most 100 characters with its ending.

    A browser may send a whole path, and Windows allows no dots or spaces at either end.
    """
    name = unicodedata.normalize("NFC", clean_line(given)).replace("\\", "/").rpartition("/")[2]
    name = _UNSAFE.sub("_", name).replace("\t", " ").strip(" ")
    stem, dot, ending = name.rstrip(".").rpartition(".")
    if not dot:
        return name[:NAME_LENGTH]
    ending = ending[:10]
    return f"{stem[: NAME_LENGTH - len(ending) - 1].rstrip(' .') or _('附件')}.{ending}"


def kind_of_name(name: str) -> FileKind:
    """The kind that the ending of a name tells; raises FileRefused for one that is not taken."""
    found = ENDINGS.get(name.rpartition(".")[2].lower()) if "." in name else None
    if found is None:
        raise FileRefused(
            "不支持这种文件。可以上传 PDF、图片（PNG、JPEG、WebP）、Word（docx）、Excel（xlsx）、PowerPoint（pptx）、"
            "TXT 和 CSV 文件；旧版 doc、xls、ppt 请另存为新格式。",
            "This kind of file is not accepted. PDF, PNG, JPEG, WebP, docx, xlsx, pptx, txt and csv files are.",
        )
    return found


def neutral_name(number: int, kind: FileKind) -> str:
    """What others see of a file whose author is not named: 附件1.pdf."""
    return f"{_('附件')}{number}.{kind}"


def disposition(name: str) -> str:
    """The Content-Disposition of a download.

    A plain name for old clients and the full one in UTF-8. Source: RFC 6266 section 4.1 with RFC 8187.
    """
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
