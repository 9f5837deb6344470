"""`emite check`: everything that can be said of a CFDI 4.0 without asking anybody, sealed or stamped, ours or foreign.

The rules are in `rules/`, the schema in `schema.py`, the seal in `seal.py`, the stamp in `timbre.py`. No database.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from lxml import etree

from emite.cfdi import authorities as known_authorities
from emite.cfdi import rules, schema, seal, timbre
from emite.cfdi.authorities import Authority, Realm
from emite.cfdi.certificates import Certificate
from emite.cfdi.codes import SatDataMissing
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.xml import CFDI, TFD, XmlRefused, parse
from emite.cfdi.zones import local_now

# A global invoice of 10,000 tickets has 7 MB and 80,000 nodes; beyond these bounds a file is not worth reading.
MAX_BYTES: Final = 64_000_000
MAX_NODES: Final = 1_000_000

CLEAN, WRONG, UNREADABLE = 0, 1, 2

_C: Final = f"{{{CFDI}}}"
_TFD_TAG: Final = f"{{{TFD}}}TimbreFiscalDigital"
_TFD_AT: Final = "/cfdi:Comprobante/cfdi:Complemento/tfd:TimbreFiscalDigital"
_AHEAD: Final = timedelta(hours=1, minutes=5)  # PACs admit some minutes, and an hour where two zones meet
_MAGIC: Final = (
    (b"%PDF", "un PDF: entregue el XML, el PDF es solo su impresión"),
    (b"PK\x03\x04", "un ZIP: descomprímalo y entregue el XML que trae"),
    (b"\x1f\x8b", "un archivo comprimido: descomprímalo y entregue el XML que trae"),
    (b"\x89PNG", "una imagen: entregue el XML"),
    (b"\xff\xd8\xff", "una imagen: entregue el XML"),
    (b"-----BEGIN", "un certificado o una llave: entregue el XML"),
    (b"0\x82", "un certificado o una llave: entregue el XML"),
)


def check_file(
    data: bytes,
    *,
    authorities: Iterable[Authority] = (),
    signers: Mapping[str, Certificate] | None = None,
    now: datetime | None = None,
) -> list[Fault]:
    """Every fault of a CFDI 4.0 as it came: rules, schema, seal, certificate and stamp. Raises XmlRefused.

    `authorities` are the installation's own, beside SAT's; `signers` the stamp certificates it knows, by number, so
    that SelloSAT can be verified. With `now` (aware) a Fecha in the future is an AVISO. XmlRefused says that the bytes
    are no CFDI 4.0 at all: no XML, another version, another document.
    """
    root = read(data)
    faults = [*rules.check(root, tipo_check="foreign"), *schema.validate(root)]
    if root.get("Sello", "").strip():
        faults += _seal_faults(root, authorities)
    else:
        faults.append(
            Fault("302", "El comprobante no está sellado: el campo Sello está vacío.", "/cfdi:Comprobante/@Sello")
        )
    faults += _stamp_faults(root, signers or {})
    if now is not None and next(root.iter(_TFD_TAG), None) is None:
        faults += _date_faults(root, now)
    return _without_repeats(faults)


def read(data: bytes) -> etree._Element:
    """The root of a CFDI 4.0. Raises XmlRefused when the bytes are something else, and says what."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:20]
    if not start:
        raise XmlRefused("El archivo está vacío.")
    for magic, what in _MAGIC:
        if start.startswith(magic):
            raise XmlRefused(f"El archivo es {what}.")
    root = parse(data, max_bytes=MAX_BYTES, max_nodes=MAX_NODES)
    if root.tag != f"{_C}Comprobante":
        raise XmlRefused(_other_document(root))
    return root


def _other_document(root: etree._Element) -> str:
    name = etree.QName(root)
    version = (root.get("Version") or root.get("version") or "").strip()[:10]
    namespace = name.namespace or ""
    if name.localname == "Comprobante" and namespace.startswith("http://www.sat.gob.mx/cfd/"):
        return f"El archivo es un CFDI de otra versión ({version or namespace[-1]}): aquí se revisa CFDI 4.0."
    if name.localname == "Retenciones":
        return "El archivo es un CFDI de retenciones e información de pagos: aquí se revisa CFDI 4.0."
    return f"El archivo no es un CFDI 4.0: su raíz es {name.localname[:40]} y debe ser cfdi:Comprobante."


def _seal_faults(root: etree._Element, authorities: Iterable[Authority]) -> list[Fault]:
    faults = []
    for fault in seal.verify(root):
        faults.append(fault)
        if fault.code == "302":  # the PACs' number and the matrix's code name the same fault: people search for both
            faults.append(Fault("CFDI40102", fault.message, fault.xpath))
    certificate = seal.certificate_of(root)
    if certificate is not None and not certificate.issued_by(known_authorities.known(authorities)):
        message = (
            "El certificado no es del SAT, ni de sus pruebas, ni de esta instalación: su autoridad es desconocida."
        )
        faults.append(Fault("308", message, "/cfdi:Comprobante/@Certificado", Severity.AVISO))
    return faults


