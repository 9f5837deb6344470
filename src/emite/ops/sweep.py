"""`emite sweep`: one pass over every row that is not final, now. The worker does it every few seconds."""

import argparse

from emite.ops import ground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(options: argparse.Namespace) -> int:
    with ground.standing():
        ground.refuse_half_restored()
        from emite.ops import driving

        woken = driving.sweep_once()
    print(f"Se despertaron {woken} pendientes.")
    return 0
