"""`make fuzz`: spoils what each parser reads for SECONDS each (EMITE_FUZZ_SECONDS, 60), and says what broke.

    python -m tests.fuzz [NAME ...]

Where atheris is installed (`pip install atheris`; no part of the set-up: 35 MB, Linux and Python to 3.13 alone) it
steers by what the code does, one target in a process of its own; otherwise chance alone, and the seed is told.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("EMITE_DATA", "/nonexistent")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emite.config.settings")
LONGEST = 5.0


def main(names: list[str]) -> int:
    seconds = int(os.environ.get("EMITE_FUZZ_SECONDS", "60"))
    if names[:1] == ["--steered"]:
        return _steered(names[1], seconds)
    _prepare()
    from tests.fuzz.targets import TARGETS

    steered, broken = find_spec("atheris") is not None, 0
    for name in names or TARGETS:
        broken += _apart(name) if steered else _by_chance(name, seconds)
    print(f"{broken} se rompieron." if broken else "Ninguno se rompió.")
    return 1 if broken else 0


def _prepare() -> None:
    import django

    django.setup()


def _by_chance(name: str, seconds: int) -> int:
    from tests.fuzz.targets import TARGETS, feed, spoil

    target, seed = TARGETS[name], random.SystemRandom().randrange(2**32)
    chance, rounds, longest = random.Random(seed), 0, 0.0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data, began = spoil(chance.choice(target.seeds), chance), time.process_time()
        try:
            feed(target, data)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            return _keep(name, data, traceback.format_exc())
        longest = max(longest, time.process_time() - began)
        if longest > LONGEST:
            return _keep(name, data, f"{longest:.1f} s")
        rounds += 1
    room = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name:<14}{rounds:>10,} lecturas, la más larga {longest * 1000:,.0f} ms, {room} MB (semilla {seed})",
        flush=True,
    )
    return 0


def _keep(name: str, data: bytes, words: str) -> int:
    path = Path(tempfile.gettempdir()) / f"emite-fuzz-{name}.bin"
    path.write_bytes(data)
    print(f"{name}: se rompió con {path}\n{words}", flush=True)
    return 1


def _apart(name: str) -> int:
    done = subprocess.run([sys.executable, "-m", "tests.fuzz", "--steered", name], check=False)
    return int(done.returncode != 0)


def _steered(name: str, seconds: int) -> int:
    import atheris

    with atheris.instrument_imports(include=["emite"]):
        _prepare()
        from tests.fuzz.targets import TARGETS, feed

    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="emite-fuzz-") as folder:
        for number, seed in enumerate(target.seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        bounds = [f"-max_total_time={seconds}", f"-timeout={LONGEST:.0f}", "-rss_limit_mb=512", "-max_len=20000"]
        kept = f"-artifact_prefix={tempfile.gettempdir()}/emite-fuzz-{name}-"
        atheris.Setup([name, *bounds, kept, "-print_final_stats=1", folder], lambda data: feed(target, data) and None)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
