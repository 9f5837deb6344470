"""Sealing a factura global of thousands of sales by their shapes: the bytes, the seal and the checks of `seal`, sooner.

One sale of each shape goes through the general road: SAT's schema, all rules, SAT's own sheet for the cadena. What
its text shares with the other sales is proved there; their folios and amounts are looked at one by one.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Final

from emite.cfdi import rules, sales_text, schema
from emite.cfdi import seal as seals
from emite.cfdi.cadena import cadena_around, cadena_by_xslt
from emite.cfdi.certificates import Csd
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.faults import Severity
from emite.cfdi.rules.sales import amounts_hold
from emite.cfdi.sales import Sales
from emite.cfdi.seal import Sealed
from emite.cfdi.xml import build, to_bytes

_OPEN: Final = b"<cfdi:Conceptos>"
_CLOSE: Final = b"</cfdi:Conceptos>"


def seal(c: Comprobante, csd: Csd) -> Sealed | None:
    """What `seal.seal` gives of a document without faults, but for a tree of a few sales only.

    None when it cannot be vouched for: the general road says whether something is wrong, and what. Raises CfdiInvalid
    like `seal.seal`.
    """
    if not isinstance(c.conceptos, Sales) or not amounts_hold(c.conceptos):
        return None
    some = Sales.of([alike.first for alike in c.conceptos.shapes.values()])
    assert some is not None  # rows of the same, and there are some
    root = build(replace(c, conceptos=some), c.totals)
    seals.name_certificate(root, csd)
    try:
        before, after = cadena_around(root)
    except ValueError:
        return None
    all_text, some_text = sales_text.written(c.conceptos), sales_text.written(some)
    cadena = before + all_text.cadena + after
    if before + some_text.cadena + after != cadena_by_xslt(root):
        return None
    sello = base64.b64encode(csd.sign(cadena.encode())).decode()
    root.set("Sello", sello)
    head, opened, rest = to_bytes(root).partition(_OPEN)
    written, closed, tail = rest.rpartition(_CLOSE)
    if not opened or not closed or written != some_text.xml.encode():
        return None
    found = [*schema.validate(root), *rules.check(root, sums=c.conceptos.sums()), *seals.verify(root, cadena)]
    if any(fault.severity is Severity.ERROR for fault in found):
        return None
    return Sealed(b"".join((head, opened, all_text.xml.encode(), closed, tail)), sello, cadena, root)
