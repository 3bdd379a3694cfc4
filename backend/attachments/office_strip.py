"""Office files without what they say of their makers: properties, authors of comments and changes, paths, printers."""

import io
import posixpath
import re
import zipfile
from typing import BinaryIO

from lxml import etree

from backend.attachments.kinds import FileKind
from backend.attachments.media import quiet
from backend.attachments.office import CONTENT_TYPES, embedded_kind, opened, opened_embedded, parse
from backend.attachments.office_types import Types

NOBODY = "作者"
_PERSONAL = {
    *("author", "initials", "userid", "username", "displayname", "providerid", "lastmodifiedby", "name-of-author"),
    *("lasteditedby", "modifiedby", "createdby", "presenceid"),
}
"""Attributes that name a person, whatever their namespace, in lower case."""
_PEOPLE = {"cmauthor", "person", "author"}
"""Elements whose attribute `name` is that of a person."""
_DROPPED = ("customxml/", "_xmlsignatures/", "docmetadata/", "docprops/thumbnail")
"""Other programs' notes about a file, and its picture from before; a signature would not fit the changed file."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_CORE = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cp:coreProperties '
    'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
)
_APP = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Properties '
    'xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>'
)
_CUSTOM = _APP.replace("extended-properties", "custom-properties")
_PROPERTIES = {"docprops/core.xml": _CORE, "docprops/app.xml": _APP, "docprops/custom.xml": _CUSTOM}
_PROPERTY_TYPES = {"core-properties+xml": _CORE, "extended-properties+xml": _APP, "custom-properties+xml": _CUSTOM}
_SVG = "{http://www.w3.org/2000/svg}"
_OF_EDITORS = {"docname", "export-filename"}
_COLON = re.compile("[:：]")
_RELATIONSHIP_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def strip(file: BinaryIO, kind: FileKind, target: BinaryIO) -> None:
    """Write the same document anew without metadata; raises FileRefused."""
    with opened(file, kind) as archive:
        _write(archive, target)


def _write(archive: zipfile.ZipFile, target: BinaryIO) -> None:
    types = Types(parse(archive.read(CONTENT_TYPES)))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for entry in archive.infolist():
            if entry.is_dir() or _is_dropped(entry.filename):
                continue
            # A new entry: the old one holds dates, and notes of the program that packed it.
            fresh = zipfile.ZipInfo(entry.filename, _EPOCH)
            fresh.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(fresh, _part(entry.filename, archive.read(entry), types))


def _is_dropped(name: str) -> bool:
    lower = name.lower().lstrip("/")
    return lower.startswith(_DROPPED) or "/printersettings/" in lower


def _part(name: str, content: bytes, types: Types) -> bytes:
    lower = name.lower()
    if lower in _PROPERTIES:
        return _PROPERTIES[lower].encode()
    # Some programs put the properties elsewhere, and say so by their type alone.
    for ending, empty in _PROPERTY_TYPES.items():
        if types.of(name).endswith(ending):
            return empty.encode()
    if (kind := embedded_kind(name)) is not None:
        inner = io.BytesIO()
        with opened_embedded(content, kind) as archive:
            _write(archive, inner)
        return inner.getvalue()
    if name == CONTENT_TYPES:
        return _without_dropped_types(content)
    if lower.endswith(".rels"):
        return _relationships(name, content)
    if types.is_xml(name):
        return _without_people(content, recover=types.is_vml(name))
    return quiet(name, content)


def _serialised(tree: etree._Element) -> bytes:
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True))


def _without_dropped_types(content: bytes) -> bytes:
    tree = parse(content)
    for part in list(tree):
        if _is_dropped(str(part.get("PartName", "")).lstrip("/")):
            tree.remove(part)
    return _serialised(tree)


def _relationships(name: str, content: bytes) -> bytes:
    """Without ways to what was dropped, and without the path of the template on its author's disk."""
    tree = parse(content)
    folder = posixpath.dirname(posixpath.dirname(name))
    for relation in list(tree):
        target = str(relation.get("Target", ""))
        if relation.get("TargetMode") == "External":
            if not str(relation.get("Type", "")).endswith("/hyperlink"):
                relation.set("Target", posixpath.basename(target.replace("\\", "/")) or "Normal.dotm")
        elif _is_dropped(posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")):
            tree.remove(relation)
    return _serialised(tree)


def _without_people(content: bytes, *, recover: bool) -> bytes:
    tree = parse(content, recover=recover)
    people = {str(element.text) for element in tree.iter() if _local(element) == "author" and element.text}
    for element in list(tree.iter()):
        local = _local(element)
        if not local:
            # A comment or instruction: nothing that a reader sees.
            _drop_keeping_tail(element)
            continue
        if local == "author" and element.text and element.text.strip():
            # The list of authors of a sheet's notes; each note refers to it by number.
            element.text = NOBODY
        elif local == "t" and element.text and (writer := _beginning(element.text, people)):
            # Excel begins a note with its author's name.
            element.text = NOBODY + element.text[len(writer) :]
        elif local == "abspath":
            element.attrib.clear()
            element.set("url", "")
        elif element.tag == f"{_SVG}metadata":
            element.clear()
        elif local == "pagesetup":
            element.attrib.pop(_RELATIONSHIP_ID, None)
        for name in list(element.attrib):
            plain = etree.QName(name).localname.lower()
            if plain in _OF_EDITORS:
                del element.attrib[name]
            elif plain in _PERSONAL or (plain == "name" and local in _PEOPLE):
                element.set(name, NOBODY)
    return _serialised(tree)


def _beginning(text: str, people: set[str]) -> str | None:
    """Whose name stands before the first colon, or a later one; a list of thousands of authors is not gone through."""
    return next((text[: c.start()] for c in _COLON.finditer(text) if text[: c.start()] in people), None)


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _drop_keeping_tail(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)
