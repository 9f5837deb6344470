"""Secrets at rest: AES-256-GCM envelopes, uploads sealed to the worker, ticket codes, and their keys.
Not which records hold secrets: a model says so with `sealed_fields` or `code_fields` (see rotating)."""
