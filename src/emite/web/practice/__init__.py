"""The physician's practice: services rendered, invoices to insurers, copays, complements and fiscal data."""
