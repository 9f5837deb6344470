"""Django's settings, the root of the URLs and the WSGI door. No rule of the business."""
