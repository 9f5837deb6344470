"""All that an organization owns, in formats that outlive this program: one ZIP of CSV, XML and other files.

The tables are found from the models, so that one made tomorrow is in it. What would let somebody act in the
organization's name (keys, hashes of codes, passwords) is left out, and `SECRETS` says all of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any, Final

from django.apps import apps
from django.db import connection, models, transaction

from emite.audit.exporting import json_lines
from emite.audit.models import AuditEvent
from emite.organizations.models import Membership, Organization
from emite.sheets import comma
from emite.sheets.comma import Cell

#: table.column, never exported.
SECRETS: Final = frozenset({
    "vault_datakey.wrapped", "accounts_letter.sealed_words", "organizations_invitation.token_hash",
    "integrations_apikey.secret_hash", "integrations_idempotentrequest.asked_hash",
    "integrations_webhookendpoint.sealed_secret", "issuers_storedcsd.sealed_key", "issuers_pacaccount.sealed_password",
    "charges_charge.code_hash", "charges_charge.code_cipher",
})  # fmt: skip
#: Columns of bytes that are files. What is in no list is left out, until somebody says what it is.
FILES: Final = frozenset({
    "organizations_organization.logo", "issuers_storedcsd.certificate", "issuers_pacmanifest.pdf",
    "documents_sealedxml.xml", "documents_stampedxml.xml", "documents_stampattempt.raw", "care_externalcfdi.xml",
    "evidence_payerword.file", "evidence_transferevidence.file", "cancellations_signedanswer.xml",
    "cancellations_answeracuse.content", "cancellations_signedrequest.xml", "cancellations_acuse.xml",
    "cancellations_cancellationevent.raw", "reconciling_difference.xml", "reconciling_difference.raw",
    "reviews_receivedinvoice.xml", "reviews_receivedcomplement.xml", "reviews_receivedcredit.xml",
})  # fmt: skip
#: Columns of bytes, of any table, that are the fingerprint of something: written in hexadecimal.
DIGESTS: Final = frozenset({"sha256", "hash", "prev_hash"})
#: Rows held at a time; files may be of megabytes.
ROWS, AT_ONCE = 500, 4
_KINDS: Final = ((b"<?xml", "xml"), (b"%PDF", "pdf"), (b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg"), (b"0\x82", "cer"))
_OF_PEOPLE: Final = ("id", "email", "name")


@dataclass(frozen=True, slots=True)
class Written:
    """One file of the archive."""

    name: str
    size: int
    sha256: str


class _Measured(io.RawIOBase):
    """Passes bytes on and remembers how many they were, and their fingerprint."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.size, self.sha256 = file, 0, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.write(data)
        self.size += len(data)
        self.sha256.update(data)
        return len(data)


def write(organization: Organization, file: IO[bytes], now: dt.datetime) -> int:
    """Write the archive, of one instant of the database; how many files it holds.

    Rows and files pass through; what grows is the list that ends a ZIP, some hundred bytes for each file.
    For whoever may see all organizations' rows: each table is filtered here.
    """
    count = 0
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
        tempfile.TemporaryFile() as index,
        transaction.atomic(),
    ):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        index.write((comma.MARK + comma.line(("archivo", "bytes", "sha256"))).encode())
        for each in _files(archive, organization, now):
            index.write(comma.line((each.name, each.size, each.sha256)).encode())
            count += 1
        index.seek(0)
        _put(archive, "indice.csv", iter(lambda: index.read(1 << 16), b""))
    return count


def _files(archive: zipfile.ZipFile, organization: Organization, now: dt.datetime) -> Iterator[Written]:
    for rows, columns in _tables(organization):
        yield from _table(archive, rows, columns)
    events = AuditEvent.objects.filter(organization_id=organization.pk).order_by("position")
    chain = (line.encode() for line in json_lines(events.iterator(chunk_size=ROWS)))
    yield _put(archive, "bitacora.jsonl", chain)
    yield _put(archive, "LEAME.txt", [_read_me(organization, now).encode()])


def tenant_models() -> list[type[models.Model]]:
    """Every model of this program whose rows are of an organization, by table."""
    ours = [each for each in apps.get_models() if each.__module__.startswith("emite.")]
    found = [each for each in ours if "organization_id" in {field.attname for field in each._meta.concrete_fields}]
    return sorted(found, key=lambda each: each._meta.db_table)


