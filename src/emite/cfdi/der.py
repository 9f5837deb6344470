"""Reading the outline of DER (ITU-T X.690): enough to tell what kind of file somebody uploaded. Decodes no content."""

from __future__ import annotations

from dataclasses import dataclass


class DerBroken(ValueError):
    """The bytes are not DER."""


@dataclass(frozen=True, slots=True)
class Element:
    """One tag with its content."""

    tag: int
    content: bytes

    @property
    def is_integer(self) -> bool:
        """INTEGER."""
        return self.tag == 0x02

    @property
    def is_oid(self) -> bool:
        """OBJECT IDENTIFIER."""
        return self.tag == 0x06

    @property
    def is_sequence(self) -> bool:
        """SEQUENCE."""
        return self.tag == 0x30


def read(data: bytes) -> Element:
    """The only element of `data`. Raises DerBroken when there is not exactly one."""
    elements = read_all(data)
    if len(elements) != 1:
        raise DerBroken
    return elements[0]


def read_all(data: bytes) -> list[Element]:
    """The elements that follow one another in `data`. Raises DerBroken."""
    elements = []
    place = 0
    while place < len(data):
        if place + 2 > len(data):
            raise DerBroken
        tag, length = data[place], data[place + 1]
        place += 2
        if length >= 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or place + size > len(data):
                raise DerBroken
            length = int.from_bytes(data[place : place + size], "big")
            place += size
        if place + length > len(data):
            raise DerBroken
        elements.append(Element(tag, data[place : place + length]))
        place += length
    return elements


def integer(element: Element) -> int:
    """The value of an INTEGER."""
    return int.from_bytes(element.content, "big", signed=True)
