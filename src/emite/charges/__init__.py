"""What a payer can be invoiced for: charges, their payments, their code and their allocation."""
