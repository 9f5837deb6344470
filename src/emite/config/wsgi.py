"""The WSGI door, for Granian, gunicorn or any other server.
Starts no database: commands do."""

import os
import signal

from django.core.wsgi import get_wsgi_application

from emite.database.orphans import die_with_parent
from emite.ops import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emite.config.settings")
if os.environ.get("EMITE_PROCESS") == "web":  # started by `emite web`: no worker process survives its server
    die_with_parent(signal.SIGTERM)
logs.configure()
application = get_wsgi_application()
