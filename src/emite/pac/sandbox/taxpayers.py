"""The sandbox's list of taxpayers (a small LRFC and LCO) and the checks that only a PAC can make against them.
Not here: rules that need no list (cfdi/rules/). Every taxpayer is invented or one that SAT publishes for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from emite.cfdi import codes
from emite.cfdi.rfc import Rfc, RfcInvalid

if TYPE_CHECKING:
    from lxml import etree

RESICO: Final = "626"
RESICO_RATE: Final = "0.012500"


@dataclass(frozen=True, slots=True)
class Taxpayer:
    """What SAT has on file: name in capitals without régimen de capital, fiscal CP, régimen keys."""

    rfc: str
    nombre: str
    cp: str
    regimenes: frozenset[str]
    retencion: int = 0
    """LRFC mark of a RESICO issuer: 1 = a persona moral may not withhold ISR, 2 = it must."""


def _of(rfc: str, nombre: str, cp: str, regimenes: str, retencion: int = 0) -> Taxpayer:
    return Taxpayer(rfc, nombre, cp, frozenset(regimenes.split()), retencion)


INVENTED: Final = (
    _of("SST980412QZA", "SANATORIO SAN TELMO", "06700", "601"),
    _of("SCE050620LQ5", "SEGUROS LA CEIBA", "64000", "601"),
    _of("RTE151005Q83", "RED DE TERCEROS EXPERTOS", "11000", "601"),
    _of("S&M010203TT1", "SUTURAS & MATERIALES", "44160", "601"),
    _of("MAOL880314Q75", "LUCIA MARENTES OLVERA", "06700", "605 612"),
    _of("ÑUPA750219K49", "AGUSTIN ÑUÑEZ PEÑALOZA", "76028", "605"),
    _of("AATF790805MX0", "FACUNDO ARRIAGA TELLO", "64000", "612"),
    _of("BUGR850927W29", "RENATA BUSTOS GALVAN", "11000", "626", retencion=2),
    _of("OITA9511306R5", "AURORA ORTIZ TRUEBA", "22000", "605 626"),
    _of("CEGJ620718HB1", "JACINTO CERVERA GUZMAN", "77500", "605"),
)
# Names, CP and régimen that SAT's test environment and the PACs' sandboxes have in common.
SAT_TEST: Final = (
    _of("EKU9003173C9", "ESCUELA KEMPER URGATE", "42501", "601"),
    _of("H&E951128469", "HERRERIA & ELECTRICOS", "06002", "601"),
    _of("IIA040805DZ4", "INDISTRIA ILUMINADORA DE ALMACENES", "62661", "601"),
    _of("ICV060329BY0", "INMOBILIARIA CVA", "33826", "601"),
    _of("IVD920810GU2", "INNOVACION VALOR Y DESARROLLO", "63901", "601"),
    _of("L&O950913MSA", "LUCES & OBRAS", "60922", "603"),
    _of("OÑO120726RX3", "ORGANICOS ÑAVEZ OSORIO", "40501", "601"),
    _of("URE180429TM6", "UNIVERSIDAD ROBOTICA ESPAÑOLA", "86991", "601 603"),
    _of("XIA190128J61", "XENON INDUSTRIAL ARTICLES", "76343", "601 624"),
    _of("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "36257", "605 612 621"),
    _of("FUNK671228PH6", "KARLA FUENTE NOLASCO", "01160", "605 612 621"),
    _of("IAÑL750210963", "LUIS IAN ÑUZCO", "85256", "608"),
    _of("JUFA7608212V6", "ADRIANA JUAREZ FERNANDEZ", "01160", "614"),
    _of("KAHO641101B39", "OSCAR KALA HAAK", "76074", "612"),
    _of("MISC491214B86", "CECILIA MIRANDA SANCHEZ", "01010", "605 612"),
    _of("RAQÑ7701212M3", "ÑEVES RAMIREZ QUEZADA", "78905", "605"),
    _of("WERX631016S30", "XAIME WEIR ROJO", "01279", "608"),
    _of("XOJI740919U48", "INGRID XODAR JIMENEZ", "76028", "605 612"),
)
LISTED: Final = INVENTED + SAT_TEST

Refusal = tuple[str, str]
"""SAT's code and its sense in Spanish."""


