"""LimitBucket: how full one counter is. Holds no address in clear and survives no crash (UNLOGGED), on purpose.
The arithmetic lives in counting."""

from django.db import models


class LimitBucket(models.Model):
    """`full_until`: the "theoretical arrival time" of GCRA; a bucket whose time has passed is empty."""

    key = models.BinaryField(primary_key=True, max_length=16)
    full_until = models.DateTimeField(db_index=True)
    allowed = models.BooleanField()

    def __str__(self) -> str:
        return bytes(self.key).hex()
