"""What is sealed opens for its own record, in the worker, and nowhere else."""

from pathlib import Path
from uuid import UUID

import pytest

from emite.vault import boxes, codes, envelope, worker
from emite.vault.boxes import CannotOpen
from emite.vault.keyfiles import KeyTrouble
from emite.vault.models import DataKey

ORGANIZATION = UUID(int=7)
OTHER = UUID(int=8)
BOUND = boxes.aad(ORGANIZATION, "csd", "r1")


def test_the_web_seals_and_the_worker_opens(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMITE_PROCESS", "web")
    sealed = worker.seal_for_worker(b"a private key", BOUND)
    with pytest.raises(KeyTrouble):
        worker.open_sealed(sealed, BOUND)
    monkeypatch.delenv("EMITE_PROCESS")
    assert worker.open_sealed(sealed, BOUND) == b"a private key"
    assert worker.seal_for_worker(b"a private key", BOUND) != sealed


@pytest.mark.parametrize(
    "elsewhere",
    [boxes.aad(OTHER, "csd", "r1"), boxes.aad(ORGANIZATION, "pac", "r1"), boxes.aad(ORGANIZATION, "csd", "r2"),
     boxes.aad(ORGANIZATION, "csd", "r1", 2)],
)  # fmt: skip
def test_it_opens_for_no_other_record(keys: Path, elsewhere: bytes) -> None:
    with pytest.raises(CannotOpen):
        worker.open_sealed(worker.seal_for_worker(b"secret", BOUND), elsewhere)


@pytest.mark.django_db
def test_the_envelope_opens_for_no_other_record(keys: Path) -> None:
    sealed = envelope.seal(ORGANIZATION, b"secret", BOUND)
    assert worker.open_sealed(sealed, BOUND) == b"secret"
    with pytest.raises(CannotOpen):
        worker.open_sealed(sealed, boxes.aad(ORGANIZATION, "csd", "r2"))
    assert DataKey.objects.get().organization_id == ORGANIZATION


@pytest.mark.django_db
def test_data_keys_of_two_organizations_cannot_be_swapped(keys: Path) -> None:
    sealed = envelope.seal(ORGANIZATION, b"secret", BOUND)
    envelope.seal(OTHER, b"other", boxes.aad(OTHER, "csd", "r1"))
    mine, theirs = DataKey.objects.get(organization_id=ORGANIZATION), DataKey.objects.get(organization_id=OTHER)
    DataKey.objects.filter(pk=mine.pk).update(wrapped=bytes(theirs.wrapped))
    with pytest.raises(CannotOpen):
        envelope.open_(sealed, BOUND)


@pytest.mark.django_db
def test_every_changed_byte_is_noticed(keys: Path) -> None:
    for sealed in (worker.seal_for_worker(b"s", BOUND), envelope.seal(ORGANIZATION, b"s", BOUND)):
        for place in range(len(sealed)):
            changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
            with pytest.raises((CannotOpen, KeyTrouble)):
                worker.open_sealed(changed, BOUND)
        for cut in (0, 1, 8, len(sealed) - 1):
            with pytest.raises((CannotOpen, KeyTrouble)):
                worker.open_sealed(sealed[:cut], BOUND)


def test_a_code_is_found_by_its_hash_and_printed_again(keys: Path) -> None:
    code = "0123456789ABCDEF"
    assert codes.code_hash(ORGANIZATION, code) == codes.code_hash(ORGANIZATION, code)
    assert codes.code_hash(ORGANIZATION, code) != codes.code_hash(OTHER, code)
    assert len(codes.code_hash(ORGANIZATION, code)) == 32
    sealed = codes.encrypt_code(ORGANIZATION, code)
    assert code.encode() not in sealed
    assert codes.decrypt_code(ORGANIZATION, sealed) == code
    with pytest.raises(CannotOpen):
        codes.decrypt_code(OTHER, sealed)


def test_other_keys_give_other_hashes(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt

    from emite.vault import keyfiles

    here = codes.code_hash(ORGANIZATION, "X")
    monkeypatch.setenv("EMITE_KEYS", str(tmp_path / "others"))
    keyfiles.ensure_keys(dt.datetime.now(dt.UTC))
    assert codes.code_hash(ORGANIZATION, "X") != here
