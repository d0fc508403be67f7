"""Who calls: roles and the caller of one request."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    ENTERPRISE = "enterprise"
    BROKER = "broker"
    AGENCY = "agency"
    OPERATOR = "operator"
    OFFICER = "officer"


TRADERS = (Role.ENTERPRISE, Role.BROKER)
STAFF = (Role.OPERATOR, Role.OFFICER)


TOKEN_LEEWAY = 30  # seconds that an issuer's clock and ours may differ by


@dataclass(frozen=True, slots=True)
class Caller:
    """`party` is the organisation spoken for: a USCC for traders, an agency id for agencies and officers.

    `expires_at` is when its token ends (seconds since the epoch): the gateway's cached policy may outlive it.
    """

    subject: str
    role: Role
    party: str
    expires_at: int = field(default=0, compare=False)

    def may_see(self, parties: frozenset[str] | set[str]) -> bool:
        """Traders see the shipments in which their organisation is trade, owner or agent; staff see all."""
        return self.role in STAFF or (self.role in TRADERS and self.party in parties)
