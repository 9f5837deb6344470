"""Who did what, append-only and hash-chained per organization.
Not the history of a document (documents.DocumentEvent) nor technical logs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emite.audit.recording import record
    from emite.audit.verifying import verify_chain

__all__ = ["record", "verify_chain"]


def __getattr__(name: str) -> Any:
    """`record` and `verify_chain`, read late: a Django app may not import its models while it is being loaded."""
    if name == "record":
        from emite.audit.recording import record

        return record
    if name == "verify_chain":
        from emite.audit.verifying import verify_chain

        return verify_chain
    raise AttributeError(name)
