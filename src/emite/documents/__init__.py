"""What the SAT holds or will hold: one row per CFDI, its bytes, its attempts and its events."""
