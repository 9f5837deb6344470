"""The two files and the password of an upload: each wrong one is told apart, in Spanish, on the right field."""

from __future__ import annotations

import base64
import random
import time
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)
from cryptography.x509 import load_der_x509_certificate

from emite.cfdi.authorities import Authority, Realm, known
from emite.cfdi.csd import Certificate, Csd, CsdRefused, open_pair
from tests.cfdi import make


def _open(cer: bytes, key: bytes, password: str = make.PASSWORD, **over: Any) -> Csd:
    return open_pair(cer, key, password, **({"expected_rfc": make.HOSPITAL.rfc, "now": make.NOW} | over))


def _pem(der: bytes, label: str) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


def _pfx(cer: bytes, key: bytes) -> bytes:
    private = load_der_private_key(key, make.PASSWORD.encode())
    encryption = BestAvailableEncryption(b"x")
    return pkcs12.serialize_key_and_certificates(b"x", private, load_der_x509_certificate(cer), None, encryption)


def _elliptic() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(make.PASSWORD.encode()))


CER, KEY = make.files()
CLEAR = make.rsa_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
PKCS1 = make.rsa_key().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def test_a_good_pair_opens_and_seals() -> None:
    csd = _open(CER, KEY, authorities=[Certificate.from_der(make.authority().root.public_bytes(Encoding.DER))])
    assert csd.certificate.verifies(csd.sign(b"cadena"), b"cadena")
    assert not csd.certificate.verifies(csd.sign(b"cadena"), b"otra")


@pytest.mark.parametrize(
    ("cer", "key", "code", "field"),
    [
        (b"", KEY, "empty", "cer"),
        (CER, b"", "empty", "key"),
        (b"\0" * 50_000_000, KEY, "too_big", "cer"),
        (CER, b"\0" * 10_001, "too_big", "key"),
        (KEY, CER, "swapped", "cer"),
        (KEY, KEY, "not_a_cer", "cer"),
        (CER, CER, "not_a_key", "key"),
        (_pem(CER, "CERTIFICATE"), KEY, "not_a_cer", "cer"),
        (CER, _pem(KEY, "ENCRYPTED PRIVATE KEY"), "not_a_key", "key"),
        (_pfx(CER, KEY), KEY, "not_a_cer", "cer"),
        (CER, _pfx(CER, KEY), "not_a_key", "key"),
        (CER, CLEAR, "not_a_key", "key"),
        (CER, PKCS1, "not_a_key", "key"),
        (b"PK\x03\x04 zip", KEY, "not_a_cer", "cer"),
        (b"hola", KEY, "not_a_cer", "cer"),
        (CER[:-40], KEY, "not_a_cer", "cer"),
        (CER[:200] + b"\xff" * 40 + CER[240:], KEY, "broken_cer", "cer"),
        (CER, KEY[:-1] + bytes([KEY[-1] ^ 1]), "wrong_password", "password"),
        (CER, _elliptic(), "not_rsa", "key"),
    ],
)
def test_wrong_files_are_told_apart(cer: bytes, key: bytes, code: str, field: str) -> None:
    with pytest.raises(CsdRefused) as refused:
        _open(cer, key)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.message[0].isupper()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_pem(CER, "CERTIFICATE"), "PEM"),
        (_pfx(CER, KEY), ".pfx"),
        (b"PK\x03\x04 zip", "ZIP"),
        (CLEAR, "sin contraseña"),
        (KEY, "es una llave privada"),
        (b"hola", "otra cosa"),
    ],
)
def test_the_message_says_what_the_file_is(wrong: bytes, said: str) -> None:
    with pytest.raises(CsdRefused, match=said):
        _open(wrong, KEY)


@pytest.mark.parametrize(
    ("password", "code"), [("", "no_password"), ("otra", "wrong_password"), ("ñ", "wrong_password")]
)
def test_passwords(password: str, code: str) -> None:
    with pytest.raises(CsdRefused) as refused:
        _open(CER, KEY, password)
    assert (refused.value.code, refused.value.field) == (code, "password")


def test_a_password_of_an_old_windows_opens() -> None:
    private = make.rsa_key()
    key = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption("año".encode("latin-1")))
    assert _open(CER, key, "año").certificate.rfc == make.HOSPITAL.rfc


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"kind": "FIEL"}, "fiel"),
        ({"rfc": "EKU9003173C9"}, "other_rfc"),
        ({"private_key": make.rsa_key(9, 1024)}, "weak"),
        ({"not_after": make.NOW - timedelta(days=1)}, "expired"),
        ({"not_before": make.NOW + timedelta(days=1)}, "not_yet_valid"),
    ],
)
def test_certificates_that_cannot_seal(over: dict[str, Any], code: str) -> None:
    with pytest.raises(CsdRefused) as refused:
        _open(*make.files(**over))
    assert (refused.value.code, refused.value.field) == (code, "cer")


