"""No key, password or token of anybody in the tree: what git keeps is read for the shapes that secrets have.

Own and small because the secrets at stake here are keys in DER, which no scanner that reads lines looks into
(detect-secrets, the nearest, had its last release in May 2024).
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

ROOT = Path(__file__).parents[2]

_SHAPES = {
    "llave privada en PEM": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}",
    # PKCS#8 plain (version, then rsaEncryption) and encrypted (PBES2), as base64 of their first bytes.
    "llave privada en base64": rb"\bMII[A-Za-z0-9+/]{3,6}(?:ADANBgkqhkiG9w0BAQEF|BgkqhkiG9w0BBQ0)",
    "llave de AWS": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "token de GitHub o GitLab": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{50}|glpat-[\w-]{20})",
    "token de Slack": rb"\bxox[abprs]-[A-Za-z0-9-]{10}",
    "JWT": rb"\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{20}",
}
#: Where addresses and passwords are invented to be refused or blotted out.
_INVENTED = ("tests/", "benchmarks/")
#: Carries the beginning of a key, cut, to see it blotted out.
_OWN_BAIT = ("tests/ops/test_logs.py",)
_WITH_PASSWORD = rb"\b[a-z]{3,12}://[^\s:/@'\"<>{}]+:[^\s/@'\"<>{}$]{4,}@"
# OIDs of rsaEncryption and PBES2: what a PKCS#8 carries in its first bytes and a certificate does not.
_KEY_OIDS = (bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01050d"))


def faults(root: Path = ROOT, files: list[Path] | None = None) -> list[str]:
    """`path:line: what it looks like` of each."""
    found = []
    for path in _kept(root) if files is None else files:
        name = path.relative_to(root).as_posix()
        if name in _OWN_BAIT:
            continue
        found += [f"{name}{words}" for words in judge(path.read_bytes(), invented=name.startswith(_INVENTED))]
    return found


def judge(data: bytes, *, invented: bool = False) -> Iterator[str]:
    """What in these bytes looks like a secret."""
    if data[:1] == b"\x30" and any(oid in data[:64] for oid in _KEY_OIDS) and not _is_certificate(data):
        yield ": llave privada en DER"
    shapes = _SHAPES if invented else {**_SHAPES, "contraseña en una dirección": _WITH_PASSWORD}
    for words, shape in shapes.items():
        for hit in re.finditer(shape, data):
            if "…".encode() not in hit[0]:
                yield f":{data.count(10, 0, hit.start()) + 1}: {words}"


def _is_certificate(data: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(data)
    except ValueError:
        return False
    return True


def _kept(root: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True)
    paths = (root / name.decode() for name in listed.stdout.split(b"\0") if name)
    return [path for path in paths if path.is_file()]
