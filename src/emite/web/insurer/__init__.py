"""What an insurer or administrator sees: its inbox, each invoice, its payments and the complements they lack."""
