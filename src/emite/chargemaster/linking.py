"""Link a code of a service to its SAT key: from a day on, so that what was invoiced before keeps its own.

Which codes there are, and which keys fit them, is shown by the web; nothing is inferred here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from emite.accounts.models import User
from emite.audit.recording import record
from emite.cfdi import codes
from emite.cfdi.taxes import Treatment
from emite.chargemaster.models import ServiceLink
from emite.issuers.models import Issuer
from emite.organizations.models import Membership
from emite.organizations.permissions import Need

#: (system, code), as services carry them.
Code = tuple[str, str]


class LinkRefused(Exception):
    """The link cannot be made. `field` names the input, the message is for people."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def link_of(issuer: Issuer, system: str, code: str, on: dt.date) -> ServiceLink | None:
    """The link in force on a day; None when the code is not linked."""
    return links_of(issuer, [(system, code)], on).get((system, code))


def links_of(issuer: Issuer, wanted: Collection[Code], on: dt.date) -> dict[Code, ServiceLink]:
    """The links in force on a day, of those codes that have one. One question for all."""
    rows = ServiceLink.objects.filter(
        Q(until=None) | Q(until__gt=on),
        organization_id=issuer.organization_id,
        issuer=issuer,
        since__lte=on,
        code__in={code for _, code in wanted},
    ).order_by("since", "linked_at")
    found = {(row.system, row.code): row for row in rows}
    return {key: found[key] for key in wanted if key in found}


def unlinked(issuer: Issuer, wanted: Collection[Code], on: dt.date) -> list[Code]:
    """Those codes that have no link on a day, in order."""
    return sorted(set(wanted) - links_of(issuer, wanted, on).keys())


def link(
    issuer: Issuer,
    system: str,
    code: str,
    *,
    clave_prod_serv: str,
    treatment: Treatment,
    label: str = "",
    clave_unidad: str = "E48",
    user: User,
    now: dt.datetime,
    since: dt.date | None = None,
) -> ServiceLink:
    """Make this the link from `since` on (today if none is said), ending the former. Raises LinkRefused."""
    membership = Membership.objects.who_may(Need.PRICE).filter(organization_id=issuer.organization_id, user=user)
    if not membership.exists():
        raise LinkRefused("", "Sólo un administrador o un facturador vincula servicios con claves del SAT.")
    if not code.strip():
        raise LinkRefused("code", "Falta el código del servicio.")
    if not codes.contains("c_ClaveProdServ", clave_prod_serv):
        raise LinkRefused("clave_prod_serv", f"La clave {clave_prod_serv or 'vacía'} no está en el catálogo del SAT.")
    if not codes.contains("c_ClaveUnidad", clave_unidad):
        raise LinkRefused("clave_unidad", "La clave de unidad no está en el catálogo del SAT.")
    first = since or issuer.organization.local_date(now)
    with transaction.atomic():
        Issuer.objects.select_for_update(of=("self",)).get(pk=issuer.pk)
        rows = ServiceLink.objects.filter(
            organization_id=issuer.organization_id, issuer=issuer, system=system, code=code.strip(), until=None
        )
        former = rows.first()
        if former is not None and former.since > first:
            raise LinkRefused("since", "Hay un vínculo que empieza después de ese día.")
        rows.update(until=first)
        made = ServiceLink.objects.create(
            organization_id=issuer.organization_id,
            issuer=issuer,
            system=system,
            code=code.strip(),
            label=label.strip(),
            clave_prod_serv=clave_prod_serv,
            clave_unidad=clave_unidad,
            treatment=treatment,
            since=first,
            linked_by=user,
            linked_at=now,
        )
        record(
            organization_id=issuer.organization_id,
            actor=user.email,
            action="service.link",
            subject=f"issuer:{issuer.pk}",
            before=_told(former),
            after=_told(made),
            now=now,
        )
    return made


def _told(link: ServiceLink | None) -> dict[str, str] | None:
    if link is None:
        return None
    return {"code": link.code, "key": link.clave_prod_serv, "unit": link.clave_unidad, "treatment": link.treatment}