def test_the_key_of_another_certificate() -> None:
    with pytest.raises(CsdRefused) as refused:
        _open(CER, make.files(private_key=make.rsa_key(1))[1])
    assert (refused.value.code, refused.value.field) == ("not_a_pair", "key")


def test_an_authority_that_is_not_accepted() -> None:
    with pytest.raises(CsdRefused) as refused:
        _open(CER, KEY, authorities=known())
    assert refused.value.code == "unknown_authority"


def test_the_first_fault_in_order_is_the_one_told() -> None:
    cer, key = make.files(kind="FIEL", rfc="EKU9003173C9", not_after=make.NOW - timedelta(days=1))
    with pytest.raises(CsdRefused, match=r"e\.firma"):
        _open(cer, key)


def _length(content: bytes) -> bytes:
    return bytes([0x82]) + len(content).to_bytes(2, "big")


def _sequence(content: bytes) -> bytes:
    return b"\x30" + _length(content) + content


@pytest.mark.parametrize("kdf", ["iterations", "scrypt", "depth"])
def test_a_key_that_would_burn_our_time_is_refused_at_once(kdf: str) -> None:
    oid = bytes.fromhex("06092a864886f70d01050d")
    if kdf == "depth":
        parameters = b"\x05\x00"
        for _ in range(2_000):
            parameters = _sequence(parameters)
    elif kdf == "scrypt":
        parameters = _sequence(bytes.fromhex("06092b06010401da47040b"))
    else:
        parameters = _sequence(b"\x02\x04\x7f\xff\xff\xff")
    key = _sequence(_sequence(oid + parameters) + b"\x04\x02ab")
    started = time.process_time()
    with pytest.raises(CsdRefused) as refused:
        _open(CER, key)
    assert refused.value.field in ("key", "password")
    assert time.process_time() - started < 1  # a bomb would take minutes


def test_what_the_certificate_says() -> None:
    certificate = Certificate.from_der(CER)
    assert (certificate.rfc, certificate.nombre) == (make.HOSPITAL.rfc, make.HOSPITAL.nombre)
    assert len(certificate.no_certificado) == 20
    assert certificate.no_certificado.isdigit()
    assert (certificate.not_before, certificate.not_after) == (make.SINCE, make.UNTIL)
    assert certificate.is_csd
    assert base64.b64decode(certificate.base64) == CER == certificate.der


def test_a_fiel_is_not_a_csd_and_a_person_needs_no_slash() -> None:
    certificate = Certificate.from_der(make.files(kind="FIEL", rfc="MISC491214B86")[0])
    assert not certificate.is_csd
    assert certificate.rfc == "MISC491214B86"


def test_an_authority_is_not_a_csd() -> None:
    assert not Certificate.from_der(make.authority().root.public_bytes(Encoding.DER)).is_csd


def test_stored_keys_come_back() -> None:
    csd = _open(CER, KEY)
    again = Csd.from_clear(csd.certificate.der, csd.pkcs8_clear())
    assert again.sign(b"x") == csd.sign(b"x")
    assert again == csd


def test_a_stored_key_of_another_certificate_is_refused() -> None:
    other = make.files(private_key=make.rsa_key(1))[0]
    with pytest.raises(ValueError, match="not the certificate's"):
        Csd.from_clear(other, CLEAR)


def test_keys_do_not_show_in_logs() -> None:
    shown = repr(_open(CER, KEY))
    assert "private_key" not in shown
    assert base64.b64encode(CER).decode()[:40] not in shown


@pytest.mark.parametrize("text", ["", "!!!", base64.b64encode(b"hola").decode()])
def test_base64_that_is_no_certificate(text: str) -> None:
    with pytest.raises(ValueError):
        Certificate.from_base64(text)


def test_known_authorities_keep_their_realm() -> None:
    own = Authority.of(make.authority().root.public_bytes(Encoding.DER), Realm.SANDBOX)
    issuer = Certificate.from_der(CER).issuer_among(known([own]))
    assert issuer is not None
    assert issuer.realm is Realm.SANDBOX
    assert {authority.realm for authority in known()} == {Realm.PRODUCTION, Realm.TEST}
    assert not Certificate.from_der(CER).issued_by(known())


def test_a_damaged_certificate_is_always_refused_in_the_same_way() -> None:
    chance = random.Random(1)
    read = 0
    for _ in range(3_000):
        damaged = bytearray(CER)
        place = chance.randrange(len(damaged))
        damaged[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        try:
            Certificate.from_der(bytes(damaged))
        except ValueError:
            continue
        read += 1
    assert read < 3_000
    with pytest.raises(ValueError, match="SAT's do not"):
        Certificate.from_der(CER.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020158"), 1))
