"""The form of fiscal data, wherever it is shown."""

from __future__ import annotations

from emite.documents.models import Delivery
from emite.web.fiscal import FiscalDataForm


def test_a_mail_longer_than_what_is_kept_is_refused_beside_its_field() -> None:
    longest = Delivery._meta.get_field("address").max_length
    for length, fits in ((longest, True), (longest + 1, False)):
        form = FiscalDataForm({"email": "a" * (length - len("@correo.mx")) + "@correo.mx"})
        assert ("email" not in form.errors) is fits
