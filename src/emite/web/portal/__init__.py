"""The patients' portal: from a ticket's code to a stamped CFDI, without staff and at any hour."""