@dataclass
class Registry:
    """Who is listed now; a control call can add taxpayers, and take obligations or certificates away."""

    _listed: dict[str, Taxpayer] = field(default_factory=lambda: {each.rfc: each for each in LISTED})
    _revoked: set[str] = field(default_factory=set)
    _without_obligations: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, taxpayers: Iterable[Taxpayer]) -> None:
        """List more taxpayers, or other data of those listed."""
        with self._lock:
            self._listed.update((each.rfc, each) for each in taxpayers)

    def restrict(self, *, revoked: Iterable[str] = (), without_obligations: Iterable[str] = ()) -> None:
        """Set the NoCertificado that are revoked (304) and the RFC without valid obligations (402)."""
        with self._lock:
            self._revoked, self._without_obligations = set(revoked), set(without_obligations)

    def refuse_certificate(self, no_certificado: str, rfc: str) -> Refusal | None:
        """What the LCO says about the issuer: 304, 402 or nothing."""
        with self._lock:
            if no_certificado in self._revoked:
                return "304", "Certificado revocado o caduco."
            if rfc in self._without_obligations:
                return "402", "El RFC del emisor no tiene obligaciones fiscales vigentes (LCO)."
        return None

    def refuse(self, root: etree._Element) -> Refusal | None:
        """The first thing that doesn't match the list, in SAT's order: 40139, 40143, 40145, 40147, 40148, 40158, and
        the retention mark (140224, 140225)."""
        emisor, receptor = root.find("{*}Emisor"), root.find("{*}Receptor")
        if emisor is None or receptor is None:
            return None
        with self._lock:
            listed_emisor = self._listed.get(emisor.get("Rfc", ""))
            listed_receptor = self._listed.get(receptor.get("Rfc", ""))
        for refusal in (
            _emisor(emisor, listed_emisor),
            *_receptor(receptor, listed_receptor),
            _mark(root, emisor, receptor, listed_emisor),
        ):
            if refusal is not None:
                return refusal
        return None


def _emisor(emisor: etree._Element, listed: Taxpayer | None) -> Refusal | None:
    if listed is not None and emisor.get("Nombre") != listed.nombre:
        return "CFDI40139", "El Nombre del emisor no es el que está asociado a su RFC."
    return None


def _receptor(receptor: etree._Element, listed: Taxpayer | None) -> Iterator[Refusal | None]:
    text = receptor.get("Rfc", "")
    try:
        rfc = Rfc.parse(text)
    except RfcInvalid:
        yield "CFDI40143", "El RFC del receptor no está en la lista de RFC inscritos no cancelados."
        return
    if rfc.is_generic:
        return
    if listed is None and not rfc.check_digit_ok:
        yield "CFDI40143", "El RFC del receptor no está en la lista de RFC inscritos no cancelados."
    if listed is not None and receptor.get("Nombre") != listed.nombre:
        yield "CFDI40145", "El Nombre del receptor no es el que está asociado a su RFC."
    cp = receptor.get("DomicilioFiscalReceptor", "")
    if not codes.contains("c_CodigoPostal", cp):
        yield "CFDI40147", "El DomicilioFiscalReceptor no está en la lista de RFC inscritos no cancelados."
    if listed is not None and cp != listed.cp:
        yield "CFDI40148", "El DomicilioFiscalReceptor no es el que está asociado al RFC del receptor."
    if listed is not None and receptor.get("RegimenFiscalReceptor") not in listed.regimenes:
        yield "CFDI40158", "El RegimenFiscalReceptor no corresponde al RFC del receptor."


def _mark(
    root: etree._Element, emisor: etree._Element, receptor: etree._Element, listed: Taxpayer | None
) -> Refusal | None:
    if listed is None or not listed.retencion or emisor.get("RegimenFiscal") != RESICO:
        return None
    if len(receptor.get("Rfc", "")) != 12:
        return None
    rates = [
        [
            node.get("TasaOCuota")
            for node in concepto.iterfind("{*}Impuestos/{*}Retenciones/{*}Retencion[@Impuesto='001']")
        ]
        for concepto in root.iterfind("{*}Conceptos/{*}Concepto")
    ]
    if listed.retencion == 1 and any(rates):
        return "CFDI140224", "El emisor no acepta retención de ISR: quite la Retencion 001."
    if listed.retencion == 2 and not all(RESICO_RATE in found for found in rates):
        return "CFDI140225", "El emisor exige la retención de ISR de 0.012500 en cada concepto."
    return None
