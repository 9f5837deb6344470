"""What a practice writes down of payers that have no account here, each with its evidence: what they said of an
invoice, what they paid in one transfer, and why they paid less. A payer with an account says it itself, in `reviews`.
"""
