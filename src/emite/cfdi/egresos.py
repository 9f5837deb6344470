"""What can be credited of an ingreso, in cents, so that several egresos never exceed it and the last one closes it.

An ingreso rounds its sums once; lines with six decimals cannot be taken back in parts without losing a cent somewhere.
So each line is first seen in cents whose sums are those printed, and every egreso takes cents of that. The document
that carries them is built in `notas.py`. Source: Guía de llenado del Anexo 20, Apéndice 5; docs/sat/egresos.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import Final

from emite.cfdi import money
from emite.cfdi.comprobante import Comprobante, Concepto, Retencion, Traslado

CENT: Final = Decimal("0.01")
_HALF: Final = Decimal("0.005")
_OPEN: Final = Decimal("0.000000000001")
_CENTS: Final = 2
_FINE: Final = 18
#: More Conceptos than this are never needed to write one line's rest within SAT's limits.
_PIECES: Final = 60


class CannotSplit(ValueError):
    """The amount is not one that these lines can give: more than is left, or a cent that no legal line can carry."""


@dataclass(frozen=True, slots=True)
class Share:
    """A tax of a part, in cents. `sign` is 1 for a traslado and -1 for a retención; Exento has no `tasa`."""

    sign: int
    impuesto: str
    tipo_factor: str
    tasa: Decimal | None
    amount: Decimal

    @property
    def key(self) -> str:
        """How its balance is named: T002Tasa0.160000."""
        rate = "" if self.tasa is None else money.text(self.tasa, 6)
        return f"{'T' if self.sign > 0 else 'R'}{self.impuesto}{self.tipo_factor}{rate}"


@dataclass(frozen=True, slots=True)
class Part:
    """What one line of the ingreso is worth, or some of it. `base` is after discount, before taxes."""

    position: int
    line: Concepto
    base: Decimal
    shares: tuple[Share, ...] = ()

    @property
    def total(self) -> Decimal:
        return self.base + money.total(share.sign * share.amount for share in self.shares)

    def less(self, taken: Part) -> Part:
        """What is left after `taken`, a part of this one."""
        pairs = zip(self.shares, taken.shares, strict=True)
        shares = tuple(replace(mine, amount=mine.amount - theirs.amount) for mine, theirs in pairs)
        return replace(self, base=self.base - taken.base, shares=shares)


def parts_of(comprobante: Comprobante) -> tuple[Part, ...]:
    """Each Concepto of an ingreso in cents: the sums are those of the document to the cent."""
    if comprobante.moneda != "MXN":
        raise CannotSplit("solo se acreditan comprobantes en pesos")
    sums = comprobante.totals
    bases = _bases(comprobante.conceptos, sums.sub_total - (sums.descuento or money.ZERO))
    parts = [
        Part(position, line, bases[position], tuple(_shares(line)))
        for position, line in enumerate(comprobante.conceptos)
    ]
    for tax in sums.traslados:
        if tax.importe is not None:
            _spread_tax(parts, 1, (tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota), tax.importe)
    for held in sums.retenciones:
        _spread_tax(parts, -1, (held.impuesto, None, None), held.importe)
    return tuple(parts)


def parts_of_sale(sale: Concepto) -> tuple[Part, ...]:
    """The Concepto of one sale in a factura global: a part per treatment, because each has a base of its own."""
    net = sale.importe - (sale.descuento or money.ZERO)
    weights = [tax.base for tax in sale.traslados]
    rest = net - money.total(weights)
    if not weights or rest > CENT * len(weights):
        weights.append(rest)
    bases = _spread(net, weights)
    shares: list[tuple[Share, ...]] = [
        (Share(1, tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota, tax.importe or money.ZERO),)
        for tax in sale.traslados
    ]
    shares += [()] * (len(weights) - len(shares))
    return tuple(Part(at, sale, base, own) for at, (base, own) in enumerate(zip(bases, shares, strict=True)))


def total(parts: Iterable[Part]) -> Decimal:
    """What the parts are worth with their taxes."""
    return money.total(part.total for part in parts)


def take_all(left: Sequence[Part]) -> tuple[Part, ...]:
    """Everything that is left."""
    return tuple(part for part in left if part.base > 0)


def take_amount(left: Sequence[Part], amount: Decimal) -> tuple[Part, ...]:
    """`amount` with taxes, from every line in proportion to what is left of it. Raises CannotSplit."""
    whole = total(left)
    if not money.ZERO < amount <= whole or amount != money.half_up(amount, _CENTS):
        raise CannotSplit(f"de {whole} no se toma {amount}")
    weights = [money.over(money.times(amount, part.total), whole, _FINE) for part in left]
    wanted = _spread(amount, weights)
    return tuple(_of_total(part, gross) for part, gross in zip(left, wanted, strict=True) if gross > 0)


def take_quantity(part: Part, left: Part, quantity: Decimal) -> Part:
    """So many units of a line; all that is left when they are all it had. Raises CannotSplit."""
    if not money.ZERO < quantity <= part.line.cantidad:
        raise CannotSplit(f"la línea tiene {part.line.cantidad}, no {quantity}")
    base = money.over(money.times(part.base, quantity), part.line.cantidad, _CENTS)
    if quantity == part.line.cantidad or base == left.base:
        return left
    if not money.ZERO < base < left.base:
        raise CannotSplit(f"de la línea quedan {left.base}, no {base}")
    chosen = [_nearest(share, left, base) for share in left.shares]
    return replace(left, base=base, shares=tuple(chosen))


def same_taxes(left: Sequence[Part], like: Part) -> tuple[Part, ...]:
    """Those that are taxed as `like` is and have something left."""
    kind = [share.key for share in like.shares]
    return tuple(part for part in left if part.base > 0 and [share.key for share in part.shares] == kind)


def take_as_one(left: Sequence[Part], amount: Decimal) -> tuple[Part, tuple[Part, ...]]:
    """`amount` with taxes as the one part that a single Concepto writes, and what that takes of each of `left`.

    `left` are taxed alike. Raises CannotSplit.
    """
    if not left or not money.ZERO < amount <= total(left) or amount != money.half_up(amount, _CENTS):
        raise CannotSplit(f"de {total(left)} no se toma {amount}")
    bases = [part.base for part in left]
    rows = list(zip(*(part.shares for part in left), strict=True))
    sums = tuple(replace(row[0], amount=money.total(share.amount for share in row)) for row in rows)
    one = _of_total(replace(left[0], base=money.total(bases), shares=sums), amount)
    if any(not low <= share.amount <= high for share in one.shares for low, high in (_limits(share, one.base),)):
        raise CannotSplit(f"los impuestos de {amount} no caben en los límites del SAT")
    own_bases = _in_proportion(one.base, bases)
    closed = [own == base for own, base in zip(own_bases, bases, strict=True)]
    own_taxes = [
        _with_their_bases(share.amount, [each.amount for each in row], closed)
        for share, row in zip(one.shares, rows, strict=True)
    ]
    taken = []
    for at, part in enumerate(left):
        shares = tuple(replace(share, amount=own_taxes[n][at]) for n, share in enumerate(part.shares))
        taken.append(replace(part, base=own_bases[at], shares=shares))
    return one, tuple(taken)


def _with_their_bases(amount: Decimal, of: Sequence[Decimal], closed: Sequence[bool]) -> list[Decimal]:
    """The same of a tax; a line whose base is taken whole keeps no tax, which nothing could credit without a base."""
    whole = money.total(each for each, shut in zip(of, closed, strict=True) if shut)
    if not money.ZERO <= amount - whole <= money.total(of) - whole:
        return _in_proportion(amount, of)
    open_ones = [money.ZERO if shut else each for each, shut in zip(of, closed, strict=True)]
    rest = _in_proportion(amount - whole, open_ones)
    return [each if shut else own for each, shut, own in zip(of, closed, rest, strict=True)]


def _in_proportion(amount: Decimal, of: Sequence[Decimal]) -> list[Decimal]:
    """Cents of `amount` for each of those that are at least that together; never more than it has."""
    whole = money.total(of)
    return _spread(amount, [money.over(money.times(amount, each), whole, _FINE) if whole else whole for each in of])


def conceptos_of(part: Part) -> Iterator[Part]:
    """The part in as many pieces as it takes for each tax to be within SAT's limits of its base: one, nearly always."""
    for pieces in range(1, _PIECES):
        bases = _spread(part.base, [money.over(part.base, Decimal(pieces), _FINE)] * pieces)
        shares = [_in_pieces(share, bases) for share in part.shares]
        if all(each is not None for each in shares) and min(bases) > 0:
            for at, base in enumerate(bases):
                yield replace(part, base=base, shares=tuple(each[at] for each in shares if each is not None))
            return
    raise CannotSplit(f"los impuestos de {part.base} no caben en los límites del SAT")


