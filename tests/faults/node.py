"""A worker for a machine of the fleet: `emite work` with the times of the kills, in tenths of a second.

python -m tests.faults.node
"""

from __future__ import annotations

import argparse
import sys

from emite.ops import ground, work


def main() -> int:
    ground.set_up_django()
    from tests.faults.harness import short_times

    with short_times():
        return work.run(argparse.Namespace(concurrency=2, aside=0))


if __name__ == "__main__":
    sys.exit(main())
