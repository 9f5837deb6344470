"""The hospital's desk: charges, payments, prints, invoices at the counter and the set-up of the organization."""
