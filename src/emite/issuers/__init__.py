"""Fiscal identities of an organization: RFC, certificates, series of folios, PAC accounts."""
