"""Issuer (an RFC of an organization), its address, banks, manifest, StoredCsd, Series and PacAccount.

Keys are stored sealed: the web process can put them here, only the worker opens them.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import ClassVar

from django.conf import settings
from django.db import connection, models
from django.db.models import JSONField, Value

from emite.organizations.models import OwnedByOrganization


class Issuer(OwnedByOrganization):
    """An RFC that issues CFDI, with the data that SAT holds of it."""

    rfc = models.CharField("RFC", max_length=13)
    nombre = models.CharField("nombre o razón social", max_length=300)
    regimen_fiscal = models.CharField("régimen fiscal", max_length=3)
    postal_code = models.CharField("CP del domicilio fiscal", max_length=5)
    lugar_expedicion = models.CharField("CP del lugar de expedición", max_length=5)
    # [postal code, until when] of the places it moved away from, the oldest first: what was charged there stays theirs.
    former_places = models.JSONField(default=list, db_default=Value([], JSONField()), blank=True)
    # Of persons in the Régimen Simplificado de Confianza: the SAT's own mark of the RFC forbids it or demands it.
    resico_isr = models.BooleanField("las personas morales le retienen 1.25 % de ISR", default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "rfc"], name="issuer_one_per_rfc"),
        ]

    def __str__(self) -> str:
        return f"{self.rfc} {self.nombre}"

    def stays(self) -> list[tuple[str, dt.datetime | None]]:
        """Its own places in order, each with the moment when it moved away; the last is where it is."""
        past = [(place, dt.datetime.fromisoformat(until)) for place, until in self.former_places]
        return [*past, (self.lugar_expedicion, None)]

    def place_at(self, moment: dt.datetime) -> str:
        """The postal code where it issued at that moment."""
        return next(place for place, until in self.stays() if until is None or moment < until)


class FiscalAddress(OwnedByOrganization):
    """Where the RFC has its domicilio fiscal. Its postal code is the issuer's: here is the rest."""

    issuer = models.OneToOneField(Issuer, on_delete=models.PROTECT, related_name="address")
    street = models.CharField("calle", max_length=120)
    number = models.CharField("número exterior", max_length=20)
    inside = models.CharField("número interior", max_length=20, blank=True)
    colonia = models.CharField("colonia", max_length=120)
    municipio = models.CharField("municipio o alcaldía", max_length=120)
    estado = models.CharField("estado", max_length=3)


class BankAccount(OwnedByOrganization):
    """Where the RFC is paid. The bank is the CLABE's; a wrong account is retired, never changed."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="bank_accounts")
    clabe = models.CharField("CLABE", max_length=18)
    holder = models.CharField("titular", max_length=200)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "issuer", "clabe"],
                condition=models.Q(active=True),
                name="bank_account_one_per_clabe",
            ),
            models.CheckConstraint(condition=models.Q(clabe__regex="^[0-9]{18}$"), name="bank_account_clabe_digits"),
        ]


class ManifestAcceptance(OwnedByOrganization):
    """Somebody accepted our manifest for an RFC: which text, who, when and from where (as a keyed hash)."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="manifests")
    version = models.CharField(max_length=10)
    sha256 = models.CharField(max_length=64)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField()
    from_hash = models.CharField(max_length=64)
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "issuer", "version"], name="manifest_once_per_version"),
        ]


class StoredCsd(OwnedByOrganization):
    """A seal certificate (CSD) with its key, sealed for the worker. The SAT password is not kept."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="csds")
    no_certificado = models.CharField(max_length=20)
    certificate = models.BinaryField()
    sealed_key = models.BinaryField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    active = models.BooleanField(default=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    sealed_fields: ClassVar[dict[str, str]] = {"sealed_key": "csd"}

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "issuer"], condition=models.Q(active=True), name="csd_one_active"
            ),
        ]


class Series(OwnedByOrganization):
    """A counter of folios as a row: locked when a folio is taken; gaps may happen, duplicates cannot."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="series")
    name = models.CharField("serie", max_length=25)
    next_folio = models.PositiveBigIntegerField(default=1)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "issuer", "name"], name="series_one_per_name"),
        ]

    @staticmethod
    def take_folio(series_pk: uuid.UUID) -> tuple[str, int]:
        """Serie and the next folio. Call inside the transaction that stores the document."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE issuers_series SET next_folio = next_folio + 1 WHERE id = %s RETURNING name, next_folio - 1",
                [series_pk],
            )
            name, folio = cursor.fetchone()
        return name, folio


class PacAccount(OwnedByOrganization):
    """Where an issuer's CFDI are stamped. The circuit breaker and the clock offset are per account."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="pac_accounts")
    provider = models.CharField(max_length=20)
    base_url = models.CharField(max_length=200)
    user = models.CharField(max_length=120)
    sealed_password = models.BinaryField()
    dedup = models.CharField(max_length=10, blank=True)
    # Only for an account that differs from its provider's usual times.
    visible_after = models.DurationField(null=True, blank=True)
    max_processing = models.DurationField(null=True, blank=True)
    active = models.BooleanField(default=True)
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True)
    clock_offset_ms = models.IntegerField(default=0)
    created_at = models.DateTimeField(null=True, blank=True)
    # From then on only what was sent to it before is settled with it.
    replaced_at = models.DateTimeField(null=True, blank=True)
    # The worker tries the connection, because only it opens the password
    test_asked_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    test_ok = models.BooleanField(null=True, blank=True)
    test_text = models.CharField(max_length=300, blank=True)
    # What the PAC says that is left; None: not known, or without limit. Asked every hour by a worker.
    stamps_left = models.PositiveIntegerField(null=True, blank=True)
    stamps_asked_at = models.DateTimeField(null=True, blank=True)
    # Fewer than this many is an alarm; 0: none.
    stamps_alarm = models.PositiveIntegerField(default=100)
    # Stamps a second that are asked of it at most; None: as usual with this PAC; 0: without limit.
    pace = models.PositiveSmallIntegerField(null=True, blank=True)
    # Since when the PAC says that the issuer has not signed its carta manifiesto; its next stamp clears it.
    manifest_refused_at = models.DateTimeField(null=True, blank=True)
    sealed_fields: ClassVar[dict[str, str]] = {"sealed_password": "pac"}

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "issuer"], condition=models.Q(active=True), name="pac_account_one_active"
            ),
        ]

    @property
    def is_being_tested(self) -> bool:
        return self.test_asked_at is not None and (self.tested_at is None or self.tested_at < self.test_asked_at)


class PacManifest(OwnedByOrganization):
    """Evidence that an RFC signed a PAC's carta manifiesto, with its e.firma, on the PAC's own page."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="pac_manifests")
    provider = models.CharField(max_length=20)
    signed_on = models.DateField("fecha de firma")
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    # Who put it here: a person's mail, or the command of the server's operator.
    recorded_by = models.CharField(max_length=254)
    recorded_at = models.DateTimeField()
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "issuer", "provider", "sha256"], name="pac_manifest_once"),
        ]
