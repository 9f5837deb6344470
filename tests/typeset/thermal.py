"""A thermal printer that only reads: takes an ESC/POS stream apart, command by command, and refuses what it does
not know. Written from Epson's reference, not from the writer."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Printed:
    """What came out: lines as printed, the QR's content, whether it was cut at the end."""

    lines: list[str] = field(default_factory=list)
    bold: list[bool] = field(default_factory=list)
    tall: list[bool] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    cut: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def read(stream: bytes) -> Printed:  # noqa: C901 -- one branch for each command
    """Raises AssertionError at the first byte that a printer would misunderstand."""
    out, at, line = Printed(), 0, bytearray()
    table = bold = tall = correction = module = None
    stored = b""
    assert stream.startswith(b"\x1b@"), "the printer is not initialised"
    while at < len(stream):
        byte = stream[at]
        assert not out.cut, "something comes after the cut"
        if byte == 0x0A:
            assert table == 19, "text before its character table"
            out.lines.append(line.decode("cp858"))
            out.bold.append(bool(bold))
            out.tall.append(bool(tall))
            line, at = bytearray(), at + 1
        elif byte >= 0x20:
            line.append(byte)
            at += 1
        elif stream[at : at + 2] == b"\x1b@":
            assert at == 0
            at += 2
        elif stream[at : at + 2] in (b"\x1bt", b"\x1ba", b"\x1bE", b"\x1bd", b"\x1d!"):
            command, value = stream[at : at + 2], stream[at + 2]
            assert not line, f"{command!r} in the middle of a line"
            if command == b"\x1bt":
                table = value
            elif command == b"\x1ba":
                assert value in (0, 1, 2)
            elif command == b"\x1bE":
                bold = value
            elif command == b"\x1d!":
                tall = value
            at += 3
        elif stream[at : at + 3] == b"\x1dVB":
            out.cut, at = True, at + 4
        elif stream[at : at + 3] == b"\x1d(k":
            length = int.from_bytes(stream[at + 3 : at + 5], "little")
            body = stream[at + 5 : at + 5 + length]
            assert len(body) == length, "a QR command is cut short"
            assert body[0] == 0x31, "not a QR"
            match body[1]:
                case 0x41:
                    assert body[2:] == b"\x32\x00", "not model 2"
                case 0x43:
                    module = body[2]
                case 0x45:
                    correction = body[2]
                case 0x50:
                    assert body[2] == 0x30
                    stored = body[3:]
                case 0x51:
                    assert body[2] == 0x30
                    assert stored, "printed before it was stored"
                    assert module in range(1, 17)
                    assert correction in range(48, 52)
                    out.codes.append(stored.decode("ascii"))
                case _:
                    raise AssertionError(f"unknown function {body[1]:#x} of GS ( k")
            at += 5 + length
        else:
            raise AssertionError(f"unknown command at {at}: {stream[at : at + 4]!r}")
    assert not line, "text without its line feed"
    return out
