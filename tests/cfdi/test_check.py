"""`emite check` on whole files: what it prints and how it exits, for sound, spoiled, foreign and hopeless ones."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from emite.cfdi import check, rules, timbre
from emite.cfdi.authorities import Authority, Realm
from emite.cfdi.certificates import Certificate, Csd
from emite.cfdi.csd import open_pair
from emite.cfdi.faults import Severity
from emite.cfdi.seal import seal_tree
from emite.cfdi.xml import XmlRefused
from emite.ops import check as installed_check
from emite.pac.sandbox.authority import TestAuthority
from tests.cfdi.rules.cases import CASES
from tests.cfdi.rules.documents import DOCUMENTS, Spoil, add, document, put

_SHARED = Path(os.environ.get("EMITE_SHARED", "/nonexistent"))
_FOREIGN = [*_SHARED.glob("samples/sealed/*.xml"), *_SHARED.glob("samples/stamped/*.xml")]

_FROM, _UNTIL = datetime(2022, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
_OTHER_COMPLEMENT = '<cfdi:Complemento><hola xmlns="urn:otro">texto</hola></cfdi:Complemento>'
_ADDENDA = '<cfdi:Addenda><siniestro numero="1|2">x</siniestro></cfdi:Addenda>'


class Workshop:
    """A test authority that issues any certificate and seals and stamps any tree."""

    def __init__(self, folder: Path) -> None:
        self.own = TestAuthority.open(folder)
        self.authorities, self.signers = check.own_trust(self.own.folder)
        self._pairs: dict[tuple[str, str], Csd] = {}

    def csd(self, rfc: str) -> Csd:
        if (rfc, "CSD") not in self._pairs:
            cer, key = self.own.issue("CSD", rfc, "NOMBRE", "clave", _FROM, _UNTIL)
            now = datetime(2026, 1, 1, tzinfo=UTC)
            self._pairs[rfc, "CSD"] = open_pair(cer, key, "clave", expected_rfc=rfc, now=now)
        return self._pairs[rfc, "CSD"]

    def sealed(self, name: str, spoil: Spoil | None = None, csd: Csd | None = None) -> etree._Element:
        """A document sealed by its issuer, spoiled before sealing."""
        root = document(name)
        if spoil is not None:
            spoil(root)
        emisor = root.find("{*}Emisor")
        assert emisor is not None
        return seal_tree(root, csd or self.csd(emisor.get("Rfc", ""))).root

    def stamped(self, root: etree._Element) -> etree._Element:
        signer = Certificate.from_der(next(self.own.folder.glob("signer.cer")).read_bytes())
        stamp = timbre.build(
            uuid="5fb2822e-396d-4725-8521-cdc4bdd20ccf",
            fecha_timbrado=datetime(2026, 3, 5, 10, 16),
            rfc_prov_certif="PSE260101E13",
            sello_cfd=root.get("Sello", ""),
            no_certificado_sat=signer.no_certificado,
            sign=Csd(signer, self.own.signer_key).sign,
        )
        return etree.fromstring(timbre.attach(etree.tostring(root, encoding="utf-8"), stamp))

    def codes(self, root: etree._Element) -> list[str]:
        faults = check.check_file(
            etree.tostring(root, encoding="utf-8"), authorities=self.authorities, signers=self.signers
        )
        return [fault.code for fault in faults]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("authority"))


def _write(folder: Path, root: etree._Element, name: str = "cfdi.xml") -> str:
    path = folder / name
    path.write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
    return str(path)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_sealed_and_stamped_documents_are_clean(workshop: Workshop, name: str) -> None:
    root = workshop.sealed(name)

    assert workshop.codes(root) == []
    assert workshop.codes(workshop.stamped(root)) == []


def test_every_fault_is_named_in_a_sealed_file(workshop: Workshop) -> None:
    """The cases of the rules, sealed by the base's issuer: a changed issuer or year is also another seal's fault."""
    for case in CASES:
        issuer = workshop.csd("CACX7605101P8" if case.base in ("factura", "pago") else "EKU9003173C9")
        codes = set(workshop.codes(workshop.sealed(case.base, case.spoil, csd=issuer)))
        if case.accepts:
            assert case.code not in codes, case
        else:
            echoes = {code for code in codes if code.startswith("CRP")}  # of a type P both matrices say some things
            assert {case.code, *case.also} <= codes <= {case.code, *case.also, *echoes, "303", "305"}, case


def test_an_unknown_authority_is_only_an_aviso(workshop: Workshop) -> None:
    faults = check.check_file(etree.tostring(workshop.sealed("paciente"), encoding="utf-8"))

    assert [(fault.code, fault.severity) for fault in faults] == [("308", Severity.AVISO)]


def test_sat_s_authorities_are_known() -> None:
    assert {authority.realm for authority in check.known_authorities.known()} == {Realm.PRODUCTION, Realm.TEST}


def _tamper_total(root: etree._Element) -> None:
    root.set("Total", "1278.3")
    root.set("SubTotal", "1350.240")


def _tamper_name(root: etree._Element) -> None:
    put("cfdi:Receptor", Nombre="OTRO NOMBRE")(root)


def _tamper_sello(root: etree._Element) -> None:
    sello = root.get("Sello", "")
    root.set("Sello", ("B" if sello[0] == "A" else "A") + sello[1:])


def _no_base64(root: etree._Element) -> None:
    root.set("Sello", "no es base64")


@pytest.mark.parametrize("tamper", [_tamper_name, _tamper_sello, _no_base64])
def test_a_document_changed_after_sealing(workshop: Workshop, tamper: Callable[[etree._Element], None]) -> None:
    root = workshop.sealed("paciente")
    tamper(root)

    assert workshop.codes(root) == ["302", "CFDI40102"]


def test_the_seal_rule_accepts_what_was_sealed(workshop: Workshop) -> None:
    (verify,) = rules.RULES["CFDI40102"]

    assert verify(workshop.sealed("factura")) == []


@pytest.mark.parametrize("certificado", ["MIIB", "no es base64", "", "AAAA"])
def test_a_certificate_that_is_none(workshop: Workshop, certificado: str) -> None:
    root = workshop.sealed("paciente")
    root.set("Certificado", certificado)

    assert workshop.codes(root) == ["CFDI40106"]


def test_a_certificate_of_another_taxpayer(workshop: Workshop) -> None:
    assert workshop.codes(workshop.sealed("paciente", csd=workshop.csd("CACX7605101P8"))) == ["303"]


def test_a_fiel_instead_of_a_csd(workshop: Workshop) -> None:
    csd = workshop.csd("EKU9003173C9")
    cer, _key = workshop.own.issue(
        "FIEL", "EKU9003173C9", "NOMBRE", "clave", _FROM, _UNTIL, private_key=csd.private_key
    )
    fiel = Csd(Certificate.from_der(cer), csd.private_key)

    assert workshop.codes(workshop.sealed("paciente", csd=fiel)) == ["306"]


@pytest.mark.parametrize("fecha", ["2021-12-30T00:00:00", "2028-03-05T10:15:00"])
def test_a_fecha_outside_the_certificate(workshop: Workshop, fecha: str) -> None:
    assert workshop.codes(workshop.sealed("paciente", put(".", Fecha=fecha))) == ["305"]


def test_the_number_of_another_certificate(workshop: Workshop) -> None:
    root = document("paciente")
    csd = workshop.csd("EKU9003173C9")
    other = Csd(workshop.csd("CACX7605101P8").certificate, csd.private_key)
    root = seal_tree(root, other).root
    root.set("Certificado", csd.certificate.base64)

    assert workshop.codes(root) == ["EMI003"]


def test_a_document_without_seal_says_only_that(workshop: Workshop) -> None:
    assert workshop.codes(document("paciente")) == ["302"]


def test_a_stamp_of_another_document(workshop: Workshop) -> None:
    root = workshop.stamped(workshop.sealed("paciente"))
    stamp = next(root.iter("{*}TimbreFiscalDigital"))
    stamp.set("SelloCFD", workshop.sealed("factura").get("Sello", ""))

    assert workshop.codes(root) == ["EMI202", "EMI203"]


def test_a_stamp_that_was_changed(workshop: Workshop) -> None:
    root = workshop.stamped(workshop.sealed("paciente"))
    next(root.iter("{*}TimbreFiscalDigital")).set("UUID", "00000000-0000-4000-8000-000000000000")

    assert workshop.codes(root) == ["EMI203"]
    assert (
        check.check_file(etree.tostring(root, encoding="utf-8"), authorities=workshop.authorities) == []
    )  # its signer is not known


def test_two_stamps(workshop: Workshop) -> None:
    assert workshop.codes(workshop.stamped(workshop.stamped(workshop.sealed("paciente")))) == ["EMI201"]


def test_an_incomplete_stamp(workshop: Workshop) -> None:
    root = workshop.stamped(workshop.sealed("paciente"))
    del next(root.iter("{*}TimbreFiscalDigital")).attrib["SelloCFD"]

    assert workshop.codes(root) == ["301", "EMI201"]


def test_an_unknown_complement_is_an_aviso_and_the_addenda_is_dropped(workshop: Workshop) -> None:
    root = workshop.sealed("paciente", add(".", _OTHER_COMPLEMENT))
    add(".", _ADDENDA)(root)
    before = etree.tostring(root, encoding="utf-8")

    faults = check.check_file(before, authorities=workshop.authorities)

    assert [(fault.code, fault.severity) for fault in faults] == [("EMI120", Severity.AVISO)]


@pytest.mark.parametrize("name", ["paciente", "pago"])
def test_prefixes_are_the_author_s_choice(workshop: Workshop, name: str) -> None:
    text = etree.tostring(document(name)).decode()
    text = text.replace("cfdi:", "").replace("xmlns:cfdi=", "xmlns=")
    root = seal_tree(
        etree.fromstring(text), workshop.csd("EKU9003173C9" if name == "paciente" else "CACX7605101P8")
    ).root

    assert workshop.codes(root) == []
    root.set("FormaPago", "77")
    del next(root.iter("{*}Receptor")).attrib["UsoCFDI"]
    assert {"CFDI40104", "301"} <= set(workshop.codes(root))


def test_a_future_fecha_is_an_aviso_when_the_hour_is_given(workshop: Workshop) -> None:
    data = etree.tostring(workshop.sealed("paciente"), encoding="utf-8")
    before, after = datetime(2026, 3, 5, 12, 0, tzinfo=UTC), datetime(2026, 3, 5, 17, 0, tzinfo=UTC)

    assert [fault.code for fault in check.check_file(data, authorities=workshop.authorities, now=before)] == ["401"]
    assert check.check_file(data, authorities=workshop.authorities, now=after) == []


def test_the_command_prints_a_line_for_each_fault(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, workshop.sealed("paciente", put("cfdi:Receptor", UsoCFDI="G03")))

    assert check.main([path], trust_dir=workshop.own.folder) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{path}: ERROR CFDI40161 /cfdi:Comprobante/cfdi:Receptor/@UsoCFDI: El uso G03 ")


def test_the_command_says_nothing_of_a_sound_file(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path, workshop.sealed("paciente"))
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "authority").symlink_to(workshop.own.folder)
    monkeypatch.setenv("EMITE_DATA", str(tmp_path))

    assert installed_check.main(["--strict", path]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_worst_file_wins(workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aviso = _write(tmp_path, workshop.sealed("paciente"), "aviso.xml")
    wrong = _write(tmp_path, workshop.sealed("paciente", put(".", Total="1")), "wrong.xml")
    absent = str(tmp_path / "absent.xml")
    nobody = tmp_path / "nobody"
    nobody.mkdir()

    assert check.main([aviso], trust_dir=nobody) == 0
    assert check.main(["--strict", aviso], trust_dir=nobody) == 1
    assert check.main([aviso, wrong], trust_dir=nobody) == 1
    assert check.main([absent, aviso, wrong], trust_dir=nobody) == 2
    assert f"{absent}: ERROR 301 /: No se pudo leer" in capsys.readouterr().out


def test_the_command_needs_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([]) == 2
    assert "Diga qué revisar" in capsys.readouterr().err


def _zipped(folder: Path) -> bytes:
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("a.xml", "<a/>")
    return (folder / "x.zip").read_bytes()


_HOPELESS = {
    "empty": (b"", "vacío"),
    "blank": (b" \n\t ", "vacío"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "binary": (bytes(range(256)) * 4, "UTF-8"),
    "text": (b"hola, esto no es XML", "no es XML"),
    "cut": (DOCUMENTS["paciente"].strip().encode()[:900], "no es XML bien formado"),
    "latin-1": (DOCUMENTS["egreso"].strip().encode("latin-1"), "UTF-8"),
    "doctype": (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DOCTYPE"),
    "3.3": (b'<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/3" Version="3.3"/>', "otra versión (3.3)"),
    "retenciones": (
        b'<r:Retenciones xmlns:r="http://www.sat.gob.mx/esquemas/retencionpago/2" Version="2.0"/>',
        "retenciones",
    ),
    "html": (b"<html><body/></html>", "debe ser cfdi:Comprobante"),
    "certificate": (b"0\x82\x05\xb0abc", "certificado"),
}


@pytest.mark.parametrize("name", _HOPELESS)
def test_what_is_no_cfdi_is_unreadable_and_says_why(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, why = _HOPELESS[name]
    path = tmp_path / "file"
    path.write_bytes(data)

    assert check.main([str(path)]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{path}: ERROR 301 /: ")
    assert why in line


def test_a_zip_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(XmlRefused, match="ZIP"):
        check.read(_zipped(tmp_path))


def test_a_folder_is_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([str(tmp_path)]) == 2


def test_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "MAX_BYTES", 1000)
    with pytest.raises(XmlRefused, match="demasiado grande"):
        check.read(etree.tostring(document("factura"), encoding="utf-8"))


def test_a_hostile_value_stays_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = document("paciente")
    root.set("FormaPago", "03\nfalso.xml: ERROR 302 /: inventado\x85\u2028")

    check.main([_write(tmp_path, root)])

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(str(tmp_path)) for line in lines)


def test_a_version_3_in_the_namespace_of_4_breaks_the_schema(workshop: Workshop) -> None:
    assert workshop.codes(workshop.sealed("paciente", put(".", Version="3.3"))) == ["301"]


def test_a_broken_cer_in_the_data_folder_is_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "root.cer").write_bytes(b"nada")

    assert check.own_trust(tmp_path) == ((), {})
    assert "no se pudo leer" in capsys.readouterr().err


@pytest.mark.parametrize("path", _FOREIGN, ids=lambda path: path.stem)
def test_what_others_sealed_is_clean(path: Path) -> None:
    own: tuple[Authority, ...] = ()
    assert check.check_file(path.read_bytes(), authorities=own) == []
