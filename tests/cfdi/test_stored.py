"""A draft that waited in the database is the very one that was checked."""

import datetime as dt
import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from emite.cfdi.comprobante import Comprobante, Emisor, InformacionGlobal, Receptor, Relacionados
from emite.cfdi.stored import from_json, to_json
from emite.cfdi.taxes import ISR_HONORARIOS, Treatment, concepto

amounts = st.decimals(Decimal("0.01"), Decimal("99999.999999"), places=6)
words = st.text(min_size=1, max_size=40)


@given(
    prices=st.lists(amounts, min_size=1, max_size=4),
    name=words,
    treatment=st.sampled_from(list(Treatment)),
    moment=st.datetimes(dt.datetime(2022, 1, 1), dt.datetime(2030, 1, 1)),
)
def test_back_from_json_it_is_equal(
    prices: list[Decimal], name: str, treatment: Treatment, moment: dt.datetime
) -> None:
    made = Comprobante(
        tipo="I",
        fecha=moment.replace(microsecond=0),
        lugar_expedicion="06700",
        emisor=Emisor("SST980412QZA", "SANATORIO SAN TELMO", "601"),
        receptor=Receptor("XOJI740919U48", name, "76028", "605", "D01"),
        conceptos=tuple(
            concepto(
                clave_prod_serv="85121600",
                clave_unidad="E48",
                descripcion=name,
                cantidad=Decimal(1),
                valor_unitario=price,
                treatment=treatment,
                retenciones=[ISR_HONORARIOS] if treatment is not Treatment.NO_OBJETO else [],
            )
            for price in prices
        ),
        forma_pago="04",
        metodo_pago="PUE",
        informacion_global=InformacionGlobal("04", "03", 2026),
        relacionados=(Relacionados("04", ("5FB2822E-396D-4725-8521-CDC4BDD20CCF",)),),
    )
    through_a_database = json.loads(json.dumps(to_json(made)))
    assert from_json(through_a_database) == made
    assert from_json(through_a_database).totals == made.totals
