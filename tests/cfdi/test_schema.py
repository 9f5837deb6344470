"""The slim schemas with their sets say the same as SAT's whole XSD, and say it in Spanish with the right code."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from emite.cfdi import codes, schema
from emite.cfdi.codes import FOLDER
from emite.cfdi.faults import Severity
from tests.cfdi.rules.cases import CASES
from tests.cfdi.rules.documents import DOCUMENTS, add, both, document, drop, put

_XS = "{http://www.w3.org/2001/XMLSchema}"
_SEAL = {"Sello": "AAAA", "NoCertificado": "30001000000500003416", "Certificado": "AAAA"}
_DEAR = {"LugarExpedicion", "ClaveProdServ"}  # the whole XSD takes seconds to refuse a key of a long list
_VALUES = ("", "x", "-1", "0", "1.1234567", "a|b", "01", "2026-03-05T10:15:00", "9" * 30, " 03 ", "ñ" * 1001, "S01")


@pytest.fixture(scope="module")
def whole() -> etree.XMLSchema:
    """SAT's own files, enumerations and all: 155 ms and 200 MB, so once."""
    spec = importlib.util.find_spec("satcfdi")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    folder = package / "transform" / "schemas" / "www.sat.gob.mx" / "sitio_internet" / "cfd"
    door = etree.parse(FOLDER / "xsd" / "all.xsd").getroot()
    for node in door.iter(f"{_XS}import"):
        node.set("schemaLocation", str(folder / str(node.get("schemaLocation"))))
    return etree.XMLSchema(etree.fromstring(etree.tostring(door)))


def _sealed(name: str) -> etree._Element:
    root = document(name)
    root.attrib.update(_SEAL)
    return root


def _cheap(root: etree._Element) -> etree._Element:
    """The same document with keys that are among the first of their lists: the whole XSD reads them from the start."""
    for node in root.iter("{*}Concepto", "{*}Parte"):
        if node.get("ClaveProdServ") in codes.keys("c_ClaveProdServ"):
            node.set("ClaveProdServ", "01010101")
        if node.get("ClaveUnidad") in codes.keys("c_ClaveUnidad"):
            node.set("ClaveUnidad", "18")
    if root.get("LugarExpedicion") in codes.keys("c_CodigoPostal"):
        root.set("LugarExpedicion", "20000")
    return root


def _spoiled_attributes(root: etree._Element, offset: int) -> Iterator[etree._Element]:
    """Each attribute of each node taken away, or given one of the odd values, by turns."""
    count = offset
    for node in list(root.iter(etree.Element)):
        for name in list(node.attrib):
            before = str(node.get(name))
            count += 1
            if name in _DEAR and offset % 2:
                continue
            if count % (len(_VALUES) + 1) == 0:
                del node.attrib[name]
            else:
                node.set(name, _VALUES[count % (len(_VALUES) + 1) - 1])
            yield root
            node.set(name, before)


def _spoiled_nodes(root: etree._Element) -> Iterator[etree._Element]:
    for place, node in enumerate(list(root.iter(etree.Element))[1:], 1):
        for change in ("gone", "twice", "renamed", "text"):
            tree = deepcopy(root)
            spot = list(tree.iter(etree.Element))[place]
            parent = spot.getparent()
            assert parent is not None
            assert spot.tag == node.tag
            if change == "gone":
                parent.remove(spot)
            elif change == "twice":
                parent.append(deepcopy(spot))
            elif change == "renamed":
                spot.tag = spot.tag + "x"
            else:
                spot.text = "texto"
            yield tree


def _agrees(root: etree._Element, whole: etree.XMLSchema) -> bool:
    return whole.validate(root) == (schema.validate(root) == [])


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_slim_and_sets_equal_the_whole_schema(name: str, whole: etree.XMLSchema) -> None:
    assert schema.validate(_sealed(name)) == []
    assert whole.validate(_sealed(name))
    for tree in _spoiled_attributes(_cheap(_sealed(name)), 0 if name == "paciente" else 2 * len(name) + 1):
        assert _agrees(tree, whole), etree.tostring(tree)
    for tree in _spoiled_nodes(_cheap(_sealed(name))):
        assert _agrees(tree, whole), etree.tostring(tree)


