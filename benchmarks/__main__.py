"""Every benchmark one after another, each in processes of its own, and one table of all.

    python -m benchmarks [NAME ...]

Milliseconds are those of this machine at this hour: trust the ratios. Ends with 1 when a benchmark fails, and with 0
when a target is missed: a busy machine misses them all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import report

NAMES = ("sealing", "typesetting", "insurer", "road", "portal", "closing", "fairness", "growth")


def main(names: list[str]) -> int:
    if unknown := set(names) - set(NAMES):
        raise SystemExit(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    failed = []
    with tempfile.TemporaryDirectory(prefix="emite-bench-") as folder:
        rows = Path(folder) / "rows"
        rows.touch()
        for name in names or NAMES:
            print(f"\n== {name}", flush=True)
            done = subprocess.run(
                [sys.executable, "-m", f"benchmarks.{name}"], env=os.environ | {report.KEPT_IN: str(rows)}, check=False
            )
            if done.returncode:
                failed.append(name)
        print("\n" + "\n".join(report.table(report.kept(rows))))
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
