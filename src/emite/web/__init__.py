"""What people see: the portal and the desk over one design, with errors mapped in one place."""
