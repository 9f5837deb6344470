"""Change of keys while everything runs: add, seal again, retire when no record needs the old one.
A model names its secrets itself: `sealed_fields = {"sealed_key": "csd"}` (field -> purpose, bound by boxes.aad to
organization, purpose, row and version 1) and `code_fields = ("code_cipher",)`; both have `organization_id`, or name
in `code_owner` the column that a code is bound to instead."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.apps import apps
from django.db import models, transaction
from django.db.models import Count
from django.db.models.functions import Substr

from emite.vault import boxes, codes, envelope, worker
from emite.vault.keyfiles import KID_LENGTH, KeyTrouble, Name, add_key, drop_key, ring
from emite.vault.models import DataKey, KeyMark

# A process that read the ring just before a rotation may still commit a row under the old key.
RETIRE_AFTER = dt.timedelta(hours=1)
_BATCH = 500
_ROTATED: tuple[Name, ...] = ("worker/kek", "worker/hpke", "app/worker_public", "app/codes")


@dataclass(slots=True)
class Rotated:
    """What a rotation did, in rows."""

    data_keys: int = 0
    records: int = 0
    codes: int = 0
    retired: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Use:
    """One key of a ring and how many rows need it."""

    name: Name
    kid: str
    active: bool
    made_at: dt.datetime | None
    rows: int


def rotate(now: dt.datetime) -> Rotated:
    """New keys for everything that can be sealed again, then seal it again, then retire what is old and unused.

    Runs beside a working system; a second run finishes what an interrupted one left. The pepper of the codes stays:
    it is a hash, changing it would lose every printed ticket.
    """
    keys = [(name, add_key(name, now)) for name in _ROTATED]
    marks = [KeyMark(name=name, kid=key.kid, noted_at=now) for name, key in keys]
    KeyMark.objects.bulk_create(marks, ignore_conflicts=True)
    return reseal(now)


def reseal(now: dt.datetime) -> Rotated:
    """Seal again whatever an older key holds, without making new keys."""
    done = Rotated(data_keys=_rewrap_data_keys(), records=adopt(), codes=_reseal_codes())
    done.retired = retire(now)
    return done


def adopt() -> int:
    """Move values sealed for the worker into their organization's envelope; returns how many. Worker only."""
    moved = 0
    for model, name, purpose in _sealed_fields():
        found = _with_prefix(model, name, boxes.FOR_WORKER)

        def again(row: models.Model, sealed: bytes, purpose: str = purpose) -> bytes:
            organization_id = row.organization_id  # type: ignore[attr-defined]
            bound_to = boxes.aad(organization_id, purpose, row.pk)
            return envelope.seal(organization_id, worker.open_sealed(sealed, bound_to), bound_to)

        moved += _replace(found, name, again)
    return moved


def retire(now: dt.datetime) -> list[str]:
    """Forget keys replaced over an hour ago that no row needs; returns their ids."""
    retired = []
    for use in status():
        key = ring(use.name).get(use.kid)
        old = key.replaced_at is not None and key.replaced_at <= now - RETIRE_AFTER
        if old and not use.rows and not use.active:
            drop_key(use.name, use.kid)
            retired.append(f"{use.name}:{use.kid}")
    return retired


def status() -> list[Use]:
    """Every key of every rotated ring with the rows that need it."""
    counts: dict[Name, dict[str, int]] = {
        "worker/kek": _count(DataKey, "wrapped", boxes.DATA_KEY),
        "worker/hpke": {},
        "app/codes": {},
    }
    for model, name, _purpose in _sealed_fields():
        _merge(counts["worker/hpke"], _count(model, name, boxes.FOR_WORKER))
    for model, name in _code_fields():
        _merge(counts["app/codes"], _count(model, name, boxes.CODE))
    counts["app/worker_public"] = counts["worker/hpke"]
    return [
        Use(name, key.kid, key.kid == ring(name).active.kid, key.made_at, counts[name].get(key.kid, 0))
        for name in _ROTATED
        for key in ring(name).keys.values()
    ]


