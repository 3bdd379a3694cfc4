"""What an Office file says of the types of its parts (ECMA-376 part 2, section 7.2.3: overrides before endings)."""

from lxml import etree

_TYPE = "{http://schemas.openxmlformats.org/package/2006/content-types}"


class Types:
    """The declared types, in lower case; names of parts are the same in capitals and small letters."""

    def __init__(self, tree: etree._Element) -> None:
        self._parts = {_name(e, "PartName").lstrip("/"): _name(e, "ContentType") for e in tree.iter(f"{_TYPE}Override")}
        self._endings = {_name(e, "Extension"): _name(e, "ContentType") for e in tree.iter(f"{_TYPE}Default")}

    def all(self) -> list[str]:
        """All types that are named."""
        return [*self._parts.values(), *self._endings.values()]

    def of(self, name: str) -> str:
        """The type of a part; empty where none is named."""
        lower = name.lower().lstrip("/")
        return self._parts.get(lower) or self._endings.get(lower.rpartition(".")[2], "")

    def is_vml(self, name: str) -> bool:
        """Whether a part is a drawing in VML, which Excel writes with tags that never end."""
        return name.lower().endswith(".vml") or self.of(name).endswith("vmldrawing")

    def is_xml(self, name: str) -> bool:
        """Whether a part is read as XML, by its type or its ending."""
        return name.lower().endswith((".xml", ".svg")) or self.of(name).endswith(("+xml", "/xml")) or self.is_vml(name)


def _name(element: etree._Element, attribute: str) -> str:
    return str(element.get(attribute, "")).strip().lower()
