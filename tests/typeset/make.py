"""Builders of printed documents: stamped CFDIs whose seals are only of the right form, tickets and slips.

Typesetting does not verify seals, so nothing is signed here and the same builder always gives the same bytes.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

from emite.cfdi import taxes, timbre, xml
from emite.cfdi.comprobante import Comprobante, Concepto, Emisor, Receptor, Relacionados
from emite.cfdi.representation import representation
from emite.cfdi.taxes import Treatment
from emite.typeset import Amount, Branding, InvoicePrint, Invoicing, SlipPrint, TicketLine, TicketPrint, Venue

UUID = "5FB2822E-396D-4725-8521-CDC4BDD20CCF"
EARLIER = "0A1B2C3D-0001-4D1C-9F00-AAAAAAAAAAAA"
CODE = "7K3MQ9XW2H0DTVN4"
ISSUED = dt.datetime(2026, 11, 22, 14, 5, 33)
STAMPED = dt.datetime(2026, 11, 22, 14, 5, 41)
LEYENDA = "SIN VALOR FISCAL - AMBIENTE DE PRUEBAS"
SERVICES = (
    ("85121600", "E48", "Consulta de medicina especializada", "850.00", Treatment.EXENTO),
    ("85101500", "E48", "Habitación privada estándar, cargo por día", "3200.00", Treatment.IVA16),
    ("51142001", "H87", "Paracetamol 500 mg, caja con 20 tabletas", "48.50", Treatment.IVA0),
    (
        "85121800",
        "E48",
        "Estudio de laboratorio: biometría hemática completa con diferencial y frotis de sangre periférica",
        "1293.10",
        Treatment.IVA16,
    ),
)


def branding(**over: Any) -> Branding:
    data = Branding(
        name="Hospital San Telmo",
        accent="#0b5c6b",
        address="Av. de la Paz 1420, Col. Americana, 44160 Guadalajara, Jalisco",
        contact="33 3615 0000  ·  caja@santelmo.mx",
    )
    return replace(data, **over)


def seal_text(word: str) -> str:
    """256 bytes in base64, as a seal of 2,048 bits is; always the same for a word."""
    return base64.b64encode(b"".join(hashlib.sha256(f"{word}{n}".encode()).digest() for n in range(8))).decode()


def concepto(number: int, **over: Any) -> Concepto:
    clave, unidad, descripcion, price, treatment = SERVICES[number % len(SERVICES)]
    fields: dict[str, Any] = {
        "clave_prod_serv": clave,
        "clave_unidad": unidad,
        "descripcion": descripcion,
        "cantidad": Decimal(1 + number % 3),
        "valor_unitario": Decimal(price),
        "treatment": treatment,
        "no_identificacion": f"ST-{number:03}",
    }
    return taxes.concepto(**fields | over)


def comprobante(lines: int = 1, **over: Any) -> Comprobante:
    mixed = lines > 1
    first = concepto(1, descuento=Decimal("320.00")) if mixed else concepto(1)
    fields: dict[str, Any] = {
        "tipo": "I",
        "fecha": ISSUED,
        "lugar_expedicion": "44160",
        "emisor": Emisor("HST150101AA6", "HOSPITAL SAN TELMO", "601"),
        "receptor": Receptor("MISC491214B86", "CECILIA MIRANDA SANCHEZ", "01010", "612", "D01"),
        "conceptos": (first, *(concepto(number) for number in range(2, lines + 1))),
        "forma_pago": "04",
        "metodo_pago": "PUE",
        "serie": "A",
        "folio": "1024",
        "relacionados": (Relacionados("04", (EARLIER,)),) if mixed else (),
    }
    return Comprobante(**fields | over)


def stamped(document: Comprobante, *, leyenda: str | None = None) -> bytes:
    """The XML with seal and stamp of the right form."""
    root = xml.build(document)
    root.set("NoCertificado", "30001000000500003416")
    root.set("Certificado", seal_text("certificado"))
    root.set("Sello", seal_text("emisor"))
    stamp = timbre.build(
        uuid=UUID,
        fecha_timbrado=STAMPED,
        rfc_prov_certif="SPR190613I52",
        sello_cfd=seal_text("emisor"),
        no_certificado_sat="30001000000400002495",
        sign=lambda cadena: base64.b64decode(seal_text("sat")),
        leyenda=leyenda,
    )
    return timbre.attach(xml.to_bytes(root), stamp)


def invoice(
    lines: int = 1, *, leyenda: str | None = None, over: dict[str, Any] | None = None, **prints: Any
) -> tuple[InvoicePrint, bytes]:
    """What `invoice_pdf` takes: the print and its XML. `over` spoils the comprobante, `prints` the InvoicePrint."""
    data = stamped(comprobante(lines, **over or {}), leyenda=leyenda)
    return InvoicePrint(representation(xml.parse(data)), **{"branding": branding()} | prints), data


def venue() -> Venue:
    address = "Av. de la Paz 1420, Col. Americana\n44160 Guadalajara, Jalisco"
    return Venue("HOSPITAL SAN TELMO", "HST150101AA6", address, "33 3615 0000")


def invoicing(**over: Any) -> Invoicing:
    data = Invoicing(
        code=CODE,
        link="factura.santelmo.mx",
        url=f"https://factura.santelmo.mx/q/{CODE}",
        last_day=dt.date(2026, 11, 25),
    )
    return replace(data, **over)


def ticket(**over: Any) -> TicketPrint:
    data = TicketPrint(
        branding=branding(),
        venue=venue(),
        folio="R-004512",
        issued_at=ISSUED,
        lines=(
            TicketLine(
                "Consulta de medicina especializada", Decimal(1), Decimal("850.00"), Decimal("850.00"), "Exento"
            ),
            TicketLine("Habitación privada estándar", Decimal(2), Decimal("3200.00"), Decimal("6400.00"), "IVA 16 %"),
            TicketLine(
                "Paracetamol 500 mg, caja con 20 tabletas", Decimal(3), Decimal("48.50"), Decimal("145.50"), "IVA 0 %"
            ),
        ),
        subtotal=Decimal("7395.50"),
        discount=Decimal("320.00"),
        taxes=(
            Amount("IVA 16 %", Decimal("972.80"), "sobre $6,080.00"),
            Amount("IVA 0 %", Decimal(0), "sobre $145.50"),
        ),
        total=Decimal("8048.30"),
        payments=(
            Amount("Tarjeta de crédito", Decimal("7000.00"), "aut. 004512"),
            Amount("Efectivo", Decimal("1100.00")),
        ),
        change=Decimal("51.70"),
        cashier="Carmen",
        register="Urgencias 2",
        invoicing=invoicing(),
    )
    return replace(data, **over)


def slip(**over: Any) -> SlipPrint:
    data = SlipPrint(
        branding=branding(),
        venue=venue(),
        folio="P-000731",
        charge_folio="R-004512",
        paid_at=ISSUED,
        payments=(Amount("Efectivo", Decimal("3000.00")),),
        amount=Decimal("3000.00"),
        received=Decimal("3100.00"),
        change=Decimal("100.00"),
        charge_total=Decimal("8048.30"),
        paid=Decimal("3000.00"),
        owed=Decimal("5048.30"),
        cashier="Carmen",
        register="Urgencias 2",
        invoicing=invoicing(when_settled=True),
    )
    return replace(data, **over)
