"""Django's PostgreSQL, telling the server whose rows each statement may touch (tenancy)."""
