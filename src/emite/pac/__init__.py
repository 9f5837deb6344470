"""Talks to the PAC (proveedor autorizado de certificación): one port, an adapter per provider, a sandbox PAC.
Not here: what a CFDI is (cfdi/), when to send or send again (documents/), any Django."""