def _in_pieces(share: Share, bases: Sequence[Decimal]) -> list[Share] | None:
    limits = [_limits(share, base) for base in bases]
    left, found = share.amount, []
    for at, (low, high) in enumerate(limits):
        later = money.total(least for least, _ in limits[at + 1 :])
        amount = max(low, min(high, left - later))
        found.append(replace(share, amount=amount))
        left -= amount
    return found if not left else None


def _shares(line: Concepto) -> Iterator[Share]:
    """Its taxes, still without amounts."""
    for tax in line.traslados:
        yield Share(1, tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota, money.ZERO)
    for held in line.retenciones:
        yield Share(-1, held.impuesto, held.tipo_factor, held.tasa_o_cuota, money.ZERO)


def _bases(lines: Sequence[Concepto], net: Decimal) -> list[Decimal]:
    """Each line's Importe less Descuento in cents: first the kinds of tax agree, then the lines of each kind."""
    kinds: dict[tuple[str, ...], list[int]] = {}
    nets = [line.importe - (line.descuento or money.ZERO) for line in lines]
    for at, line in enumerate(lines):
        kinds.setdefault(tuple(share.key for share in _shares(line)), []).append(at)
    of_kinds = _spread(net, [money.total(nets[at] for at in members) for members in kinds.values()])
    bases = [money.ZERO] * len(lines)
    for members, base in zip(kinds.values(), of_kinds, strict=True):
        for at, own in zip(members, _spread(base, [nets[at] for at in members]), strict=True):
            bases[at] = own
    return bases


