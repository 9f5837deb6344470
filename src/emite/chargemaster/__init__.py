"""What can be charged: own code, words, SAT key, unit and tax treatment as data."""
