"""Where the rows live: the embedded PostgreSQL or the operator's server, its roles, its migrations.
No model and no business rule; importing this package starts nothing."""
