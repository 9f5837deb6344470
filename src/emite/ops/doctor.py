"""`emite doctor`: what is wrong with this installation, in words, and how to cure it. Changes nothing.
Each look belongs to the folder that owns the thing; here they are asked in order."""

import argparse
import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from emite.database import embedded, looking
from emite.database.address import is_external
from emite.database.folder import data_folder
from emite.database.looking import Finding
from emite.database.trouble import Trouble

CERTIFICATE_DAYS = (90, 30, 7)
CLOCK_SECONDS = 60
WORKER_SILENCE = dt.timedelta(seconds=60)

_MARKS = {True: "bien ", None: "nota ", False: "MAL  "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="muestra sólo lo que está mal")
    parser.add_argument("--host", default="127.0.0.1", help="dirección de la web (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="puerto de la web (8000)")


def run(options: argparse.Namespace) -> int:
    """Print one line per look; 0 when nothing is wrong, 1 otherwise."""
    wrong = 0
    for finding in look(options.host, options.port):
        wrong += finding.ok is False
        if finding.ok is False or not options.quiet:
            print(f"{_MARKS[finding.ok]} {finding.text}")
    print("Nada está mal." if not wrong else f"{wrong} cosas por arreglar." if wrong > 1 else "1 cosa por arreglar.")
    return 1 if wrong else 0


def look(host: str, port: int) -> Iterator[Finding]:
    """Every finding, cheapest first. A stopped embedded server is started for the look and stopped again."""
    yield from looking.look_at_folder()
    if not data_folder().is_dir():
        return
    yield from _secret()
    yield from _keys()
    yield from _catalogues()
    yield from _port(host, port)
    folder = data_folder()
    made = (folder / "postgres" / "PG_VERSION").exists()
    started = False
    if not is_external() and made and not embedded.answers(folder):
        yield Finding(None, "emite está detenido; la base de datos se enciende sólo para mirarla.")
        try:
            embedded.ensure_running(die_with_us=True)
            started = True
        except Trouble as trouble:
            yield Finding(False, str(trouble))
            return
    try:
        findings = list(looking.look_at_server())
        yield from findings
        if (made or is_external()) and not any(finding.ok is False for finding in findings):
            yield from _inside(running=not started)
    finally:
        if started:
            embedded.stop(folder)


def _secret() -> Iterator[Finding]:
    path = data_folder() / "secret_key"
    if os.environ.get("EMITE_SECRET_KEY") or os.environ.get("EMITE_SECRET_KEY_FILE"):
        return
    if not path.exists():
        yield Finding(False, f"Falta {path}, con que se firman las sesiones. La crea: emite run")
    elif path.stat().st_mode & 0o077:
        yield Finding(False, f"Otros usuarios pueden leer {path}. Ciérrelo con: chmod 600 {path}")


def _keys() -> Iterator[Finding]:
    from emite.vault import keyfiles

    bad = 0
    for name in keyfiles.NAMES:
        try:
            keyfiles.ring(name)
        except Trouble as trouble:
            bad += 1
            yield Finding(False, str(trouble))
    if not bad:
        public, private = keyfiles.ring("app/worker_public").active.kid, keyfiles.ring("worker/hpke").active.kid
        if public != private:
            yield Finding(
                False, "La llave pública del trabajador no es la de su llave privada. Repita: emite keys rotate"
            )
        else:
            yield Finding(True, f"Llaves completas y cerradas en {keyfiles.keys_folder()}.")


def _catalogues() -> Iterator[Finding]:
    from emite import lookup
    from emite.cfdi import codes

    try:
        known = codes.contains("c_UsoCFDI", "G03") and bool(lookup.search("c_ClaveUnidad", "E48"))
    except (OSError, ValueError, KeyError, codes.SatDataMissing):
        known = False
    if known:
        yield Finding(True, "Catálogos y esquemas del SAT preparados.")
    else:
        yield Finding(False, "Faltan los catálogos y esquemas del SAT. Los prepara: emite sat-data")


def _port(host: str, port: int) -> Iterator[Finding]:
    from emite.ops.run import check_port, listens

    if listens(host, port):
        yield Finding(None, f"Alguien atiende en {host}:{port}; si no es emite, elija otro puerto con --port.")
        return
    try:
        check_port(host, port)
    except Trouble as trouble:
        yield Finding(False, str(trouble))


def _inside(*, running: bool) -> Iterator[Finding]:
    """What the tables tell; needs a server that answers."""
    from emite.ops import ground

    ground.set_up_django()
    from django.db import connections

    from emite.database import migrating

    try:
        pending = migrating.pending()
        if pending:
            yield Finding(False, f"Las tablas están atrasadas ({len(pending)} cambios). Las actualiza: emite migrate")
            return
        yield Finding(True, "Tablas al día.")
        now = dt.datetime.now(dt.UTC)
        looks: Iterable[Callable[[dt.datetime], Iterator[Finding]]]
        looks = (_quarantine, _damage, _certificates, _clock, _documents, _globals, _complements, _mail)
        for one in (_worker, *looks) if running else looks:
            yield from one(now)
    finally:
        connections.close_all()


def _worker(now: dt.datetime) -> Iterator[Finding]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > %s", [now - WORKER_SILENCE])
        (alive,) = cursor.fetchone()
    if alive:
        yield Finding(True, f"Trabajadores activos: {alive}.")
    else:
        yield Finding(False, "Ningún trabajador da señales: nada se timbra. Lo inicia: emite work (o emite run)")


def _quarantine(now: dt.datetime) -> Iterator[Finding]:
    from emite.documents import quarantine

    row = quarantine.current()
    if row is not None:
        words = (
            f"Se restauró el respaldo del {row.taken_at:%d/%m/%Y %H:%M} UTC y nada se timbra. Siga: emite quarantine"
        )
        yield Finding(False, words)


def _damage(now: dt.datetime) -> Iterator[Finding]:
    from emite.documents.models import Damage

    found = Damage.objects.filter(repaired_at=None).count()
    if found:
        yield Finding(False, f"{found} CFDI guardados ya no son los que se guardaron. Siga: emite verify --repair")


def _certificates(now: dt.datetime) -> Iterator[Finding]:
    from emite.issuers.models import StoredCsd

    for csd in StoredCsd.objects.filter(active=True).select_related("issuer"):
        left = (csd.not_after - now).days
        name = f"El CSD {csd.no_certificado} de {csd.issuer.rfc}"
        if csd.not_after <= now:
            yield Finding(False, f"{name} venció el {csd.not_after:%d/%m/%Y}. Cargue uno nuevo.")
        elif left <= CERTIFICATE_DAYS[0]:
            yield Finding(
                None if left > CERTIFICATE_DAYS[1] else False, f"{name} vence en {left} días. Renuévelo en el SAT."
            )


def _clock(now: dt.datetime) -> Iterator[Finding]:
    from emite.issuers import pac_manifests, pac_stamps
    from emite.issuers.models import PacAccount

    for account in PacAccount.objects.filter(active=True).select_related("issuer"):
        seconds = account.clock_offset_ms / 1000
        if abs(seconds) > CLOCK_SECONDS:
            yield Finding(
                False, f"El reloj de este equipo difiere {seconds:+.0f} s del PAC ({account.provider}). Ajústelo (NTP)."
            )
        if account.open_until and account.open_until > now:
            yield Finding(False, f"El PAC {account.provider} no responde desde hace {account.failures} intentos.")
        if pac_stamps.runs_short(account):
            words = f"A la cuenta {account.user} de {account.provider} le quedan {account.stamps_left} timbres."
            yield Finding(None if account.stamps_left else False, words)
        if pac_manifests.standing(account) in (pac_manifests.Standing.PENDING, pac_manifests.Standing.REFUSED):
            yield Finding(False, f"Falta la carta manifiesto de {account.issuer.rfc} con {account.provider}.")


def _documents(now: dt.datetime) -> Iterator[Finding]:
    from django.db.models import Count

    from emite.documents.models import FiscalDocument

    states = FiscalDocument.objects.values_list("state").annotate(rows=Count("pk")).order_by()
    counts = dict(states)
    held, unknown = counts.get("held", 0), counts.get("unknown", 0)
    if held:
        yield Finding(False, f"{held} CFDI detenidos esperan a una persona.")
    if unknown:
        yield Finding(None, f"{unknown} CFDI en duda: se consultan solos al PAC.")


def _globals(now: dt.datetime) -> Iterator[Finding]:
    from emite.invoices import watching
    from emite.issuers.models import Issuer

    issuers = Issuer.objects.select_related("organization").order_by("organization__slug")
    for organization in {issuer.organization_id: issuer.organization for issuer in issuers}.values():
        if watching.lacks_user(organization):
            yield Finding(False, f"{organization.slug}: {watching.NOBODY} Que un administrador vincule a otra persona.")


def _complements(now: dt.datetime) -> Iterator[Finding]:
    from emite.settlements import checking

    wrong = len(list(checking.faults()))
    if wrong:
        yield Finding(False, f"{wrong} saldos por cobrar no son lo que dicen sus papeles. Los nombra: emite verify")
    # Nowhere in Mexico is it later than in Tijuana: what is late there is late everywhere.
    today = now.astimezone(ZoneInfo("America/Tijuana")).date()
    for slug, count, since in checking.late(today):
        words = f"{slug}: {count} complementos de pago vencidos, el primero el {since:%d/%m/%Y}."
        yield Finding(None, f"{words} Se generan en Complementos; el SAT los recibe aunque sea tarde.")


def _mail(now: dt.datetime) -> Iterator[Finding]:
    from django.conf import settings

    from emite.mailing.files import keeps_letters_here

    if keeps_letters_here():
        folder = Path(settings.EMAIL_FILE_PATH)
        yield Finding(None, f"Los correos no salen: se guardan en {folder}. Nombre un servidor con EMITE_EMAIL_HOST.")
