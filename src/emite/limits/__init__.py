"""How often somebody may fail: counters in the database, the same for every process and machine.
Which acts are limited and how tightly is decided where they happen."""