def _spread_tax(parts: list[Part], sign: int, group: tuple[str, str | None, Decimal | None], amount: Decimal) -> None:
    """Give a printed tax, to the cent, to the lines that caused it."""
    found = [
        (at, number, money.times(part.base, share.tasa))
        for at, part in enumerate(parts)
        for number, share in enumerate(part.shares)
        if share.sign == sign
        and share.tasa is not None
        and share.impuesto == group[0]
        and group[1] in (None, share.tipo_factor)
        and group[2] in (None, share.tasa)
    ]
    amounts = _spread(amount, [exact for _, _, exact in found])
    for (at, number, _), own in zip(found, amounts, strict=True):
        shares = list(parts[at].shares)
        shares[number] = replace(shares[number], amount=own)
        parts[at] = replace(parts[at], shares=tuple(shares))


def _spread(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`amount` in cents over `weights`, which add up to nearly that: each is cut, the rest goes to the largest cuts."""
    cut = [money.truncate(weight, _CENTS) for weight in weights]
    rest = amount - money.total(cut)
    step = CENT if rest > 0 else -CENT
    order = sorted(range(len(weights)), key=lambda at: (weights[at] - cut[at]) * step, reverse=True)
    while rest:
        for at in order:
            if rest and cut[at] + step >= 0 and (weights[at] > 0 or len(weights) == 1):
                cut[at] += step
                rest -= step
    return cut


def _of_total(left: Part, gross: Decimal) -> Part:
    """The part of `left` that is worth `gross` with its taxes, such that the rest can still be written."""
    if gross == left.total:
        return left
    factor = 1 + money.total(share.sign * (share.tasa or money.ZERO) for share in left.shares)
    middle = money.over(gross, factor, _CENTS)
    best: tuple[Decimal, Decimal, Part] | None = None
    for step in range(-3, 4):
        base = middle + CENT * step
        if not money.ZERO < base < left.base:
            continue
        for amounts in product(*(_amounts(share, base) for share in left.shares)):
            shares = tuple(replace(share, amount=amount) for share, amount in zip(left.shares, amounts, strict=True))
            part = replace(left, base=base, shares=shares)
            if part.total == gross:
                score = (_stray(left.less(part)), _stray(part))
                if best is None or score < best[:2]:
                    best = (*score, part)
    if best is None:
        raise CannotSplit(f"de {left.total} no se toma {gross}")
    return best[2]


def _nearest(share: Share, left: Part, base: Decimal) -> Share:
    """Its tax on `base` that leaves the rest of the line nearest to its own."""
    rate = share.tasa or money.ZERO
    exact = share.amount - money.times(left.base - base, rate)
    return replace(share, amount=min(_amounts(share, base), key=lambda amount: (abs(amount - exact), amount)))


def _amounts(share: Share, base: Decimal) -> list[Decimal]:
    """The cents that SAT admits as this tax of `base`, and that there still are."""
    low, high = _limits(share, base)
    high = min(high, share.amount)
    found = []
    while low <= high:
        found.append(low)
        low += CENT
    return found or [share.amount]


def _limits(share: Share, base: Decimal) -> tuple[Decimal, Decimal]:
    """SAT's limits of the tax of a base, both written in cents (CFDI40180, 40186)."""
    if share.tasa is None:
        return money.ZERO, money.ZERO
    low = money.truncate(money.times(max(base - _HALF, money.ZERO), share.tasa), _CENTS)
    return low, money.ceiling(money.times(base + _HALF - _OPEN, share.tasa), _CENTS)


def _stray(part: Part) -> Decimal:
    """How far the taxes of a part are from those of its base."""
    return max((abs(s.amount - money.times(part.base, s.tasa or money.ZERO)) for s in part.shares), default=money.ZERO)


def traslados_of(part: Part) -> tuple[Traslado, ...]:
    return tuple(
        Traslado(part.base, share.impuesto, share.tipo_factor, share.tasa, None if share.tasa is None else share.amount)
        for share in part.shares
        if share.sign > 0
    )


def retenciones_of(part: Part) -> tuple[Retencion, ...]:
    return tuple(
        Retencion(part.base, share.impuesto, share.tipo_factor, share.tasa, share.amount)
        for share in part.shares
        if share.sign < 0 and share.tasa is not None
    )
