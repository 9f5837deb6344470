"""The fiscal core: CFDI 4.0 as data, XML, seal and stamp.

Pure: no Django, no network, no clock. Whoever calls gives the time and the bytes.
"""
