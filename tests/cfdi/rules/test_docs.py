"""docs/sat/reglas.md tells where each code is. `python -m tests.cfdi.rules.test_docs` writes its table."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from emite.cfdi import rules

_PAGE: Final = Path(__file__).parents[3] / "docs" / "sat" / "reglas.md"
_BEGIN, _END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


def _where(code: str) -> str:
    functions = rules.RULES.get(code)
    if functions is None:
        return f"PAC. {rules.LEFT_TO_PAC[code]}"
    named = dict.fromkeys(f"`{f.__module__.removeprefix('emite.cfdi.')}.{f.__name__}`" for f in functions)
    return ", ".join(named)


def _table() -> str:
    own = sorted(code for code in rules.RULES if code.startswith("EMI"))
    rows = [f"| {code} | {_where(code)} |" for code in (*rules.MATRIX, *own)]
    return "\n".join(["| code | where |", "|---|---|", *rows]) + "\n"


def test_the_page_has_the_table_of_the_code() -> None:
    text = _PAGE.read_text("utf-8")

    assert text.partition(_BEGIN)[2].partition(_END)[0] == _table(), "run python -m tests.cfdi.rules.test_docs"


def test_the_page_explains_every_own_code() -> None:
    text = _PAGE.read_text("utf-8").partition(_BEGIN)[0]

    for code in ("EMI003", "EMI120", "EMI201", "EMI202", "EMI203", *(c for c in rules.RULES if c.startswith("EMI"))):
        assert f"| {code} |" in text


if __name__ == "__main__":
    before, _, rest = _PAGE.read_text("utf-8").partition(_BEGIN)
    _PAGE.write_text(before + _BEGIN + _table() + _END + rest.partition(_END)[2], "utf-8")
