"""Rows of charges: what is owed (`charge`), where money is taken (`register`), money itself (`money`), what is left
to do about a charge (`pending`), deposits and what they pay (`anticipos`), and the words of patients' names
(`patients`).

"Is it invoiced?" is a question about live allocations, never a second flag.
"""

from emite.charges.models.anticipos import AnticipoApplication
from emite.charges.models.charge import Allocation, Charge, ChargeCounter, ChargeLine
from emite.charges.models.money import Payment, PaymentSlip, Refund, RefundLine, RefundPart, SlipVoid
from emite.charges.models.patients import PatientWord
from emite.charges.models.pending import FollowUp
from emite.charges.models.register import (
    CashMovement,
    CashRegister,
    CollectingPolicy,
    RegisterSession,
    SessionCount,
)

__all__ = [
    "Allocation",
    "AnticipoApplication",
    "CashMovement",
    "CashRegister",
    "Charge",
    "ChargeCounter",
    "ChargeLine",
    "CollectingPolicy",
    "FollowUp",
    "PatientWord",
    "Payment",
    "PaymentSlip",
    "Refund",
    "RefundLine",
    "RefundPart",
    "RegisterSession",
    "SessionCount",
    "SlipVoid",
]
