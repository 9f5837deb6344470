"""The sandbox PAC: a real HTTP program on loopback that stamps with a test authority and misbehaves on command.
Not here: the adapter that talks to it (pac/sandboxpac.py), anything that a production PAC would be trusted with."""
