"""The end of a CFDI: cancelling it with SAT's consent, and putting another in its place.
Not here: what a request looks like (cfdi/cancelacion.py), how it travels (pac/), the stamp (documents/)."""
