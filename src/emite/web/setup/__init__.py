"""The administrator's screens: readiness, activation, link, people, audit log. Rules live in `organizations`."""
