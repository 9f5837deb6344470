"""What every adapter does with the answer to a cancellation request: is it the acuse of what was asked?
Not here: a provider's protocol (one file each), what a code entails (cancellations/)."""

from __future__ import annotations

import re
from typing import Final

from emite.cfdi import acuse
from emite.cfdi.cancelacion import verify
from emite.pac.port import CancelAnswer, CancelDoubt, CancelTold, Evidence

#: SAT's codes for a request that is refused whole: malformed, seal, issuer, certificate.
_REFUSALS: Final = re.compile(r"30[1-5]|308|310")


def is_refusal(code: str) -> bool:
    """Whether the code proves that the request was read and refused before anything was asked."""
    return _REFUSALS.fullmatch(code) is not None


def judge(given: bytes, request: bytes, evidence: Evidence) -> CancelAnswer:
    """CancelTold when `given` is the acuse of exactly this request; else a doubt, whatever the PAC says."""
    asked, _ = verify(request)
    try:
        told = acuse.read(given, rfc_emisor=asked.rfc_emisor, uuids=frozenset(folio.uuid for folio in asked.folios))
    except acuse.AcuseInvalid as invalid:
        return CancelDoubt("EMI-ACUSE", f"el acuse recibido no corresponde: {invalid.reason}", evidence)
    return CancelTold(told.codes, given, evidence)
