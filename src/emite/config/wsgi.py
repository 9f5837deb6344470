"""The WSGI door, for Granian, gunicorn or any other server.
Starts no database: commands do."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emite.config.settings")
application = get_wsgi_application()
