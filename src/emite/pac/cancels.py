"""What every adapter does with the answer to a cancellation request, or to the receptor's word on one: is it the acuse
of what was asked?
Not here: a provider's protocol (one file each), what a code entails (cancellations/)."""

from __future__ import annotations

import re
from typing import Final

from emite.cfdi import acuse, respuesta
from emite.cfdi.cancelacion import UUID, verify
from emite.pac.port import (
    AnswerTold,
    CancelAnswer,
    CancelDoubt,
    CancelTold,
    Evidence,
    Pending,
    PendingAnswer,
    PendingUnknown,
    ReceptorAnswer,
)

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


def judge_answer(given: bytes, request: bytes, evidence: Evidence) -> ReceptorAnswer:
    """The same for the receptor's answer."""
    asked, _ = respuesta.verify(request)
    try:
        return AnswerTold(respuesta.read_acuse(given, asked), given, evidence)
    except acuse.AcuseInvalid as invalid:
        return CancelDoubt("EMI-ACUSE", f"el acuse recibido no corresponde: {invalid.reason}", evidence)


def judge_codes(codes: list[tuple[str, str, str]], request: bytes, evidence: Evidence) -> ReceptorAnswer:
    """The same of (UUID, word, code) where a PAC hands on no acuse."""
    asked, _ = respuesta.verify(request)
    told = {uuid.upper(): code for uuid, word, code in codes if word == asked.respuesta}
    if len(told) != len(codes) or set(told) != {asked.uuid} or not told[asked.uuid].isdigit():
        return CancelDoubt("EMI-ACUSE", "la respuesta del PAC no habla de lo que se contestó", evidence)
    return AnswerTold(told, b"", evidence)


def pending(given: object, evidence: Evidence) -> PendingAnswer:
    """A list of folios, read whole or not at all."""
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        return PendingUnknown("lista que no se entiende", evidence)
    uuids = tuple(dict.fromkeys(each.strip().upper() for each in given))
    if not all(UUID.fullmatch(each) for each in uuids):
        return PendingUnknown("lista con un folio fiscal que no se entiende", evidence)
    return Pending(uuids, evidence)