def _tables(organization: Organization) -> Iterator[tuple[models.QuerySet[Any, Any], list[models.Field[Any, Any]]]]:
    yield Organization.objects.filter(pk=organization.pk), _columns(Organization)
    people = Membership.objects.filter(organization=organization).values("user_id")
    user = apps.get_model("accounts", "User")
    yield user.objects.filter(pk__in=people), [f for f in _columns(user) if f.attname in _OF_PEOPLE]
    for model in tenant_models():
        yield model._default_manager.filter(organization_id=organization.pk), _columns(model)


def _columns(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if _is_given(field)]


def _is_given(field: models.Field[Any, Any]) -> bool:
    name = named(field)
    if isinstance(field, models.BinaryField):
        return name in FILES or field.attname in DIGESTS
    return name not in SECRETS


def named(field: models.Field[Any, Any]) -> str:
    """As the lists above name it."""
    return f"{field.model._meta.db_table}.{field.attname}"


def _table(
    archive: zipfile.ZipFile, rows: models.QuerySet[Any, Any], columns: list[models.Field[Any, Any]]
) -> Iterator[Written]:
    """Its CSV, in which a file's cell says where it is; then those files."""
    table, names = rows.model._meta.db_table, [field.attname for field in columns]
    kept = [place for place, field in enumerate(columns) if named(field) in FILES]
    starts = {f"start_of_{names[place]}": _start(names[place]) for place in kept}
    asked = [f"start_of_{name}" if place in kept else name for place, name in enumerate(names)]
    ordered = rows.annotate(**starts).order_by("pk").values_list("pk", *asked)

    def lines() -> Iterator[bytes]:
        yield (comma.MARK + comma.line(names)).encode()
        for pk, *cells in ordered.iterator(chunk_size=ROWS):
            for place in kept:
                cells[place] = _place(table, pk, names[place], cells[place])
            yield comma.line(_cell(cell) for cell in cells).encode()

    yield _put(archive, f"tablas/{table}.csv", lines())
    for place in kept:
        of_one = rows.exclude(**{names[place]: None}).order_by("pk").values_list("pk", names[place])
        for pk, content in of_one.iterator(chunk_size=AT_ONCE):
            if content:
                yield _put(archive, _place(table, pk, names[place], content), [bytes(content)])


def _start(column: str) -> models.Func:
    """Enough of a file to know its kind."""
    return models.Func(
        models.F(column), models.Value(1), models.Value(5), function="substring", output_field=models.BinaryField()
    )


def _place(table: str, pk: object, column: str, content: Any) -> str:
    if not content:
        return ""
    start = bytes(content[:5])
    kind = next((kind for mark, kind in _KINDS if start.startswith(mark)), "bin")
    return f"archivos/{table}/{pk}-{column}.{kind}"


def _cell(value: Any) -> Cell:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    if value is None or isinstance(value, (str, int, float, Decimal, dt.date)):
        return value
    return str(value)


def _put(archive: zipfile.ZipFile, name: str, parts: Iterable[bytes]) -> Written:
    with archive.open(name, "w", force_zip64=True) as member:
        measured = _Measured(member)
        for part in parts:
            measured.write(part)
    return Written(name, measured.size, measured.sha256.hexdigest())


def _read_me(organization: Organization, now: dt.datetime) -> str:
    secrets = "\n".join(f"  {name}" for name in sorted(SECRETS))
    return f"""Todo lo que {organization.name} tiene en emite, al {now:%Y-%m-%d %H:%M} UTC.
Su identificador: {organization.slug}, {organization.pk}.

tablas/     una tabla por archivo, CSV en UTF-8 con su encabezado. Un texto que una hoja de cálculo ejecutaría
            (empieza con = + - @) lleva delante un apóstrofo. Fechas y horas con su zona; importes con punto decimal.
archivos/   los CFDI timbrados y sellados, acuses, XML recibidos, respuestas del PAC y documentos, byte por byte. La
            columna de su tabla dice el nombre de cada uno.
bitacora.jsonl  la bitácora, renglón por renglón como se encadenó: cada uno lleva la huella del anterior.
indice.csv  cada archivo con su tamaño y su huella SHA-256.

Una celda vacía es un texto vacío o un dato que no hay.

No está lo que dejaría actuar en su nombre; pida a quien opera la instalación lo que le haga falta:
{secrets}
"""
