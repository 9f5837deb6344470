"""Keys change while records stay readable; an old key goes only when no record needs it."""

import datetime as dt
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from emite.vault import boxes, codes, keyfiles, rotating, worker

NOW = dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=2)
ORGANIZATIONS = [UUID(int=n) for n in (1, 2, 3)]


@pytest.fixture
def rows(safe: Any) -> list[Any]:
    made = []
    for organization in ORGANIZATIONS:
        row = safe.objects.create(organization_id=organization)
        row.secret = worker.seal_for_worker(b"key of " + organization.bytes, boxes.aad(organization, "test", row.pk))
        row.code = codes.encrypt_code(organization, "CODE")
        row.save()
        made.append(row)
    return made


def opened(rows: list[Any]) -> list[tuple[bytes, str]]:
    found = []
    for row in rows:
        row.refresh_from_db()
        bound = boxes.aad(row.organization_id, "test", row.pk)
        code = codes.decrypt_code(row.organization_id, bytes(row.code))
        found.append((worker.open_sealed(bytes(row.secret), bound), code))
    return found


def test_uploads_move_into_their_organizations_envelope(rows: list[Any]) -> None:
    before = opened(rows)
    assert rotating.adopt() == 3
    assert opened(rows) == before
    assert {bytes(row.secret)[:1] for row in rows} == {boxes.ENVELOPE}
    assert rotating.adopt() == 0


def test_a_rotation_changes_every_key_and_loses_no_record(rows: list[Any]) -> None:
    rotating.adopt()
    before = opened(rows)
    old = {name: keyfiles.ring(name).active.kid for name in ("worker/kek", "worker/hpke", "app/codes")}
    done = rotating.rotate(NOW)
    assert (done.data_keys, done.codes, done.retired) == (3, 3, [])  # replaced just now: a rival may still use them
    assert opened(rows) == before
    assert list(rotating.unopenable()) == []
    for name, kid in old.items():
        assert keyfiles.ring(name).active.kid != kid
    public, private = keyfiles.ring("app/worker_public").active, keyfiles.ring("worker/hpke").active
    assert public.kid == private.kid
    assert sorted(rotating.retire(LATER)) == sorted(
        [f"{name}:{kid}" for name, kid in old.items()] + [f"app/worker_public:{old['worker/hpke']}"]
    )
    assert opened(rows) == before
    assert {use.rows for use in rotating.status() if use.name in ("worker/kek", "app/codes")} == {3}


def test_a_key_in_use_is_never_retired(rows: list[Any]) -> None:
    old = keyfiles.ring("app/codes").active.kid
    keyfiles.add_key("app/codes", NOW)
    assert rotating.retire(LATER) == []
    assert old in keyfiles.ring("app/codes").keys
    assert opened(rows)[0][1] == "CODE"


def test_the_active_key_cannot_be_dropped(keys: Path) -> None:
    with pytest.raises(keyfiles.KeyTrouble, match="está en uso"):
        keyfiles.drop_key("worker/kek", keyfiles.ring("worker/kek").active.kid)


def test_a_lost_key_is_found_before_it_is_needed(rows: list[Any], keys: Path) -> None:
    rotating.adopt()
    (keys / "worker/kek.json").unlink()
    keyfiles.ensure_keys(NOW)
    assert len(list(rotating.unopenable())) == 3
