"""CSV as hospitals have it: which encoding and separator, which columns, which rows. One row in memory at a time.

What a row means is decided by who asks. Formulas are taken for what they are: text that a spreadsheet would run.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import BinaryIO, Final

from emite.lookup.words import plain
from emite.sheets.comma import FORMULA, MARK

#: What one file may weigh and hold: a list of prices has thousands of rows, not hundreds of thousands.
MOST_BYTES: Final = 5 * 2**20
MOST_ROWS: Final = 20_000
#: Said of a row with more cells than there are names.
SPILLED: Final = "sobran columnas: si un texto lleva el separador, póngalo entre comillas."
_AMOUNT: Final = re.compile(r"\d{1,12}(\.\d+)?", re.ASCII)


class TableRefused(Exception):
    """The file cannot be read as a table; the message says why and the cure."""


@dataclass(frozen=True, slots=True)
class Table:
    """A readable table. `notes` are what was detected and deserves a word; `rows` gives line number and cells."""

    notes: tuple[str, ...]
    rows: Iterator[tuple[int, dict[str, str]]]


def read(file: BinaryIO, columns: Sequence[str], *, optional: Sequence[str] = (), most: int = MOST_ROWS) -> Table:
    """The rows of a file with these columns, in any order. Raises TableRefused, also while the rows are read."""
    encoding, notes = _encoding(file)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    first = text.readline(10_000)
    separator = max(";,\t", key=first.count)
    names = [plain(cell).strip().replace(" ", "_") for cell in next(csv.reader([first], delimiter=separator), [])]
    missing = [name for name in columns if name not in names]
    if missing:
        raise TableRefused(
            f"Faltan columnas: {', '.join(missing)}. La primera línea debe decir {', '.join(columns)}. "
            "Descargue la plantilla y copie en ella sus datos."
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise TableRefused(f"Hay columnas repetidas: {', '.join(twice)}. Deje una de cada una.")
    unknown = [name for name in names if name and name not in (*columns, *optional)]
    if unknown:
        notes.append(f"No se leen estas columnas: {', '.join(unknown)}.")
    if separator != ",":
        notes.append("Se leyó separado por " + {";": "punto y coma.", "\t": "tabuladores."}[separator])
    return Table(tuple(notes), _rows(text, names, separator, most))


def is_formula(cell: str) -> bool:
    """Would a spreadsheet run it? Numbers with a sign are just numbers."""
    return cell.startswith(FORMULA) and not cell[1:].replace(".", "").replace(",", "").isdigit()


def tame(cell: str) -> str:
    """The cell as a spreadsheet shows it and never runs it."""
    return f"'{cell}" if is_formula(cell) else cell


def amount(typed: str, missing: str) -> tuple[Decimal, str]:
    """What a cell is worth, and what is wrong with it (`missing` when it is blank)."""
    text = typed.removeprefix("$").strip()
    if _AMOUNT.fullmatch(text):
        return Decimal(text), ""
    if not text:
        return Decimal(0), missing
    if "," in text:
        words = "lleva coma. Escriba punto para los decimales y nada para los miles: 1234.50."
    else:
        words = "no es una cantidad. Escriba solo números, como 1234.50."
    return Decimal(0), f"«{typed[:20]}» {words}"


def formulas(cells: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """What to say of each of these columns that a spreadsheet would run."""
    return [
        f"{name}: empieza como una fórmula ({cells[name][0]}). Escriba solo el dato."
        for name in names
        if is_formula(cells.get(name, ""))
    ]


def written(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as a file that can be changed and read again. A cell that a spreadsheet would run is tamed."""
    file = io.StringIO(newline="")
    file.write(MARK)
    writer = csv.writer(file)
    writer.writerow(names)
    writer.writerows([tame(cell) for cell in row] for row in rows)
    return file.getvalue()


def _encoding(file: BinaryIO) -> tuple[str, list[str]]:
    """Looks through the whole file, a piece at a time, and goes back to its beginning."""
    head = file.read(4)
    if head[:2] in (b"PK", b"\xd0\xcf"):
        raise TableRefused("Es un libro de Excel: guárdelo como CSV (delimitado por comas) y elija ese archivo.")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise TableRefused("El archivo está en UTF-16: guárdelo como «CSV UTF-8» y elija ese archivo.")
    if _reads_as(file, "utf-8"):
        return "utf-8-sig", []
    if _reads_as(file, "cp1252"):
        return "cp1252", ["El archivo no está en UTF-8: se leyó como Windows-1252 (Latin-1). Revise los acentos."]
    raise TableRefused("No se pueden leer los acentos del archivo: guárdelo como «CSV UTF-8» y elija ese archivo.")


def _reads_as(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    try:
        for _ in io.TextIOWrapper(io.BufferedReader(_Kept(file)), encoding=encoding):
            pass
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


class _Kept(io.RawIOBase):
    """The same file for a reader that would close it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _rows(text: io.TextIOWrapper, names: list[str], separator: str, most: int) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(text, delimiter=separator)
    seen = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            seen += 1
            if seen > most:
                raise TableRefused(f"El archivo tiene más de {most:,} renglones: divídalo en varios.")
            named = list(zip_longest(names, cells[: len(names)], fillvalue=""))
            row = {name: cell.strip() for name, cell in named if name}
            # Under no name: blank columns, as spreadsheets leave them, say nothing; a cell too many moved the others.
            spilled = [cell for name, cell in named if not name and cell.strip()] + cells[len(names) :]
            if spilled:
                row[""] = separator.join(spilled)
            yield reader.line_num + 1, row
    except csv.Error as error:
        raise TableRefused(f"El renglón {reader.line_num + 2} no se puede leer: revise sus comillas.") from error
    except UnicodeDecodeError as error:
        raise TableRefused(
            f"Después del renglón {reader.line_num + 1} hay letras que no se pueden leer: guarde el archivo como "
            "«CSV UTF-8» y elija ese."
        ) from error
    finally:
        text.detach()
