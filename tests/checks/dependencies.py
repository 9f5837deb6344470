"""What is installed is what was chosen: every package pinned with its hash, none from an address, each licence known.

Whether a version has a known weakness takes a service to ask: docs/operacion/actualizar.md says which.
"""

import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
LISTS = ("run.txt", "sat.txt", "dev.txt")

_ALLOWED = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla|LGPL|Lesser|PostgreSQL|OFL|SIL|HPND|CC0|"
    r"Unlicense|Public Domain|CNRI|ZPL)",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"\b(A?GPL|Affero|SSPL|BUSL|Commons Clause|Proprietary|Non.?Commercial)\b", re.IGNORECASE)
#: Packages whose metadata names none, or a wrong one: read by a person where they publish it.
_READ_BY_A_PERSON = {"axe-playwright-python": "MIT", "saxonche": "MPL-2.0", "qrcode": "BSD-3-Clause"}


def faults(folder: Path = ROOT / "requirements") -> list[str]:
    """`list: package: what is wrong` of each."""
    pins: dict[str, dict[str, str]] = {}
    found = []
    for name in LISTS:
        text = (folder / name).read_text("utf-8")
        pins[name], wrong = _read(text)
        found += [f"{name}: {words}" for words in wrong]
    found += [
        f"{name}: {package} {version}; en dev.txt {pins['dev.txt'].get(package, 'no está')}"
        for name in LISTS[:2]
        for package, version in pins[name].items()
        if pins["dev.txt"].get(package) != version
    ]
    for package in pins["dev.txt"]:
        found += [f"dev.txt: {package}: {words}" for words in _licence(package)]
    return found


def _read(text: str) -> tuple[dict[str, str], list[str]]:
    """The pins of a list, and what in it is neither a pin with its hashes nor a comment."""
    pins, wrong = {}, []
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        entry = entry.partition(" #")[0].strip()
        if not entry or entry.startswith("#"):
            continue
        pin = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", entry)
        if pin is None:
            wrong.append(f"{entry.split()[0]}: sin versión fija")
        elif not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry):
            wrong.append(f"{pin[1]}: sin huella")
        if pin:
            pins[pin[1].lower()] = pin[2]
    return pins, wrong


def _licence(package: str) -> list[str]:
    try:
        about = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return []  # for another platform or Python
    said = [about.get("License-Expression") or "", (about.get("License") or "")[:200]]
    said += [line for line in about.get_all("Classifier") or [] if line.startswith("License")]
    return judge_licence(_READ_BY_A_PERSON.get(package) or " | ".join(part for part in said if part))


def judge_licence(words: str) -> list[str]:
    """Nothing, when it is one that lets a hospital run and change this without opening its own."""
    refused = _REFUSED.search(re.sub(r"\bL(esser )?GPL|Lesser General Public", "", words, flags=re.IGNORECASE))
    if refused and not re.search(r"\bOR\b", words):
        return [f"licencia {words[:80]}"]
    return [] if _ALLOWED.search(words) else [f"licencia desconocida: {words[:80] or 'no la dice'}"]