@pytest.mark.slow
def test_slim_and_sets_equal_the_whole_schema_on_every_case(whole: etree.XMLSchema) -> None:
    verdicts = set()
    dear = {"CFDI40126", "CFDI40162", "CFDI40196"}
    seen: set[str] = set()
    for case in CASES:
        if case.code in dear & seen and not case.accepts:
            continue
        if not case.accepts:
            seen.add(case.code)
        root = _sealed(case.base)
        case.spoil(root)
        verdicts.add(whole.validate(_cheap(root)))
        assert _agrees(root, whole), case.code
    assert verdicts == {True, False}


def _mercancia(fraccion: str) -> etree._Element:
    root = _sealed("extranjero")
    node = next(root.iter("{*}Mercancia"))
    node.set("FraccionArancelaria", fraccion)
    return root


@pytest.mark.parametrize("fraccion", ["3005909900", "x", ""])
def test_the_long_lists_of_a_complement_are_looked_up(fraccion: str, whole: etree.XMLSchema) -> None:
    root = _mercancia(fraccion)

    assert not whole.validate(root)
    (fault,) = schema.validate(root)
    assert fault.code == "301"
    assert fault.xpath.endswith("/cce20:Mercancia/@FraccionArancelaria")


def test_a_listed_fraccion_is_accepted(whole: etree.XMLSchema) -> None:
    listed = min(codes.keys("ComExt/c_FraccionArancelaria"))

    assert schema.validate(_mercancia(listed)) == []
    assert whole.validate(_mercancia(listed))


def test_the_same_name_elsewhere_is_free_text(whole: etree.XMLSchema) -> None:
    """Colonia is a list in the issuer's address and text in the receptor's."""
    path = "cfdi:Complemento/cce20:ComercioExterior/cce20:{}/cce20:Domicilio"
    receptor, emisor = _sealed("extranjero"), _sealed("extranjero")
    put(path.format("Receptor"), Colonia="Downtown")(receptor)
    put(path.format("Emisor"), Colonia="Downtown")(emisor)

    assert schema.validate(receptor) == []
    assert whole.validate(receptor)
    assert [fault.code for fault in schema.validate(emisor)] == ["301"]
    assert not whole.validate(emisor)


_C = "cfdi:Conceptos/cfdi:Concepto"
_RELACION = "cfdi:CfdiRelacionados/cfdi:CfdiRelacionado"
# document, change, code, the xpath after /cfdi:Comprobante, what the message says
_WORDS = [
    ("paciente", put("cfdi:Receptor", UsoCFDI=None), "301", "/cfdi:Receptor/@UsoCFDI", "Falta"),
    ("paciente", put(".", Otro="1"), "301", "/@Otro", "no existe"),
    ("paciente", put("cfdi:Emisor", Nombre="A|B"), "301", "/cfdi:Emisor/@Nombre", "no tiene la forma"),
    ("paciente", put("cfdi:Emisor", Nombre=""), "301", "/cfdi:Emisor/@Nombre", "está vacío"),
    ("paciente", put("cfdi:Emisor", Nombre="Ñ" * 301), "301", "/cfdi:Emisor/@Nombre", "largo"),
    ("paciente", put("cfdi:Receptor", Rfc="MISC491214"), "301", "/cfdi:Receptor/@Rfc", "MISC491214"),
    ("paciente", put(".", SubTotal="-800.00"), "301", "/@SubTotal", "-800.00"),
    ("paciente", put(".", Total="800.0000001"), "301", "/@Total", "decimales"),
    ("paciente", put(_C, Cantidad="0"), "301", "/cfdi:Conceptos/cfdi:Concepto[1]/@Cantidad", "menor"),
    ("paciente", put(_C, Cantidad="1.0000001"), "301", "/cfdi:Conceptos/cfdi:Concepto[1]/@Cantidad", "decimales"),
    ("paciente", drop(_C), "301", "/cfdi:Conceptos", "le falta un nodo hijo (Concepto)"),
    ("paciente", drop("cfdi:Receptor"), "301", "/cfdi:Conceptos", "el SAT espera Receptor"),
    ("paciente", add("cfdi:Emisor", "<cfdi:Otro/>"), "301", "/cfdi:Emisor", "no debe llevar"),
    ("paciente", put(".", FormaPago="77"), "CFDI40104", "/@FormaPago", "catálogo"),
    ("factura", put(f"{_C}[2]", ClaveUnidad="X0"), "CFDI40165", "/cfdi:Conceptos/cfdi:Concepto[2]/@ClaveUnidad", "X0"),
    ("paciente", put(".", LugarExpedicion="00001"), "CFDI40126", "/@LugarExpedicion", "00001"),
    ("egreso", put(_RELACION, UUID="x"), "301", "/cfdi:CfdiRelacionados[1]/cfdi:CfdiRelacionado[1]/@UUID", "«x»"),
    ("global", put("cfdi:InformacionGlobal", Año="2018"), "CFDI40136", "/cfdi:InformacionGlobal/@Año", "2018"),
    ("global", put("cfdi:InformacionGlobal", Año="dos mil"), "301", "/cfdi:InformacionGlobal/@Año", "dos mil"),
]


