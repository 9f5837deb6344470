"""What people look at and take away: figures of a period, tables for a spreadsheet, the accountant's month.

Reads everything below and decides nothing.
"""
