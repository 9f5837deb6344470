"""The proof that a text was accepted: by whom, when, which version, and the text itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emite.typeset.data import Branding, Venue
from emite.typeset.ticket_page import document_of, venue_lines
from emite.typeset.written import moment


@dataclass(frozen=True, slots=True)
class ProofPrint:
    """`facts` are label and value; `text` has its paragraphs apart by an empty line."""

    branding: Branding
    venue: Venue
    title: str
    version: str
    at: datetime
    facts: tuple[tuple[str, str], ...]
    text: str


def proof_page(data: ProofPrint) -> dict[str, Any]:
    """The page's data but for its `brand`."""
    head = [["Versión", data.version], ["Fecha", moment(data.at)]]
    return {
        "document": document_of(data.title, data.branding.name, data.at),
        "head": {"title": data.title, "lines": head},
        "venue": venue_lines(data.venue),
        "facts": [list(fact) for fact in data.facts],
        "paragraphs": [" ".join(each.split()) for each in data.text.split("\n\n") if each.strip()],
    }
