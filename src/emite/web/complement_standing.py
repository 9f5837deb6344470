"""How the cancellation or the substitution of a complement stands. Reads `cancellations`; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from emite.cancellations.models import CancellationRequest, Substitution
from emite.settlements.models import PaymentComplement


@dataclass(frozen=True, slots=True)
class Life:
    """What was asked last of a complement that has a CFDI."""

    request: CancellationRequest | None
    substitution: Substitution | None

    @property
    def is_open(self) -> bool:
        return any(each is not None and each.is_open for each in (self.request, self.substitution))

    @property
    def two_are_live(self) -> bool:
        """The new one is stamped and the other not yet cancelled."""
        made = self.substitution
        return made is not None and made.is_open and made.substitute.uuid is not None


def life_of(complement: PaymentComplement) -> Life:
    """Two queries; none for one without a CFDI of ours."""
    if complement.document_id is None:
        return Life(None, None)
    of = {"organization_id": complement.organization_id}
    requests = CancellationRequest.objects.filter(document=complement.document_id, **of).order_by("-asked_at")
    made = Substitution.objects.filter(original=complement.document_id, **of).select_related("substitute")
    return Life(requests.first(), made.defer("substitute__content").order_by("-asked_at").first())
