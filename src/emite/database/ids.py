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


def texts(count: int) -> list[str]:
    """So many of them at once, as text: for rows by the thousand."""
    milliseconds = f"{time.time_ns() // 1_000_000:012x}7"
    random = os.urandom(10 * count).hex()
    return [
        f"{milliseconds}{random[at : at + 3]}{_VARIANT[random[at + 3]]}{random[at + 4 : at + 19]}"
        for at in range(0, len(random), 20)
    ]


#: Two bits of it say that it is one of RFC 9562's, the other two are random.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def first_of(moment: dt.datetime) -> uuid.UUID:
    """The lowest key of that millisecond: every row made before has a lower one."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)
