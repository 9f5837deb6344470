"""Log in and out of the staff's pages, and choose the organization. What a role may do lives in `web.access`."""
