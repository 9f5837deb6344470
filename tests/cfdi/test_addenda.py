"""An Addenda goes beside the CFDI: nothing that is sealed or stamped changes, and no value becomes markup."""

from __future__ import annotations

import pytest
from lxml import etree

from emite.cfdi import addenda
from emite.cfdi.addenda import AddendaRefused, appended
from emite.cfdi.xml import CFDI, TFD, parse
from tests.cfdi.make import stamped as stamp

OURS = (
    '<ax:Proveedor xmlns:ax="urn:axa" numero="8123" factura="{serie}-{folio}">'
    '<ax:Total moneda="{moneda}">{total}</ax:Total>{rfc_receptor} <ax:Folio>{uuid}</ax:Folio> &amp; {nombre_emisor}'
    "</ax:Proveedor>"
)


def test_it_is_put_in_after_the_stamp_and_changes_nothing_else() -> None:
    stamped = stamp()
    before = parse(stamped)
    before.find(f"{{{CFDI}}}Emisor").set("Nombre", 'A "&" <B> {total}')  # type: ignore[union-attr]
    hostile = etree.tostring(before, xml_declaration=True, encoding="UTF-8")
    for document in (stamped, hostile):
        delivered = appended(document, OURS)
        start, _, rest = delivered.partition(b"<cfdi:Addenda>")
        assert document.startswith(start)
        assert document.endswith(rest.rpartition(b"</cfdi:Addenda>")[2])
        root = parse(delivered)
        (own,) = root.find(f"{{{CFDI}}}Addenda")  # type: ignore[misc]
        assert own.get("factura") == f"{root.get('Serie', '')}-{root.get('Folio', '')}"
        assert own[0].text == root.get("Total")
        assert own[1].text == root.find(f".//{{{TFD}}}TimbreFiscalDigital").get("UUID")  # type: ignore[union-attr]
        assert own[1].tail == f" & {root.find(f'{{{CFDI}}}Emisor').get('Nombre')}"  # type: ignore[union-attr]
        assert len(own) == 2
    assert appended(appended(stamped, OURS), OURS) == appended(stamped, OURS)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("texto", "un solo elemento XML"),
        ("<a/><b/>", "un solo elemento XML"),
        ("<a>", "un solo elemento XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "DOCTYPE"),
        (f'<cfdi:Addenda xmlns:cfdi="{CFDI}"><a/></cfdi:Addenda>', "sin elementos del SAT"),
        ('<a b="{paciente}"/>', "No hay un dato {paciente}"),
        ("<a>{Total} {totales}</a>", "No hay un dato {totales}"),
        (f"<a>{'x' * addenda.MOST}</a>", "letras"),
    ],
    ids=["text", "two", "open", "doctype", "sat", "attribute", "content", "long"],
)
def test_what_cannot_be_one_is_told(template: str, words: str) -> None:
    with pytest.raises(AddendaRefused) as refused:
        addenda.require(template)
    assert words in refused.value.message
