"""Who calls: roles and the caller of one request."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    ENTERPRISE = "enterprise"
    BROKER = "broker"
    AGENCY = "agency"
    OPERATOR = "operator"
    OFFICER = "officer"


TRADERS = (Role.ENTERPRISE, Role.BROKER)
STAFF = (Role.OPERATOR, Role.OFFICER)


@dataclass(frozen=True, slots=True)
class Caller:
    """`party` is the organisation spoken for: a USCC for traders, an agency id for agencies and officers."""

    subject: str
    role: Role
    party: str

    def may_see(self, parties: frozenset[str] | set[str]) -> bool:
        """Traders see the shipments in which their organisation is trade, owner or agent; staff see all."""
        return self.role in STAFF or (self.role in TRADERS and self.party in parties)