def _stamp_faults(root: etree._Element, signers: Mapping[str, Certificate]) -> list[Fault]:
    nodes = list(root.iter(_TFD_TAG))
    if not nodes:
        return []
    try:
        stamp = timbre.read(root)
    except timbre.StampInvalid:
        if len(nodes) > 1:
            message = "El comprobante trae más de un timbre: debe llevar uno solo."
        else:
            message = "El timbre está incompleto o fuera de su lugar: debe ser el que entregó el PAC, en Complemento."
        return [Fault("EMI201", message, _TFD_AT)]
    if stamp is None:
        return []
    faults = []
    if stamp.sello_cfd != root.get("Sello", "").strip():
        message = "El SelloCFD del timbre no es el Sello del comprobante: el timbre es de otro documento."
        faults.append(Fault("EMI202", message, f"{_TFD_AT}/@SelloCFD"))
    signer = signers.get(stamp.no_certificado_sat)
    if signer is not None and not timbre.verifies(nodes[0], signer):
        message = "El SelloSAT no corresponde al timbre: se modificó después de timbrarlo."
        faults.append(Fault("EMI203", message, f"{_TFD_AT}/@SelloSAT"))
    return faults


def _date_faults(root: etree._Element, now: datetime) -> list[Fault]:
    try:
        fecha = datetime.fromisoformat(root.get("Fecha", ""))
        ahead = fecha > local_now(now, root.get("LugarExpedicion", "").strip()) + _AHEAD
    except (ValueError, TypeError):  # a Fecha or a LugarExpedicion with a fault of its own
        return []
    if not ahead:
        return []
    message = f"La Fecha ({fecha.isoformat()}) está en el futuro para el lugar de expedición: el PAC la rechazaría."
    return [Fault("401", message, "/cfdi:Comprobante/@Fecha", Severity.AVISO)]


def _without_repeats(faults: Iterable[Fault]) -> list[Fault]:
    """One fault for each code and place: the rule's words before the schema's."""
    kept: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        kept.setdefault((fault.code, fault.xpath), fault)
    return list(kept.values())


def own_trust(folder: Path) -> tuple[tuple[Authority, ...], dict[str, Certificate]]:
    """The installation's test authority and its stamp signers, from the .cer files of `folder`; nothing if it has none.

    A .cer that cannot be read is passed over: it would only leave a certificate unknown, which is an AVISO.
    """
    found: list[Authority] = []
    signers: dict[str, Certificate] = {}
    for path in sorted(folder.glob("*.cer")):
        try:
            der = path.read_bytes()
            certificate = Certificate.from_der(der)
        except (OSError, ValueError) as error:
            print(f"{path}: AVISO: no se pudo leer el certificado ({error}).", file=sys.stderr)
            continue
        signers[certificate.no_certificado] = certificate
        if not certificate.is_csd:
            found.append(Authority.of(der, Realm.SANDBOX))
    return tuple(found), signers


def main(argv: Sequence[str], *, trust_dir: Path | None = None) -> int:
    """`emite check [--strict] FILE…`: prints one line for each fault and returns the exit code; the worst file wins.

    0 clean or AVISO alone (1 with --strict), 1 errors, 2 unreadable. `trust_dir` holds the .cer of the installation's
    test authority (`ops/check.py` names it); without it only SAT's authorities are known.
    """
    parser = argparse.ArgumentParser(prog="emite check", description="Revisa CFDI 4.0 sin conexión ni base de datos.")
    parser.add_argument("--strict", action="store_true", help="los avisos también cuentan como error")
    parser.add_argument("files", nargs="*", metavar="ARCHIVO", help="XML de un CFDI 4.0, sellado o timbrado")
    try:
        options = parser.parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    if not options.files:
        print("Diga qué revisar: emite check [--strict] ARCHIVO…", file=sys.stderr)
        return UNREADABLE
    own, signers = own_trust(trust_dir) if trust_dir is not None else ((), {})
    try:
        return max(_check_path(name, own, signers, strict=options.strict) for name in options.files)
    except SatDataMissing as missing:
        print(missing, file=sys.stderr)
        return UNREADABLE


def _check_path(name: str, own: Iterable[Authority], signers: Mapping[str, Certificate], *, strict: bool) -> int:
    try:
        faults = check_file(_bounded(Path(name)), authorities=own, signers=signers)
    except (XmlRefused, OSError) as error:
        message = error.message if isinstance(error, XmlRefused) else f"No se pudo leer: {error.strerror or error}."
        _print(name, Fault("301", message, "/"))
        return UNREADABLE
    for fault in faults:
        _print(name, fault)
    if any(fault.severity is Severity.ERROR for fault in faults) or (faults and strict):
        return WRONG
    return CLEAN


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _print(name: str, fault: Fault) -> None:
    # One line per fault whatever the document carries: a value may hold a line feed or a control character.
    line = "".join(character if character.isprintable() else " " for character in f"{name}: {fault}")
    print(line.encode(sys.stdout.encoding or "utf-8", "replace").decode(sys.stdout.encoding or "utf-8"))
