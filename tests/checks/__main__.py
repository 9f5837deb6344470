"""`make check`: what neither lint nor types can see. One line per fault; 1 if there is any."""

import os
import sys

import django


def main() -> int:
    os.environ["EMITE_DATA"] = "/nonexistent"
    os.environ["DJANGO_SETTINGS_MODULE"] = "emite.config.settings"
    django.setup()
    from tests.checks import dependencies, migrations, secrets

    found = [*migrations.faults(), *dependencies.faults(), *secrets.faults()]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
