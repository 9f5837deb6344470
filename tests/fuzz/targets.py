"""Each parser that reads what a stranger sends, something good to spoil, and the only ways in which it may refuse."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding

from emite.care.sheet import COLUMNS as SERVICES
from emite.cfdi import acuse, cancelacion, check, csd, intake, timbre
from emite.cfdi.authorities import Authority, Realm
from emite.cfdi.xml import XmlRefused, parse
from emite.chargemaster import importing as prices
from emite.chargemaster import tables
from emite.charges.code import new_code, read_code
from emite.charges.sheet import COLUMNS as CHARGES
from emite.charges.sheet import LINE_COLUMNS
from emite.evidence import pasted
from emite.reviews.remittance import COLUMNS as REMITTANCE
from tests.cfdi import make

_OWN = (Authority.of(make.authority().root.public_bytes(Encoding.DER), Realm.SANDBOX),)
_SIGNERS = {make.stamp_signer().no_certificado: make.stamp_signer()}
_CER, _KEY = make.files()
_ASKED = frozenset({make.UUID})


@dataclass(frozen=True)
class Target:
    """`read` takes any bytes and either returns or raises one of `refusals`."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    refusals: tuple[type[Exception], ...] = ()


def _rows(columns: tuple[str, ...]) -> Callable[[bytes], object]:
    return lambda data: list(tables.read(io.BytesIO(data), columns).rows)


def _table(columns: tuple[str, ...]) -> bytes:
    head, row = ",".join(columns), ",".join(f'"ñ{n}, =1"' for n, _ in enumerate(columns))
    return f"{head}\n{row}\n{row.replace('=', '@')}\n".encode()


def _csd(cer: bytes, key: bytes) -> object:
    return csd.open_pair(cer, key, make.PASSWORD, expected_rfc=None, now=make.NOW)


_XML = (make.stamped(), make.stamped(make.sealed(make.pago())), make.sealed(make.factura_global()).xml)
_CANCELLING = cancelacion.sign(
    cancelacion.Cancelacion(make.HOSPITAL.rfc, make.FECHA, (cancelacion.Folio(make.UUID, "02"),)), make.csd()
)
_PRICES = b"codigo,descripcion,clave_sat,unidad,precio,iva\nC1,Consulta,85121600,E48,500.00,exento\n"

TARGETS = {
    "cfdi": Target(check.check_file, _XML, (XmlRefused,)),
    "cfdi-externo": Target(lambda data: intake.read(data, authorities=_OWN, signers=_SIGNERS), _XML),
    "timbre": Target(lambda data: timbre.read(parse(data)), _XML[:1], (XmlRefused, timbre.StampInvalid)),
    "acuse": Target(
        lambda data: acuse.read(data, rfc_emisor=make.HOSPITAL.rfc, uuids=_ASKED),
        (acuse.build(acuse.Acuse(make.HOSPITAL.rfc, make.FECHA, {make.UUID: "201"}), b"secret"),),
        (acuse.AcuseInvalid,),
    ),
    "cancelacion": Target(cancelacion.verify, (_CANCELLING,), (cancelacion.CancelacionInvalid, XmlRefused)),
    "cer": Target(lambda data: _csd(data, _KEY), (_CER,), (csd.CsdRefused,)),
    "key": Target(lambda data: _csd(_CER, data), (_KEY,), (csd.CsdRefused,)),
    "precios": Target(lambda data: prices.understand(io.BytesIO(data)), (_PRICES,), (tables.TableRefused,)),
    "remisiones": Target(
        _rows(CHARGES), (_table(tuple(dict.fromkeys((*CHARGES, *LINE_COLUMNS)))),), (tables.TableRefused,)
    ),
    "servicios": Target(_rows(SERVICES), (_table(SERVICES),), (tables.TableRefused,)),
    "remesa": Target(_rows(REMITTANCE), (_table(REMITTANCE),), (tables.TableRefused,)),
    "pegado": Target(
        lambda data: pasted.read(data.decode("utf-8", "replace"), {"hm101": {"a"}}), (b"HM-101 $1,234.50\nHM-102\n",)
    ),
    "codigo": Target(lambda data: read_code(data.decode("utf-8", "replace")), (new_code().encode(),)),
}

_DICTIONARY = (
    b"<", b">", b"&", b"]]>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<!--", b"\0", b"\xff\xfe", b"\xef\xbb\xbf",
    b'"', b"'", b"\n", b"\r", b",", b";", b"\t", b"=cmd()", b"0x", b"-1", b"1e999999", b"9" * 40, b"NaN", b"0" * 5000,
    b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", b"\x02\x01\x00", b"A" * 70_000, "ñ".encode(), "İ".encode(), b"\xc3",
    b"xmlns:cfdi='a'", b"UUID='", b"<a>" * 300,
)  # fmt: skip


def spoil(data: bytes, chance: random.Random) -> bytes:
    """The same with a few of the changes that break parsers."""
    spoilt = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(spoilt) + 1)
        match chance.randrange(6):
            case 0:
                spoilt[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                spoilt[at : at + chance.choice((1, 4, 40, 4000))] = b""
            case 2:
                spoilt[at:at] = chance.choice(_DICTIONARY)
            case 3:
                spoilt[at : at + chance.randrange(20)] = chance.choice(_DICTIONARY)
            case 4:
                size, to = chance.choice((4, 40, 400)), chance.randrange(len(spoilt) + 1)
                spoilt[to:to] = spoilt[at : at + size]
            case 5 if at < len(spoilt):
                spoilt[at] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def feed(target: Target, data: bytes) -> bool:
    """Whether it was taken. Raises whatever is no refusal."""
    try:
        target.read(data)
    except target.refusals:
        return False
    return True
