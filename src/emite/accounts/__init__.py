"""Who logs in. What a person may do in an organization lives in `organizations`."""
