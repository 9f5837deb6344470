"""Plain builders of CFDI values: each gives a valid one, and a test spoils the one field it is about."""

from __future__ import annotations

import functools
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from emite.cfdi import taxes
from emite.cfdi.certificates import Certificate, Csd
from emite.cfdi.comprobante import Comprobante, Concepto, Emisor, InformacionGlobal, Receptor
from emite.cfdi.csd import open_pair
from emite.cfdi.pagos import DoctoRelacionado, Pago, Pagos, PagosTotales, TrasladoDR, TrasladoP
from emite.cfdi.seal import Sealed, seal
from emite.cfdi.taxes import Treatment
from emite.cfdi.timbre import Timbre, attach, build
from emite.pac.sandbox.authority import TestAuthority

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
FECHA = datetime(2026, 11, 22, 12, 0)
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 12, 31, tzinfo=UTC)
PASSWORD = "contraseña 1"
HOSPITAL = Emisor("HST150101AA6", "HOSPITAL SAN TELMO", "601")
PATIENT = Receptor("MISC491214B86", "CECILIA MIRANDA SANCHEZ", "01010", "612", "D01")
UUID = "5FB2822E-396D-4725-8521-CDC4BDD20CCF"


def concepto(**over: Any) -> Concepto:
    """A consultation of 1,000 pesos before tax."""
    fields: dict[str, Any] = {
        "clave_prod_serv": "85121600",
        "clave_unidad": "E48",
        "descripcion": "Consulta de especialidad",
        "cantidad": Decimal(1),
        "valor_unitario": Decimal("1000.00"),
        "treatment": Treatment.IVA16,
    }
    return taxes.concepto(**(fields | over))


def comprobante(**over: Any) -> Comprobante:
    """A paid invoice of the hospital to a patient."""
    fields: dict[str, Any] = {
        "tipo": "I",
        "fecha": FECHA,
        "lugar_expedicion": "06700",
        "emisor": HOSPITAL,
        "receptor": PATIENT,
        "conceptos": (concepto(),),
        "forma_pago": "04",
        "metodo_pago": "PUE",
        "serie": "R",
        "folio": "1",
    }
    return Comprobante(**(fields | over))


def factura_global(**over: Any) -> Comprobante:
    """A month's global invoice with two tickets."""
    tickets = tuple(
        concepto(
            clave_prod_serv="01010101",
            clave_unidad="ACT",
            descripcion="Venta",
            no_identificacion=f"REM-{number}",
            valor_unitario=Decimal(number),
        )
        for number in (100, 250)
    )
    return comprobante(
        **{
            "receptor": Receptor("XAXX010101000", "PUBLICO EN GENERAL", "06700", "616", "S01"),
            "conceptos": tickets,
            "informacion_global": InformacionGlobal("04", "10", 2026),
            "forma_pago": "01",
        }
        | over
    )


def pago(**over: Any) -> Comprobante:
    """The complement of the first payment, 5,000.00, of an invoice of 11,600.00."""
    base, tax, rate = Decimal("4310.344828"), Decimal("689.655172"), Decimal("0.160000")
    document = DoctoRelacionado(
        uuid=UUID,
        moneda="MXN",
        equivalencia=Decimal(1),
        parcialidad=1,
        saldo_anterior=Decimal("11600.00"),
        pagado=Decimal("5000.00"),
        saldo_insoluto=Decimal("6600.00"),
        objeto_imp="02",
        traslados=(TrasladoDR(base, "002", "Tasa", rate, tax),),
    )
    payment = Pago(
        fecha=FECHA,
        forma_pago="03",
        moneda="MXN",
        monto=Decimal("5000.00"),
        documentos=(document,),
        traslados=(TrasladoP(base, "002", "Tasa", rate, tax),),
    )
    sums = PagosTotales(Decimal("5000.00"), base_iva16=Decimal("4310.34"), impuesto_iva16=Decimal("689.66"))
    line = Concepto("84111506", Decimal(1), "ACT", "Pago", Decimal(0), Decimal(0), "01")
    return comprobante(
        **{
            "tipo": "P",
            "moneda": "XXX",
            "forma_pago": None,
            "metodo_pago": None,
            "receptor": Receptor("EKU9003173C9", "ESCUELA KEMPER URGATE", "42501", "601", "CP01"),
            "conceptos": (line,),
            "pagos": Pagos(sums, (payment,)),
        }
        | over
    )


@functools.cache
def authority() -> TestAuthority:
    """One test authority for the whole run."""
    folder = tempfile.TemporaryDirectory(prefix="emite-authority-")
    opened = TestAuthority.open(Path(folder.name), now=NOW)
    folder.cleanup()
    return opened


def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key made once per run: they cost a tenth of a second each."""
    return _rsa_key(number, bits)


@functools.cache
def _rsa_key(number: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def files(**over: Any) -> tuple[bytes, bytes]:
    """The .cer and .key of a CSD of the hospital."""
    fields: dict[str, Any] = {
        "kind": "CSD",
        "rfc": HOSPITAL.rfc,
        "nombre": HOSPITAL.nombre,
        "password": PASSWORD,
        "not_before": SINCE,
        "not_after": UNTIL,
        "private_key": rsa_key(),
    }
    return authority().issue(**(fields | over))


def csd(rfc: str = HOSPITAL.rfc, number: int = 0) -> Csd:
    """An open CSD of that RFC."""
    return _csd(rfc, number)


@functools.cache
def _csd(rfc: str, number: int) -> Csd:
    cer, key = files(rfc=rfc, private_key=rsa_key(number))
    return open_pair(cer, key, PASSWORD, expected_rfc=rfc, now=NOW)


def sealed(c: Comprobante | None = None) -> Sealed:
    """A sealed document of the hospital."""
    c = c or comprobante()
    return seal(c, csd(c.emisor.rfc))


@functools.cache
def stamp_signer() -> Certificate:
    """The certificate that verifies the stamps of `stamp`."""
    return Certificate.from_der(authority().signer.public_bytes(Encoding.DER))


def stamp(document: Sealed, **over: Any) -> Timbre:
    """A true stamp of a sealed document by the test authority."""
    signer = Csd(stamp_signer(), authority().signer_key)
    fields: dict[str, Any] = {
        "uuid": UUID,
        "fecha_timbrado": datetime(2026, 11, 22, 12, 0, 5),
        "rfc_prov_certif": stamp_signer().rfc,
        "sello_cfd": document.sello,
        "no_certificado_sat": stamp_signer().no_certificado,
        "sign": signer.sign,
    }
    return build(**(fields | over))


def stamped(document: Sealed | None = None) -> bytes:
    """A stamped document of the hospital."""
    document = document or sealed()
    return attach(document.xml, stamp(document))
