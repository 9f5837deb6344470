"""UUIDv7 keys made in the application: ordered by time, never a secret.

What does not live here: anything shown to people (folios) or kept secret (codes).
"""

import datetime as dt
import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return uuid.UUID(int=value)


def first_of(moment: dt.datetime) -> uuid.UUID:
    """The lowest key of that millisecond: every row made before has a lower one."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)
