"""What can go wrong with the folder or the server, said in words that cure it.
Only the exception; whoever detects a trouble words it."""


class DatabaseTrouble(Exception):
    """The database cannot be used; `str(error)` is a Spanish sentence for the person who runs emite."""
