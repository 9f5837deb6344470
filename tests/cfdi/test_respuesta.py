"""The receptor's answer under an XMLDSig that we did not write, and SAT's acuse of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from emite.cfdi.acuse import AcuseInvalid
from emite.cfdi.cancelacion import CANCELA, CancelacionInvalid
from emite.cfdi.csd import Csd
from emite.cfdi.respuesta import SolicitudRespuesta, build_acuse, read_acuse, sign, verify
from emite.pac.sandbox.authority import TestAuthority
from tests.cfdi.test_cancelacion import AS_SAT_ASKS, ONE, TWO, another_verifier, pem_of
from tests.pac import make

RFC = "H&E951128469"
ANSWER = SolicitudRespuesta(RFC, "CVD110412TF6", dt.datetime(2026, 11, 22, 12, 30, 5), ONE, "Rechazo")
SECRET = b"del SAT"


@pytest.fixture(scope="module")
def csd(tmp_path_factory: pytest.TempPathFactory) -> Csd:
    folder: Path = tmp_path_factory.mktemp("authority")
    return make.csd(TestAuthority.open(folder), RFC)


def test_another_xmldsig_verifies_the_answer_and_it_is_read_back(csd: Csd) -> None:
    signed = sign(ANSWER, csd)
    result = another_verifier().verify(signed, x509_cert=pem_of(csd), expect_config=AS_SAT_ASKS)
    assert not isinstance(result, list)
    proved = result.signed_xml
    assert proved is not None
    assert proved.tag == f"{{{CANCELA}}}SolicitudAceptacionRechazo"
    assert dict(proved.attrib) == {
        "Fecha": "2026-11-22T12:30:05", "RfcPacEnviaSolicitud": "CVD110412TF6", "RfcReceptor": RFC,
    }  # fmt: skip
    assert [node.text for node in proved.iterfind(f"{{{CANCELA}}}Folios/*")] == [ONE, "Rechazo"]
    assert verify(signed) == (ANSWER, csd.certificate)
    assert sign(ANSWER, csd) == signed
    with pytest.raises(CancelacionInvalid):
        verify(signed.replace(b"Rechazo</", b"Aceptacion</"))


@pytest.mark.parametrize(
    "wrong", [{"uuid": ONE.lower()}, {"respuesta": "Si"}, {"rfc_receptor": "SST980412QZA"}, {"pac": ""}]
)
def test_what_sat_would_refuse_is_not_signed(csd: Csd, wrong: dict[str, str]) -> None:
    with pytest.raises(CancelacionInvalid):
        sign(replace(ANSWER, **wrong), csd)


def test_the_acuse_is_read_with_and_without_the_declaration_that_pacs_lose() -> None:
    told = build_acuse(ANSWER, dt.datetime(2026, 11, 22, 12, 31), "1000", SECRET)
    assert read_acuse(told, ANSWER) == {ONE: "1000"}
    lost = told.replace(f' xmlns="{CANCELA}"'.encode(), b"", 1).replace(
        b"<Folios ", f'<Folios xmlns="{CANCELA}" '.encode(), 1
    )
    assert read_acuse(lost, ANSWER) == {ONE: "1000"}
    for changed in (told.replace(b">1000<", b">1002<"), lost.replace(b">1000<", b">1002<"), b"<Acuse/>", b""):
        with pytest.raises(AcuseInvalid):
            read_acuse(changed, ANSWER)
    for change in ({"uuid": TWO}, {"respuesta": "Aceptacion"}, {"rfc_receptor": "X"}):
        with pytest.raises(AcuseInvalid):
            read_acuse(told, replace(ANSWER, **change))
