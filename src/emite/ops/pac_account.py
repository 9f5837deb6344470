"""`emite pac-account`: see, add, change and try the accounts with which an organization stamps.

What an account must be lives in `issuers.pac_accounts`; the same is on the desk for administrators.
"""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from emite.database.trouble import Trouble
from emite.ops import ground
from emite.pac.connect import PROVIDERS

if TYPE_CHECKING:
    from emite.issuers.models import Issuer, PacAccount

_TIMES = ("visible_after", "max_processing")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="acción")
    actions.add_parser("list", help="muestra las cuentas y cuántas facturas esperan en cada una")
    for name, words in (
        ("add", "agrega la cuenta de un emisor"),
        ("change", "cambia la contraseña, o reemplaza la cuenta si se da otra cosa"),
        ("test", "prueba la conexión"),
        ("manifest", "registra la carta manifiesto que se firmó en la página del PAC"),
        ("pace", "timbra a lo más tantos por segundo; 0: sin límite; usual: lo normal del PAC"),
        ("alarm", "avisa cuando queden menos timbres que estos; 0: nunca"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("organization", metavar="organización", help="identificador en el enlace")
        action.add_argument("--rfc", help="emisor, si la organización tiene varios")
        if name == "manifest":
            action.add_argument("--signed-on", type=dt.date.fromisoformat, required=True, help="fecha, AAAA-MM-DD")
            action.add_argument("--pdf", type=Path, required=True, help="la carta firmada que dio el PAC")
        if name == "alarm":
            action.add_argument("count", metavar="timbres", type=int, choices=range(1_000_001), help="de 0 a 1000000")
        if name == "pace":
            action.add_argument("count", metavar="timbres", type=_pace_of, help="de 0 a 1000, o usual")
        if name in ("test", "manifest", "alarm", "pace"):
            continue
        action.add_argument("--provider", choices=tuple(PROVIDERS), help="PAC", required=name == "add")
        action.add_argument("--url", help="dirección del servicio", required=name == "add")
        action.add_argument("--user", help="usuario de la cuenta", required=name == "add")
        action.add_argument("--dedup", choices=("content", "key", "none"), help="cómo reconoce duplicados")
        action.add_argument("--visible-after", type=float, metavar="S", help="segundos hasta que muestra un timbre")
        action.add_argument("--max-processing", type=float, metavar="S", help="segundos que puede tardar en timbrar")


def run(options: argparse.Namespace) -> int:
    now = dt.datetime.now(dt.UTC)
    with ground.standing():
        from emite.issuers.pac_accounts import AccountRefused

        try:
            return _ACTIONS[options.action](options, now)
        except AccountRefused as refused:
            raise Trouble(refused.message) from refused


def _list(options: argparse.Namespace, now: dt.datetime) -> int:
    from emite.documents.rerouting import under_way
    from emite.issuers.models import PacAccount

    rows = PacAccount.objects.select_related("organization", "issuer").order_by("organization__slug", "-active", "pk")
    for account in rows:
        state = "en uso" if account.active else "reemplazada"
        print(
            f"{account.organization.slug:<20} {account.issuer.rfc:<13} {state:<12} {account.provider} "
            f"{account.base_url} {account.user}  {under_way(account)} facturas en curso"
        )
    if not rows:
        print("No hay cuentas: agregue una con emite pac-account add.")
    return 0


def _add(options: argparse.Namespace, now: dt.datetime) -> int:
    issuer = _issuer(options)
    if _account(issuer) is not None:
        raise Trouble("Ese emisor ya tiene cuenta: use emite pac-account change para reemplazarla.")
    return _use(options, issuer, None, now)


def _change(options: argparse.Namespace, now: dt.datetime) -> int:
    from emite.issuers.pac_accounts import change_password

    issuer = _issuer(options)
    before = _account(issuer)
    if before is None:
        raise Trouble("Ese emisor todavía no tiene cuenta: use emite pac-account add.")
    given = (options.provider, options.url, options.user, options.dedup, options.visible_after, options.max_processing)
    if any(value is not None for value in given):
        return _use(options, issuer, before, now)
    change_password(before, _password(), user=None, now=now)
    print("Contraseña cambiada. Pruébela con emite pac-account test.")
    return 0


def _test(options: argparse.Namespace, now: dt.datetime) -> int:
    from emite.issuers.pac_accounts import run_test

    account = _account(_issuer(options))
    if account is None:
        raise Trouble("Ese emisor todavía no tiene cuenta: use emite pac-account add.")
    ok, text = run_test(account.pk, now=now)
    print(text)
    return 0 if ok else 1


def _manifest(options: argparse.Namespace, now: dt.datetime) -> int:
    from emite.issuers import pac_manifests

    issuer = _issuer(options)
    account = _account(issuer)
    if account is None:
        raise Trouble("Ese emisor todavía no tiene cuenta: use emite pac-account add.")
    try:
        pdf = options.pdf.read_bytes()
        made = pac_manifests.sign(issuer, account.provider, signed_on=options.signed_on, pdf=pdf, user=None, now=now)
    except OSError as error:
        raise Trouble(f"No se pudo leer {options.pdf}: {error.strerror}.") from error
    except pac_manifests.ManifestRefused as refused:
        raise Trouble(refused.message) from refused
    print(f"Carta de {issuer.rfc} con {account.provider}, firmada el {made.signed_on}. SHA-256 {made.sha256}")
    return 0


def _alarm(options: argparse.Namespace, now: dt.datetime) -> int:
    from emite.issuers import pac_stamps

    account = _account(_issuer(options))
    if account is None:
        raise Trouble("Ese emisor todavía no tiene cuenta: use emite pac-account add.")
    pac_stamps.alarm_at(account, options.count, user=None, now=now)
    print(f"Aviso con menos de {options.count:,} timbres." if options.count else "Sin aviso por timbres.")
    return 0


def _pace_of(text: str) -> int | None:
    if text == "usual":
        return None
    count = int(text)
    if not 0 <= count <= 1000:
        raise ValueError(text)
    return count


def _pace(options: argparse.Namespace, now: dt.datetime) -> int:
    from emite.documents.pacing import pace_of
    from emite.issuers.pac_accounts import pace_at

    account = _account(_issuer(options))
    if account is None:
        raise Trouble("Ese emisor todavía no tiene cuenta: use emite pac-account add.")
    pace_at(account, options.count, user=None, now=now)
    account.pace = options.count
    count = pace_of(account)
    print(f"A lo más {count:,} timbres por segundo." if count else "Sin límite de timbres por segundo.")
    return 0


def _use(options: argparse.Namespace, issuer: Issuer, before: PacAccount | None, now: dt.datetime) -> int:
    from emite.documents.rerouting import use
    from emite.issuers.pac_accounts import Wanted

    def kept(name: str, option: str) -> str:
        given = getattr(options, option)
        return str(given if given is not None else getattr(before, name, ""))

    times = {
        name: dt.timedelta(seconds=seconds) if (seconds := getattr(options, name)) is not None
        else getattr(before, name, None)
        for name in _TIMES
    }  # fmt: skip
    wanted = Wanted(
        kept("provider", "provider"), kept("base_url", "url"), kept("user", "user"), _password(),
        dedup=kept("dedup", "dedup"), **times,
    )  # fmt: skip
    done = use(issuer, wanted, user=None, now=now)
    print(f"Cuenta en uso: {done.account.provider} {done.account.base_url} {done.account.user}")
    print(f"Facturas que pasan a ella: {done.moved}. Se aclaran con la anterior, donde se enviaron: {done.pinned}.")
    return 0


def _issuer(options: argparse.Namespace) -> Issuer:
    from emite.issuers.models import Issuer

    rows = Issuer.objects.filter(organization__slug=options.organization).order_by("created_at")
    if options.rfc:
        rows = rows.filter(rfc=options.rfc.upper())
    found = list(rows)
    if not found:
        raise Trouble("No hay un emisor así: revise el identificador de la organización y el RFC.")
    if len(found) > 1:
        raise Trouble("Esa organización tiene varios emisores: diga cuál con --rfc.")
    return found[0]


def _account(issuer: Issuer) -> PacAccount | None:
    from emite.issuers.models import PacAccount

    return PacAccount.objects.filter(organization_id=issuer.organization_id, issuer=issuer, active=True).first()


def _password() -> str:
    """Typed unseen, or one line of the standard input: never an argument, which every process can read."""
    if sys.stdin.isatty():
        return getpass.getpass("Contraseña de la cuenta en el PAC: ")
    return sys.stdin.readline().rstrip("\n")


_ACTIONS = {
    "list": _list,
    "add": _add,
    "change": _change,
    "test": _test,
    "manifest": _manifest,
    "alarm": _alarm,
    "pace": _pace,
}
