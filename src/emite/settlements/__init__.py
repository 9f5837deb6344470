"""What is owed and how it was paid: receivables of PPD invoices, payments and their complements (CFDI of type P)."""