@pytest.mark.parametrize(
    ("name", "spoil", "code", "xpath", "said"),
    _WORDS,
    ids=[f"{number}-{each[2]}" for number, each in enumerate(_WORDS)],
)
def test_the_words(name: str, spoil, code: str, xpath: str, said: str) -> None:  # type: ignore[no-untyped-def]
    root = _sealed(name)
    spoil(root)

    (fault,) = schema.validate(root)

    assert (fault.code, fault.xpath) == (code, "/cfdi:Comprobante" + xpath)
    assert said in fault.message


def test_a_complement_that_no_schema_describes_is_an_aviso() -> None:
    root = _sealed("paciente")
    both(
        add(".", '<cfdi:Complemento><a xmlns="urn:x"/></cfdi:Complemento>'),
        add(".", "<cfdi:Addenda><b/></cfdi:Addenda>"),
    )(root)
    before = etree.tostring(root)

    (fault,) = schema.validate(root)

    assert (fault.code, fault.severity) == ("EMI120", Severity.AVISO)
    assert etree.tostring(root) == before


def test_an_unknown_complement_of_a_concept_leaves_the_rest_checked() -> None:
    root = _sealed("paciente")
    path = "cfdi:Conceptos/cfdi:Concepto"
    add(path, '<cfdi:ComplementoConcepto><a xmlns="urn:x"/></cfdi:ComplementoConcepto>')(root)
    put(path, Cantidad="cero")(root)

    assert [fault.code for fault in schema.validate(root)] == ["EMI120", "301"]


def test_a_node_that_its_complement_does_not_have() -> None:
    root = _sealed("pago")
    next(root.iter("{*}Pagos")).tag = "{http://www.sat.gob.mx/Pagos20}Pagas"

    (fault,) = schema.validate(root)
    assert fault.code == "301"
    assert "Pagas" in fault.message


def test_what_sealing_writes_may_be_missing_before_it() -> None:
    assert schema.validate(document("paciente")) == []
    sealed = _sealed("paciente")
    sealed.set("NoCertificado", "")
    assert [fault.xpath for fault in schema.validate(sealed)] == ["/cfdi:Comprobante/@NoCertificado"]


def test_many_faults_are_bounded() -> None:
    root = _sealed("paciente")
    conceptos = root.find("{*}Conceptos")
    assert conceptos is not None
    for _ in range(500):
        conceptos.append(deepcopy(conceptos[0]))
    for node in conceptos:
        node.set("ClaveProdServ", "85121500")
        node.set("Cantidad", "cero")

    assert len(schema.validate(root)) == schema.MOST_FAULTS


def test_threads_do_not_mix_their_faults() -> None:
    found: dict[str, set[str]] = {}

    def run(name: str, attribute: str) -> None:
        root = _sealed("paciente")
        root.set(attribute, "|")
        found[name] = {fault.xpath for _ in range(50) for fault in schema.validate(root)}

    threads = [threading.Thread(target=run, args=args) for args in (("a", "Serie"), ("b", "Folio"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {"a": {"/cfdi:Comprobante/@Serie"}, "b": {"/cfdi:Comprobante/@Folio"}}


def test_another_root_is_no_cfdi() -> None:
    (fault,) = schema.validate(etree.fromstring("<a/>"))
    assert fault.code == "301"