def unopenable() -> Iterator[str]:
    """`model pk` of every sealed row that does not open: lost keys are found before they are needed."""
    for model, name, purpose in _sealed_fields():
        for row in model._default_manager.exclude(**{name: b""}).iterator(chunk_size=_BATCH):
            organization_id = row.organization_id  # type: ignore[attr-defined]
            try:
                worker.open_sealed(bytes(getattr(row, name)), boxes.aad(organization_id, purpose, row.pk))
            except (boxes.CannotOpen, KeyTrouble):
                yield f"{model._meta.label} {row.pk}"
    for model, name in _code_fields():
        for row in model._default_manager.exclude(**{name: b""}).iterator(chunk_size=_BATCH):
            try:
                codes.decrypt_code(getattr(row, _owner(model)), bytes(getattr(row, name)))
            except (boxes.CannotOpen, KeyTrouble):
                yield f"{model._meta.label} {row.pk}"


def _rewrap_data_keys() -> int:
    active = boxes.DATA_KEY + ring("worker/kek").active.kid.encode()
    old = _prefixed(DataKey, "wrapped").exclude(prefix=active)
    return _replace(old, "wrapped", lambda row, _: envelope.wrap(row, envelope.unwrap(row)))  # type: ignore[arg-type]


def _reseal_codes() -> int:
    active = boxes.CODE + ring("app/codes").active.kid.encode()
    done = 0
    for model, name in _code_fields():

        def again(row: models.Model, sealed: bytes) -> bytes:
            owner = getattr(row, _owner(type(row)))
            return codes.encrypt_code(owner, codes.decrypt_code(owner, sealed))

        old = _prefixed(model, name).filter(prefix__gt=boxes.CODE).exclude(prefix=active)
        done += _replace(old, name, again)
    return done


def _replace(rows: models.QuerySet[models.Model], name: str, again: Callable[[models.Model, bytes], bytes]) -> int:
    """Write `again(row, old)` over each row, a short transaction per batch, skipping rows that somebody holds."""
    done = 0
    after = None
    while True:
        with transaction.atomic():
            page = rows.only("pk", name, *_bound_columns(rows.model)).order_by("pk")
            if after is not None:
                page = page.filter(pk__gt=after)
            batch = list(page.select_for_update(skip_locked=True, of=("self",))[:_BATCH])
            if not batch:
                return done
            for row in batch:
                setattr(row, name, again(row, bytes(getattr(row, name))))
            type(batch[0])._default_manager.bulk_update(batch, [name])
        done += len(batch)
        after = batch[-1].pk


def _bound_columns(model: type[models.Model]) -> tuple[str, ...]:
    """What boxes are bound to, besides the row itself."""
    return ("organization_id", "version") if model is DataKey else (_owner(model),)


def _owner(model: type[models.Model]) -> str:
    return str(getattr(model, "code_owner", "organization_id"))


def _prefixed(model: type[models.Model], name: str) -> models.QuerySet[models.Model]:
    """Rows with their kind and key id as `prefix`."""
    prefix = Substr(name, 1, 1 + KID_LENGTH, output_field=models.BinaryField())
    return model._default_manager.annotate(prefix=prefix)


def _with_prefix(model: type[models.Model], name: str, kind: bytes) -> models.QuerySet[models.Model]:
    return model._default_manager.annotate(kind_byte=Substr(name, 1, 1, output_field=models.BinaryField())).filter(
        kind_byte=kind
    )


def _count(model: type[models.Model], name: str, kind: bytes) -> dict[str, int]:
    """Rows by key id, among those of this kind."""
    groups = _prefixed(model, name).values("prefix").annotate(rows=Count("pk")).values_list("prefix", "rows")
    return {
        bytes(prefix)[1:].decode("ascii", "replace"): rows
        for prefix, rows in groups.order_by()
        if bytes(prefix or b"")[:1] == kind
    }


def _merge(into: dict[str, int], more: dict[str, int]) -> None:
    for kid, rows in more.items():
        into[kid] = into.get(kid, 0) + rows


def _sealed_fields() -> Iterator[tuple[type[models.Model], str, str]]:
    for model in apps.get_models():
        for name, purpose in getattr(model, "sealed_fields", {}).items():
            yield model, name, purpose


def _code_fields() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        for name in getattr(model, "code_fields", ()):
            yield model, name
