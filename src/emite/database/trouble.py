"""What can go wrong with an installation, said in words that cure it.
Only the exceptions; whoever detects a trouble words it."""


class Trouble(Exception):
    """Something that the person who runs emite must cure; `str(error)` is a Spanish sentence that says how."""


class DatabaseTrouble(Trouble):
    """The data folder or the database cannot be used."""
