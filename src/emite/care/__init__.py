"""What a physician rendered and who pays which part of it: payers, contracts, services, invoices to insurers.

The two parts of a service always sum to its fee, and a service is in one live invoice at most: the database keeps both.
"""
