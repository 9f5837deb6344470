"""The sandbox PAC as a program: what it checks, what it remembers, whom it obeys."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from emite.cfdi import timbre, zones
from emite.cfdi import xml as cfdi_xml
from emite.cfdi.comprobante import Emisor, Receptor
from emite.cfdi.csd import Csd
from emite.pac.port import Doubt, Found, NotFound, NotSent, Rejected, StampAnswer, Stamped
from emite.pac.sandbox.authority import LEYENDA, PAC_RFC, TestAuthority
from emite.pac.sandbox.taxpayers import LISTED
from tests.pac import make
from tests.pac.sandbox import CONTROL_TOKEN, Refused, RunningSandbox, running_sandbox


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    running.behave()
    running.control("stamps", "DELETE")
    running.control("lco")
    running.control("settings", clock_offset_seconds=0, blind_seconds=0, credits=None, down=False)
    return running


@pytest.fixture(scope="module")
def csd(running: RunningSandbox) -> Csd:
    return make.csd(running.authority)


def stamp(sandbox: RunningSandbox, xml: bytes, key: str = "k") -> StampAnswer:
    return sandbox.pac().stamp(xml, key)


def refusal(sandbox: RunningSandbox, xml: bytes) -> str:
    answer = stamp(sandbox, xml)
    assert isinstance(answer, Rejected), answer
    assert sandbox.stamps() == []
    return answer.code


def test_a_stamp_says_that_it_has_no_fiscal_value(sandbox: RunningSandbox, csd: Csd) -> None:
    answer = stamp(sandbox, make.sealed(csd))
    assert isinstance(answer, Stamped)
    read = timbre.read(cfdi_xml.parse(answer.xml))
    assert read is not None
    assert (read.leyenda, read.rfc_prov_certif) == (LEYENDA, PAC_RFC)
    central = datetime.now(zones.zone_of("06700")).replace(tzinfo=None)
    assert abs(read.fecha_timbrado - central) < timedelta(seconds=10)


def test_a_document_changed_after_its_seal_is_refused(sandbox: RunningSandbox, csd: Csd) -> None:
    assert refusal(sandbox, make.sealed(csd).replace(b'Serie="A"', b'Serie="B"')) in ("302", "CFDI40102")


def test_another_issuers_csd_is_refused(sandbox: RunningSandbox) -> None:
    assert refusal(sandbox, make.sealed(make.csd(sandbox.authority, rfc="EKU9003173C9"))) == "303"


def test_an_expired_csd_is_refused(sandbox: RunningSandbox) -> None:
    now = datetime.now(UTC)
    expired = make.csd(sandbox.authority, not_before=now - timedelta(days=9), not_after=now - timedelta(days=2))
    assert refusal(sandbox, make.sealed(expired)) == "305"


def test_an_efirma_is_refused(sandbox: RunningSandbox) -> None:
    now = datetime.now(UTC)
    cer, _ = sandbox.authority.issue(
        "FIEL", make.EMISOR.rfc, make.EMISOR.nombre, "x", now - timedelta(days=1), now + timedelta(days=1),
        private_key=make.rsa_key(),
    )  # fmt: skip
    fiel = Csd(make.csd(sandbox.authority).certificate.from_der(cer), make.rsa_key())
    assert refusal(sandbox, make.sealed(fiel)) == "306"


def test_another_authoritys_csd_is_refused(sandbox: RunningSandbox, tmp_path: Path) -> None:
    assert refusal(sandbox, make.sealed(make.csd(TestAuthority.open(tmp_path)))) == "308"


def test_a_revoked_csd_and_an_issuer_without_obligations_are_refused(sandbox: RunningSandbox, csd: Csd) -> None:
    sandbox.control("lco", revoked=[csd.certificate.no_certificado])
    assert refusal(sandbox, make.sealed(csd)) == "304"
    sandbox.control("lco", without_obligations=[make.EMISOR.rfc])
    assert refusal(sandbox, make.sealed(csd)) == "402"


def test_what_is_no_cfdi_is_refused(sandbox: RunningSandbox, csd: Csd) -> None:
    for broken in (b"<a/>", make.sealed(csd).replace(b' Version="4.0"', b' Version="4.0" Sobra="1"')):
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
        assert _post(connection, "/stamp", broken, Authorization=f"Bearer {_token(sandbox)}")[1]["codigo"] == "301"
        connection.close()


def test_an_already_stamped_document_is_not_stamped_again(sandbox: RunningSandbox, csd: Csd) -> None:
    first = stamp(sandbox, make.sealed(csd))
    assert isinstance(first, Stamped)
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    status, said = _post(connection, "/stamp", first.xml, Authorization=f"Bearer {_token(sandbox)}")
    connection.close()
    assert (status, said["codigo"], "cfdi" in said) == (409, "307", False)


@pytest.mark.parametrize(
    ("receptor", "code"),
    [
        (Receptor("MAOL880314Q76", "LUCIA MARENTES OLVERA", "06700", "605", "D01"), "CFDI40143"),
        (Receptor("MAOL880314Q75", "LUCIA MARENTES", "06700", "605", "D01"), "CFDI40145"),
        (Receptor("MAOL880314Q75", "LUCIA MARENTES OLVERA", "00001", "605", "D01"), "CFDI40147"),
        (Receptor("MAOL880314Q75", "LUCIA MARENTES OLVERA", "44160", "605", "D01"), "CFDI40148"),
        (Receptor("MAOL880314Q75", "LUCIA MARENTES OLVERA", "06700", "606", "D01"), "CFDI40158"),
        (Receptor("MAOL880314Q75", "LUCIA MARENTES OLVERA", "06700", "605", "G03"), "CFDI40161"),
    ],
)
def test_a_receptor_that_is_not_as_listed_is_refused(
    sandbox: RunningSandbox, csd: Csd, receptor: Receptor, code: str
) -> None:
    assert refusal(sandbox, make.sealed(csd, receptor=receptor)) == code


def test_an_issuer_with_another_name_is_refused(sandbox: RunningSandbox, csd: Csd) -> None:
    assert refusal(sandbox, make.sealed(csd, emisor=replace(make.EMISOR, nombre="SAN TELMO"))) == "CFDI40139"


def test_a_taxpayer_that_is_not_listed_passes_with_a_good_digit(sandbox: RunningSandbox, csd: Csd) -> None:
    receptor = Receptor("LOPM000101ZZ7", "MARIA LOPEZ PEREZ", "22000", "605", "D01")
    assert isinstance(stamp(sandbox, make.sealed(csd, receptor=receptor)), Stamped)


def test_the_list_can_grow(sandbox: RunningSandbox, csd: Csd) -> None:
    new = {"rfc": "LOPM000102AA0", "nombre": "OTRA", "cp": "22000", "regimenes": ["605"]}
    sandbox.control("taxpayers", add=[new])
    receptor = Receptor("LOPM000102AA0", "MARIA LOPEZ PEREZ", "22000", "605", "D01")
    assert refusal(sandbox, make.sealed(csd, receptor=receptor)) == "CFDI40145"


def test_every_listed_taxpayer_can_receive(sandbox: RunningSandbox, csd: Csd) -> None:
    pac = sandbox.pac()
    for taxpayer in LISTED:
        receptor = Receptor(taxpayer.rfc, taxpayer.nombre, taxpayer.cp, min(taxpayer.regimenes), "S01")
        answer = pac.stamp(make.sealed(csd, receptor=receptor), taxpayer.rfc)
        assert isinstance(answer, Stamped), (taxpayer, answer)


def test_a_resico_physician_must_withhold_from_a_persona_moral(sandbox: RunningSandbox) -> None:
    physician = Emisor("BUGR850927W29", "RENATA BUSTOS GALVAN", "626")
    insurer = Receptor("SCE050620LQ5", "SEGUROS LA CEIBA", "64000", "601", "G03")
    own = make.csd(sandbox.authority, rfc=physician.rfc)
    assert refusal(sandbox, make.sealed(own, emisor=physician, receptor=insurer)) == "CFDI140225"


@pytest.mark.parametrize(
    ("age", "fits"),
    [(timedelta(hours=71, minutes=59), True), (timedelta(hours=72, minutes=1), False), (-timedelta(minutes=10), False)],
)
@pytest.mark.parametrize("cp", ["06700", "22000", "77500", "83000"])
def test_the_date_is_judged_in_the_zone_of_its_place(
    sandbox: RunningSandbox, csd: Csd, age: timedelta, fits: bool, cp: str
) -> None:
    fecha = zones.local_now(datetime.now(UTC) - age, cp)
    answer = stamp(sandbox, make.sealed(csd, fecha=fecha, lugar_expedicion=cp))
    if fits:
        assert isinstance(answer, Stamped)
    else:
        assert isinstance(answer, Doubt)
        assert answer.code == "401"


def test_its_clock_can_be_moved(sandbox: RunningSandbox, csd: Csd) -> None:
    xml = make.sealed(csd)
    sandbox.control("settings", clock_offset_seconds=73 * 3600)
    answer = stamp(sandbox, xml)
    assert isinstance(answer, Doubt)
    assert answer.code == "401"


def test_rivals_with_the_same_document_get_one_stamp(sandbox: RunningSandbox, csd: Csd) -> None:
    xml = make.sealed(csd)
    pac = sandbox.pac()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: pac.stamp(xml, "k"), range(24)))
    assert all(isinstance(each, Stamped) for each in answers)
    assert len({each.xml for each in answers if isinstance(each, Stamped)}) == 1
    assert [each.repeated for each in answers if isinstance(each, Stamped)].count(False) == 1
    assert (sandbox.stats()["stamps"], sandbox.stats()["duplicates"]) == (1, 0)


def test_a_key_is_forgotten_after_its_time(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "key") as sandbox:
        csd = make.csd(sandbox.authority)
        assert isinstance(stamp(sandbox, make.sealed(csd)), Stamped)
        assert isinstance(stamp(sandbox, make.sealed(csd)), Doubt)
        sandbox.control("settings", key_ttl_seconds=0)
        assert isinstance(stamp(sandbox, make.sealed(csd)), Stamped)


def test_duplicates_are_counted(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "none") as sandbox:
        xml = make.sealed(make.csd(sandbox.authority))
        stamp(sandbox, xml)
        stamp(sandbox, xml)
        stats = sandbox.stats()
        uuids = [row["uuid"] for row in sandbox.stamps()]
        assert stats["duplicates"] == 2, "by folio and by seal"
        assert all(sorted(found) == sorted(uuids) for found in stats["duplicated"].values())
        sandbox.control("cancel", uuid=uuids[0])
        assert sandbox.stats()["duplicates"] == 0


def test_stats_and_stamps_tell_what_was_done(sandbox: RunningSandbox, csd: Csd) -> None:
    stamp(sandbox, make.sealed(csd, serie="Q", folio="77"), "our-key")
    (row,) = sandbox.stamps()
    wanted = {"rfc_emisor": make.EMISOR.rfc, "rfc_receptor": make.PATIENT.rfc, "serie": "Q", "folio": "77"}
    assert wanted.items() <= row.items()
    assert (row["total"], row["key"], row["estado"], row["tipo"]) == ("580.00", "our-key", "Vigente", "I")


def test_credits_run_out(sandbox: RunningSandbox, csd: Csd) -> None:
    sandbox.control("settings", credits=1)
    assert isinstance(stamp(sandbox, make.sealed(csd)), Stamped)
    assert isinstance(stamp(sandbox, make.sealed(csd)), NotSent)


def test_an_outage_ends_when_told(sandbox: RunningSandbox, csd: Csd) -> None:
    xml = make.sealed(csd)
    pac = sandbox.pac()
    pac.lookup(xml, "k")
    sandbox.control("settings", down=True)
    assert isinstance(pac.stamp(xml, "k"), Doubt)
    sandbox.control("settings", down=False)
    assert isinstance(pac.stamp(xml, "k"), Stamped)


def test_chance_is_carried_out_and_counted(sandbox: RunningSandbox, csd: Csd) -> None:
    sandbox.control("faults", faults={"cut_after": 0.5}, seed=3)
    pac = sandbox.pac()
    answers = [pac.stamp(make.sealed(csd), str(number)) for number in range(30)]
    doubts = sum(isinstance(each, Doubt) for each in answers)
    assert 5 < doubts < 25
    assert sandbox.stats()["stamps"] == 30


def test_a_blind_look_up_is_one_look_up(sandbox: RunningSandbox, csd: Csd) -> None:
    xml = make.sealed(csd)
    stamp(sandbox, xml)
    sandbox.next("blind", op="lookup")
    pac = sandbox.pac()
    assert isinstance(pac.lookup(xml, "k"), NotFound)
    assert isinstance(pac.lookup(xml, "k"), Found)


def test_control_wants_its_token(sandbox: RunningSandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    for token in ("", "otra", "ñ"):
        assert _post(connection, "/_control/settings", b'{"down": true}', **{"X-Control-Token": token})[0] == 403
    assert _post(connection, "/_control/faults", b"nonsense", **{"X-Control-Token": CONTROL_TOKEN})[0] == 400
    connection.close()
    with pytest.raises(Refused, match="falla desconocida"):
        sandbox.next("explode")
    assert sandbox.stats()["settings"]["down"] is False


def test_a_stranger_is_told_nothing(sandbox: RunningSandbox, csd: Csd) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    assert _post(connection, "/stamp", make.sealed(csd))[0] == 401
    assert _post(connection, "/lookup", b"{}", Authorization="Bearer x")[0] == 401
    assert _post(connection, "/auth", b'{"usuario": "pruebas"}')[0] == 401
    assert _post(connection, "/nowhere", b"")[0] == 404
    connection.request("POST", "/stamp", iter([b"chunked"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert sandbox.stamps() == []


def test_an_adapter_that_declares_another_class_sends_nothing(sandbox: RunningSandbox, csd: Csd) -> None:
    answer = sandbox.pac(dedup="none").stamp(make.sealed(csd), "k")
    assert isinstance(answer, NotSent)
    assert answer.cause == "misconfigured"


def test_without_a_trusted_folder_the_sandbox_names_its_signer(sandbox: RunningSandbox, csd: Csd) -> None:
    xml = make.sealed(csd)
    pac = sandbox.pac(trust_dir=None)
    answer = pac.stamp(xml, "k")
    assert isinstance(answer, Stamped)
    timbre.verify_stamp(answer.xml, xml, pac.certificates())
    assert sandbox.pac(trust_dir=None, base_url="http://127.0.0.1:9").certificates() == {}


def _token(sandbox: RunningSandbox) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    _, said = _post(connection, "/auth", json.dumps({"usuario": "pruebas", "contrasena": "pruebas"}).encode())
    connection.close()
    return str(said["token"])


def _post(connection: http.client.HTTPConnection, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    encoded = {name: value.encode() for name, value in headers.items()}
    connection.request("POST", path, body, encoded)
    answer = connection.getresponse()
    said: dict[str, Any] = json.loads(answer.read())
    return answer.status, said
