"""`emite keys`: make, change and look over the installation's keys.
The keys themselves live in vault."""

import argparse
import datetime as dt

from emite.ops import ground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="acción")
    actions.add_parser("init", help="crea las llaves que falten")
    actions.add_parser("status", help="muestra cada llave y cuántos registros la usan")
    actions.add_parser("rotate", help="llaves nuevas; vuelve a cifrar todo sin detener el servicio")
    actions.add_parser("retire", help="olvida las llaves reemplazadas que ya nadie usa")
    actions.add_parser("verify", help="comprueba que todo lo cifrado se puede abrir")


def run(options: argparse.Namespace) -> int:
    now = dt.datetime.now(dt.UTC)
    if options.action == "init":
        from emite.database.folder import ensure_folder
        from emite.vault import keyfiles

        ensure_folder()
        made = keyfiles.ensure_keys(now)
        print("\n".join(f"creada: {path}" for path in made) or "Las llaves ya existían; no se tocó ninguna.")
        return 0
    with ground.standing():
        return _ACTIONS[options.action](now)


def _status(now: dt.datetime) -> int:
    from emite.vault import rotating

    for use in rotating.status():
        since = f"{use.made_at:%Y-%m-%d}" if use.made_at else "?"
        print(
            f"{use.name:<20} {use.kid}  {'activa' if use.active else 'anterior':<9} desde {since}  {use.rows} registros"
        )
    return 0


def _rotate(now: dt.datetime) -> int:
    from emite.audit import record
    from emite.vault import rotating

    done = rotating.rotate(now)
    record(organization_id=None, actor="emite keys", action="keys.rotate", subject="installation", now=now,
           after={"data_keys": done.data_keys, "records": done.records, "codes": done.codes})  # fmt: skip
    print(
        f"Llaves nuevas en uso. Se volvieron a cifrar {done.data_keys} llaves de organización, "
        f"{done.records} secretos y {done.codes} códigos; se retiraron {len(done.retired)} llaves."
    )
    return 0


def _retire(now: dt.datetime) -> int:
    from emite.vault import rotating

    retired = rotating.retire(now)
    print("\n".join(f"retirada: {name}" for name in retired) or "Ninguna llave anterior se puede retirar todavía.")
    return 0


def _verify(now: dt.datetime) -> int:
    from emite.vault import rotating

    closed = list(rotating.unopenable())
    for name in closed:
        print(f"NO ABRE: {name}")
    if not closed:
        print("Todo lo cifrado se puede abrir.")
    return 1 if closed else 0


_ACTIONS = {"status": _status, "rotate": _rotate, "retire": _retire, "verify": _verify}
