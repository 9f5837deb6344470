"""Commands and the processes they keep running.
No rule of the business: each command calls the folder that owns the act."""
