"""Random documents from a seed: every treatment mixed per line, discounts, retentions, 0 to 6 decimals, hostile texts,
and the shapes of type E, type P and the global invoice. The same number always gives the same document."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import cache

from emite.cfdi import codes, egresos, money, notas, taxes
from emite.cfdi.comprobante import Comprobante, Concepto, Emisor, InformacionGlobal, Receptor, Relacionados
from emite.cfdi.notas import Reason
from emite.cfdi.pagos import DoctoRelacionado, Pago, Pagos, PagosTotales, RetencionDR, RetencionP, TrasladoDR, TrasladoP
from emite.cfdi.rfc import EXTRANJERO, PUBLICO_EN_GENERAL
from emite.cfdi.taxes import ISR_HONORARIOS, ISR_RESICO, IVA_DOS_TERCIOS, RetencionRate, Treatment

D = Decimal
EMISORES = (
    Emisor("HST150101AA6", "HOSPITAL SAN TELMO", "601"),
    Emisor("ÑO&920208KL4", "CLÍNICA ÑO & HIJOS «LA 'BUENA' <VIDA>»", "603"),
    Emisor("MISC491214B86", "CECILIA MIRANDA SANCHEZ", "612"),
    Emisor("RAQÑ7701212M3", "ÑEVES RAMIREZ QUEZADA", "626"),
)
_WORDS = [
    "Consulta",
    "Urgencias",
    "<b>Sutura</b>",
    "Medicamento & material",
    'Niño "recién nacido"',
    "Radiografía",
    "d'Acosta",
    "100 %",
    "😀",
    "Día-cama",
    "\xa0Quirófano",
    "Ultrasonido  doble",
    "Curación\ttabulada",
    "Línea\nnueva",
    "]]>",
    "&amp;",
    "Ññ áéíóú üÜ",
    "€",
]
_NAMES = [
    "JUAN PÉREZ LÓPEZ",
    "MARÍA Ñ. DE LA O",
    "A & B",
    "O'HIGGINS SALUD",
    '"LA COMILLA"',
    "<SIN ETIQUETA>",
    "S & SOFTWARE",
    "X",
    "ASOCIACIÓN DE USUARIOS DE AGUAS  DEL NORTE",
]
_KEYS = ("85121600", "85121502", "85101501", "85121800", "51101500", "42311500", "84111506")
_UNITS = ("E48", "ACT", "H87", "DAY", "HUR", "XBX")
_TREATMENTS = (*Treatment, Treatment.IVA16, Treatment.EXENTO)


def document(number: int) -> Comprobante:
    """The `number`-th document."""
    chance = random.Random(number)
    shape: Callable[[random.Random], Comprobante] = chance.choices(
        (invoice, _refund, _global, _payment), weights=(76, 10, 6, 8)
    )[0]
    return shape(chance)


@cache
def _postal_codes() -> tuple[str, ...]:
    return tuple(sorted(codes.keys("c_CodigoPostal")))


def _fecha(chance: random.Random) -> datetime:
    return datetime(2026, 1, 2) + timedelta(seconds=chance.randrange(300 * 86_400))


def _rfc(chance: random.Random, *, moral: bool) -> str:
    letters = "".join(chance.choice("ABCDEFGHIJKLMNÑOPQRSTUVWXYZ&") for _ in range(3 if moral else 4))
    tail = "".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(2))
    return (
        f"{letters}{chance.randrange(100):02d}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}{tail}"
        f"{chance.choice('0123456789A')}"
    )


def _receptor(chance: random.Random, lugar: str) -> Receptor:
    kind = chance.random()
    if kind < 0.06:
        return Receptor(PUBLICO_EN_GENERAL, chance.choice(_NAMES), lugar, "616", "S01")
    if kind < 0.1:
        return Receptor(EXTRANJERO, "JOHN DOE", lugar, "616", "S01", residencia_fiscal="USA")
    person: codes.Person = chance.choice(("F", "M"))
    regimen = chance.choice(codes.regimenes(person))
    uso = chance.choice(codes.usos(person, regimen))
    return Receptor(
        _rfc(chance, moral=person == "M"), chance.choice(_NAMES), chance.choice(_postal_codes()), regimen, uso
    )


def _amount(chance: random.Random, most: int, places: int) -> Decimal:
    return D(chance.randint(1, most * 10**places)).scaleb(-places)


def _line(chance: random.Random, retentions: tuple[RetencionRate, ...]) -> Concepto:
    quantity = chance.choice((D(1), D(1), D(chance.randint(1, 40)), _amount(chance, 5, chance.randint(0, 6))))
    price = _amount(chance, chance.choice((1, 50, 5_000, 900_000)), chance.randint(0, 6))
    gross = money.half_up(quantity * price, 6)
    discount = D(0)
    if chance.random() < 0.25:
        part = chance.choice((D("0.1"), D("0.5"), D("0.333333"), D(1)))
        discount = (gross * part).quantize(D(1).scaleb(-chance.randint(0, 6)), ROUND_DOWN)
    description = " ".join(chance.choice(_WORDS) for _ in range(chance.choice((1, 3, 8, 40)))).strip()
    return taxes.concepto(
        clave_prod_serv=chance.choice(_KEYS),
        clave_unidad=chance.choice(_UNITS),
        descripcion=description,
        cantidad=quantity,
        valor_unitario=price,
        treatment=chance.choice(_TREATMENTS),
        descuento=discount,
        retenciones=retentions,
        no_identificacion=chance.choice((None, "99213", "Ñ-&<1>")),
        unidad=chance.choice((None, "Servicio", "Caja & pieza")),
    )


def _lines(chance: random.Random, emisor: Emisor, receptor: Receptor) -> tuple[Concepto, ...]:
    retentions: tuple[RetencionRate, ...] = ()
    if len(emisor.rfc) == 13 and len(receptor.rfc) == 12:
        retentions = (ISR_HONORARIOS if emisor.regimen_fiscal == "612" else ISR_RESICO, IVA_DOS_TERCIOS)
    return tuple(_line(chance, retentions) for _ in range(chance.choices((1, 2, 3, 10, 40), (40, 25, 20, 12, 3))[0]))


def invoice(chance: random.Random) -> Comprobante:
    """An ingreso of any shape."""
    emisor, lugar = chance.choice(EMISORES), chance.choice(_postal_codes())
    receptor = _receptor(chance, lugar)
    deferred = chance.random() < 0.3
    moneda = chance.choices(("MXN", "USD", "JPY"), (92, 5, 3))[0]
    return Comprobante(
        tipo="I",
        fecha=_fecha(chance),
        lugar_expedicion=lugar,
        emisor=emisor,
        receptor=receptor,
        conceptos=_lines(chance, emisor, receptor),
        forma_pago="99" if deferred else chance.choice(("01", "02", "03", "04", "28", "29")),
        metodo_pago="PPD" if deferred else "PUE",
        serie=chance.choice((None, "A", "SERIE-Ñ&<1>")),
        folio=chance.choice((None, "1", "000123")),
        moneda=moneda,
        tipo_cambio=None if moneda == "MXN" else _amount(chance, 20, 6),
        condiciones_de_pago=chance.choice((None, "Pago a 30 días", "  30 < 60 &  más ")),
        relacionados=_related(chance) if chance.random() < 0.1 else (),
    )


def _related(chance: random.Random, tipo: str = "04") -> tuple[Relacionados, ...]:
    return (Relacionados(tipo, tuple(_uuid(chance) for _ in range(chance.randint(1, 3)))),)


def _uuid(chance: random.Random) -> str:
    text = f"{chance.getrandbits(128):032X}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _refund(chance: random.Random) -> Comprobante:
    """A nota de crédito on a random invoice, or on a sale of a factura global: one of several parts of it, or all."""
    original = replace(invoice(chance), moneda="MXN", tipo_cambio=None)
    on_global = chance.random() < 0.3
    left = egresos.parts_of(original)
    if on_global:
        sale = chance.choice(_global(chance).conceptos)
        cents = replace(sale, importe=money.half_up(sale.importe, 2) or D("0.01"))
        left = egresos.parts_of_sale(_in_cents(cents))
    for _ in range(chance.choice((0, 0, 1, 3))):
        taken = {part.position: part for part in _some(chance, left)}
        left = tuple(part.less(taken[part.position]) if part.position in taken else part for part in left)
    parts = _some(chance, left) if chance.random() < 0.5 else egresos.take_all(left)
    about = {
        # What applies a deposit is made by a door of its own.
        "reason": chance.choice(
            [each for each in Reason if each is not Reason.ANTICIPO and (each is not Reason.LATE or on_global)]
        ),
        "forma_pago": chance.choice(("01", "03", "15")),
        "emisor": original.emisor,
        "lugar_expedicion": original.lugar_expedicion,
        "fecha": original.fecha,
    }
    if not parts:
        return _refund(chance)
    if on_global:
        return notas.of_global("REM-000123", _uuid(chance), parts, **about)
    return notas.of_invoice(original, _uuid(chance), parts, **about)


def _in_cents(sale: Concepto) -> Concepto:
    """The sale as a factura global has it: with the cents of its ticket."""
    taxed = tuple(
        replace(
            tax,
            base=sale.importe,
            importe=None if tax.tasa_o_cuota is None else money.half_up(sale.importe * tax.tasa_o_cuota, 2),
        )
        for tax in sale.traslados
    )
    return replace(sale, traslados=taxed)


def _some(chance: random.Random, left: tuple[egresos.Part, ...]) -> tuple[egresos.Part, ...]:
    """Some of what is left; nothing when that cannot be split."""
    amount = money.half_up(egresos.total(left) * D(chance.randint(1, 99)) / 100, 2)
    try:
        return egresos.take_amount(left, amount)
    except egresos.CannotSplit:
        return ()


def _global(chance: random.Random) -> Comprobante:
    lugar = chance.choice(_postal_codes())
    tickets = tuple(
        taxes.concepto(
            clave_prod_serv="01010101",
            clave_unidad="ACT",
            descripcion="Venta",
            no_identificacion=f"REM-{number:06d}",
            cantidad=D(1),
            valor_unitario=_amount(chance, 5_000, chance.choice((2, 6))),
            treatment=chance.choice(_TREATMENTS),
        )
        for number in range(chance.choice((1, 5, 60)))
    )
    return Comprobante(
        tipo="I",
        fecha=_fecha(chance),
        lugar_expedicion=lugar,
        emisor=chance.choice(EMISORES[:2]),
        receptor=Receptor(PUBLICO_EN_GENERAL, "PUBLICO EN GENERAL", lugar, "616", "S01"),
        conceptos=tickets,
        forma_pago="01",
        metodo_pago="PUE",
        informacion_global=InformacionGlobal("04", f"{chance.randint(1, 12):02d}", 2026),
    )


def _payment(chance: random.Random) -> Comprobante:
    """A payment in full of a document of one taxed and withheld base, and one exempt."""
    base, exempt = _amount(chance, 90_000, 2), _amount(chance, 9_000, 2)
    tax, withheld = taxes.tax_amount(base, D("0.160000")), taxes.tax_amount(base, D("0.012500"))
    paid = money.half_up(base + exempt + tax - withheld, 2)
    document = DoctoRelacionado(
        uuid=_uuid(chance),
        moneda="MXN",
        equivalencia=D(1),
        parcialidad=chance.randint(1, 9),
        saldo_anterior=paid,
        pagado=paid,
        saldo_insoluto=D("0.00"),
        objeto_imp="02",
        serie=chance.choice((None, "Ñ&")),
        folio=chance.choice((None, "77")),
        traslados=(
            TrasladoDR(base, "002", "Tasa", D("0.160000"), tax),
            TrasladoDR(exempt, "002", "Exento"),
        ),
        retenciones=(RetencionDR(base, "001", "Tasa", D("0.012500"), withheld),),
    )
    fecha = _fecha(chance)
    payment = Pago(
        fecha=fecha - timedelta(days=1),
        forma_pago="03",
        moneda="MXN",
        monto=paid,
        documentos=(document,),
        num_operacion=chance.choice((None, "SPEI <0001> & más")),
        traslados=(
            TrasladoP(base, "002", "Tasa", D("0.160000"), tax),
            TrasladoP(exempt, "002", "Exento"),
        ),
        retenciones=(RetencionP("001", withheld),),
    )
    sums = PagosTotales(
        monto_total_pagos=paid,
        retenciones_isr=money.half_up(withheld, 2),
        base_iva16=base,
        impuesto_iva16=money.half_up(tax, 2),
        base_iva_exento=exempt,
    )
    return Comprobante(
        tipo="P",
        fecha=fecha,
        lugar_expedicion=chance.choice(_postal_codes()),
        emisor=EMISORES[3],
        receptor=Receptor(
            _rfc(chance, moral=True), chance.choice(_NAMES), chance.choice(_postal_codes()), "601", "CP01"
        ),
        conceptos=(Concepto("84111506", D(1), "ACT", "Pago", D(0), D(0), "01"),),
        moneda="XXX",
        pagos=Pagos(sums, (payment,)),
    )
