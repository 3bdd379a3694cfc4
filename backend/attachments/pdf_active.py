"""What in a PDF would run, fetch or hold other files: one walk over everything that its trailer leads to.

Nothing is looked for at the places where it usually stands: there are too many (ISO 32000-2, 12.6 actions, 12.7 forms,
7.11 file specifications, 13 multimedia), and a viewer follows all of them.
"""

from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

from backend.attachments.errors import FileRefused, active

_ACTIONS = {
    *("/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/GoToE", "/GoToR", "/Rendition", "/Movie", "/Sound"),
    *("/RichMediaExecute", "/GoToDp"),
}
_RUNNING = {"/JS", "/XFA", "/OnInstantiate", "/JavaScript"}
_MEDIA = {"/RichMedia", "/Movie", "/Sound", "/3D"}
_QUIET = {"/GoTo", "/Named", "/Hide", "/SetOCGState", "/Trans", "/Thread", "/GoTo3DView", "/ResetForm"}
"""What may happen by itself, without a click: nothing that leaves the document."""
_CONTAINERS = (IndirectObject, DictionaryObject, ArrayObject)
_RUNNING_ADDRESSES = ("javascript:", "vbscript:", "data:")


def check_quiet(reader: PdfReader) -> None:
    """Nothing that runs, nothing fetched by itself, no other file inside; raises FileRefused."""
    for item in _reached(reader):
        _check_dictionary(item)


def _reached(reader: PdfReader) -> Iterator[DictionaryObject]:
    """Every dictionary and stream that a viewer can come to, once."""
    waiting: list[Any] = [reader.trailer]
    seen: set[tuple[int, int]] = set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, IndirectObject):
            place = (item.idnum, item.generation)
            if place in seen:
                continue
            seen.add(place)
            item = item.get_object()
        if isinstance(item, DictionaryObject):
            yield item
            waiting += [item.raw_get(key) for key in item]
        elif isinstance(item, ArrayObject):
            waiting += [value for value in list.__iter__(item) if isinstance(value, _CONTAINERS)]


def _check_dictionary(item: DictionaryObject) -> None:
    kind, subtype = _name(item, "/S"), _name(item, "/Subtype")
    if kind in _ACTIONS or not _RUNNING.isdisjoint(item) or subtype in _MEDIA:
        raise _scripts()
    if "/EF" in item or "/EmbeddedFiles" in item or subtype == "/FileAttachment":
        raise active("嵌入的其他文件", "other embedded files")
    if isinstance(item, StreamObject) and ("/F" in item or "/Ref" in item):
        raise active("取自其他文件的内容", "content that is taken from other files")
    if "/URI" in item and str(item["/URI"]).strip().lower().startswith(_RUNNING_ADDRESSES):
        raise _scripts()
    for by_itself in _automatic(item):
        if _name(by_itself, "/S") not in _QUIET:
            raise _scripts()


def _automatic(item: DictionaryObject) -> Iterator[DictionaryObject]:
    """The actions of a dictionary that need no click, with those that follow them."""
    waiting: list[Any] = [item.get("/OpenAction")]
    more = _plain(item.get("/AA"))
    if isinstance(more, DictionaryObject):
        waiting += list(more.values())
    seen: set[int] = set()
    while waiting:
        action = _plain(waiting.pop())
        if isinstance(action, DictionaryObject) and "/S" in action and id(action) not in seen:
            seen.add(id(action))
            yield action
            following = _plain(action.get("/Next"))
            waiting += list(following) if isinstance(following, ArrayObject) else [following]


def _name(item: DictionaryObject, key: str) -> str:
    """A name in a dictionary, also where it stands in an object of its own."""
    return str(_plain(item.get(key)))


def _plain(value: Any) -> Any:
    return value.get_object() if value is not None else None


def _scripts() -> FileRefused:
    return active(
        "脚本、自动执行的动作、多媒体或指向其他文件的动作", "scripts, automatic actions, media or ways to other files"
    )
