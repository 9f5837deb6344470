"""Hospitals, practices, insurers and administrators, and who may do what in them."""
