"""Errors in one place: which page and status an exception becomes, and what SAT's codes mean to a patient."""
