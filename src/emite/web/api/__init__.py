"""The door for other systems: `/api/v1`. Its pages for people (keys, webhooks) live in `desk`."""
