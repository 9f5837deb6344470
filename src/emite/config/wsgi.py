"""The WSGI door, for Granian, gunicorn or any other server.
Starts no database: commands do."""

import gc
import os
import signal

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from emite.database.orphans import die_with_parent
from emite.ops import logs
from emite.web import health

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emite.config.settings")
if os.environ.get("EMITE_PROCESS") == "web":  # started by `emite web`: no worker process survives its server
    die_with_parent(signal.SIGTERM)
logs.configure()
application = health.before(get_wsgi_application())

# What is loaded now stays until the end: the collector need not walk its half a million objects again and again.
get_resolver().url_patterns  # noqa: B018 # loads every view
gc.collect()
gc.freeze()
