"""The payer's side: what an insurer or administrator received for review, what it decided, paid and was told.

Every row here belongs to the payer's organization, with its own copy of what it needs. What its physician must learn
leaves as a `Notice`, which the worker carries over: nobody reads another organization's rows.
"""
