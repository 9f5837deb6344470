"""emite: facturación electrónica (CFDI 4.0) para el sector salud mexicano."""

__version__ = "0.1.0"
