"""Each check finds what it is there for, and nothing in the tree as it is."""

import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.postgres import operations as postgres
from django.db import migrations as ops
from django.db import models
from django.db.migrations.loader import MigrationLoader

from tests.checks import dependencies, migrations, secrets


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


def _next(loader: MigrationLoader, app: str, *operations: Any, **attributes: Any) -> list[str]:
    """What is said of a migration that would follow the last one of this folder."""
    (last,) = (key for key in loader.graph.leaf_nodes() if key[0] == app)
    body = {"dependencies": [last], "operations": list(operations), "__module__": "emite.next", **attributes}
    migration = type("Migration", (ops.Migration,), body)("9999_next", app)
    graph = MigrationLoader(None)
    graph.disk_migrations[(app, "9999_next")] = migration
    graph.graph.add_node((app, "9999_next"), migration)
    graph.graph.add_dependency(migration, (app, "9999_next"), last)
    return list(migrations.judge(migration, graph))


_SUM = models.GeneratedField(expression=models.F("total"), output_field=models.TextField(), db_persist=True)
_SOME = models.CheckConstraint(condition=models.Q(total__gt=0), name="x")
_BREAK = {
    "quita una columna": ops.RemoveField("charge", "total"),
    "quita una tabla": ops.DeleteModel("payment"),
    "renombra": ops.RenameField("charge", "total", "sum"),
    "NOT NULL sin db_default": ops.AddField("charge", "x", models.IntegerField(default=0)),
    "índice con la columna": ops.AddField("charge", "x", models.IntegerField(null=True, db_index=True)),
    "calculada": ops.AddField("charge", "x", _SUM),
    "NOT NULL después": ops.AlterField("charge", "paid_at", models.DateTimeField()),
    "otro tipo": ops.AlterField("charge", "total", models.TextField()),
    "índice que detiene": ops.AddIndex("charge", models.Index(fields=["total"], name="x")),
    "regla que lee todo": ops.AddConstraint("charge", _SOME),
    "SQL que quita": ops.RunSQL("/* no */ ALTER TABLE charges_charge DROP COLUMN total"),
    "SQL con NOT NULL": ops.RunSQL("ALTER TABLE charges_charge ADD COLUMN x int NOT NULL"),
    "SQL con índice": ops.RunSQL(["SELECT 1", ("CREATE UNIQUE INDEX x ON charges_charge (total)", None)]),
    "SQL que reescribe": ops.RunSQL("ALTER TABLE charges_charge ALTER COLUMN total TYPE text"),
}  # fmt: skip


@pytest.mark.parametrize("operation", _BREAK.values(), ids=_BREAK)
def test_what_would_break_the_version_before_is_refused(loader: MigrationLoader, operation: Any) -> None:
    assert len(_next(loader, "charges", operation)) == 1


def test_what_lets_it_serve_passes(loader: MigrationLoader) -> None:
    index = models.Index(fields=["total"], name="y")
    good = (
        ops.AddField("charge", "x", models.IntegerField(default=0, db_default=0)),
        ops.AddField("charge", "z", models.TextField(null=True)),
        postgres.AddIndexConcurrently("charge", index),
        postgres.AddConstraintNotValid("charge", _SOME),
        ops.CreateModel("fresh", [("id", models.BigAutoField(primary_key=True)), ("a", models.TextField())]),
        ops.AddIndex("fresh", models.Index(fields=["a"], name="fresh_a")),
        ops.RunSQL(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN DROP TABLE a; END $x$; -- RENAME"
        ),
        ops.RunSQL("CREATE INDEX CONCURRENTLY z ON charges_charge (total); CREATE INDEX w ON charges_fresh (a)"),
    )
    assert _next(loader, "charges", *good, atomic=False) == []
    assert _next(loader, "organizations", ops.AddIndex("membership", models.Index(fields=["role"], name="x"))) == []


def test_data_are_moved_apart_from_tables(loader: MigrationLoader) -> None:
    moving, adding = ops.RunPython(lambda apps, editor: None), ops.AddField("charge", "z", models.TextField(null=True))
    assert _next(loader, "charges", moving) == []
    assert re.search("migración aparte", " ".join(_next(loader, "charges", adding, moving)))


def test_a_column_goes_when_a_released_version_no_longer_uses_it(
    loader: MigrationLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ops.RemoveField("charge", "total")
    assert _next(loader, "charges", gone, unused_since="0.0.9")
    monkeypatch.setattr(migrations, "released", lambda: {"0.0.9"})
    assert _next(loader, "charges", gone, unused_since="0.0.9") == []


def test_keys_and_tokens_are_seen_in_any_dress() -> None:
    key = rsa.generate_private_key(65537, 2048)
    shut = serialization.BestAvailableEncryption(b"12345678a")
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        for closed in (serialization.NoEncryption(), shut):
            data = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, closed)
            assert list(secrets.judge(data)), (encoding, closed)
            if encoding is serialization.Encoding.PEM:
                assert list(secrets.judge(b"KEY = '" + b"".join(data.splitlines()[1:-1]) + b"'")), closed
    for text in ("AKIA" + "A" * 16, "ghp_" + "a" * 36, "postgresql://emite:" + "s3cret1@db/x"):
        assert next(secrets.judge(f"one\nx = {text}\n".encode()))[:3] == ":2:"
    assert not list(secrets.judge(b"postgresql://emite_app:\xe2\x80\xa6@db/x"))


def test_a_package_without_hash_pin_or_known_licence_is_refused(tmp_path: Path) -> None:
    for name in dependencies.LISTS:
        (tmp_path / name).write_text("django==1.0\nlxml>=6 --hash=sha256:" + "a" * 64 + "\n", "utf-8")
    found = dependencies.faults(tmp_path)
    assert {"run.txt: django: sin huella", "run.txt: lxml>=6: sin versión fija"} <= set(found)
    for words, fine in (("MIT", True), ("LGPL-3.0-only", True), ("GNU Lesser General Public License v3", True),
                        ("MIT OR GPL-2.0", True), ("AGPL-3.0", False), ("GPLv3", False), ("", False)):  # fmt: skip
        assert (dependencies.judge_licence(words) == []) is fine, words
