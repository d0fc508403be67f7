"""The states of one delivery, and which follows which: `channels` writes them, `exchange` shows them to the sender.

QUEUED → TRANSFORMED → SENT → DELIVERED → ACKED is the way of most. FAILED waits for its next attempt; DEAD and EXPIRED
are ends that a replay alone undoes. Nothing goes back by itself: a late word about an earlier attempt changes nothing.
"""

from typing import Final

QUEUED, TRANSFORMED, SENT, DELIVERED, ACKED = "QUEUED", "TRANSFORMED", "SENT", "DELIVERED", "ACKED"
FAILED, DEAD, EXPIRED, REPLAYED = "FAILED", "DEAD", "EXPIRED", "REPLAYED"

# From where each may be reached. A replay is always possible: it is a new attempt of the same delivery.
BEFORE: Final = {
    SENT: (QUEUED, FAILED, REPLAYED, SENT),
    FAILED: (SENT,),
    DELIVERED: (SENT,),
    DEAD: (QUEUED, FAILED, REPLAYED, SENT),
    EXPIRED: (QUEUED, FAILED, REPLAYED, SENT),
    # An answer that was lost makes a delivery FAILED or even DEAD that its receiver has.
    ACKED: (SENT, DELIVERED, FAILED, DEAD, EXPIRED),
    REPLAYED: (QUEUED, TRANSFORMED, SENT, DELIVERED, ACKED, FAILED, DEAD, EXPIRED, REPLAYED),
}
LOST: Final = (DEAD, EXPIRED)

# Who has to do something now.
_HOLDERS: Final = {
    QUEUED: "window",
    REPLAYED: "window",
    SENT: "window",
    FAILED: "window",
    DELIVERED: "receiver",
    ACKED: "receiver",
    DEAD: "operator",
    EXPIRED: "operator",
}


def holder(state: str, waits: bool) -> str:
    """Who holds the message: the window, its receiver, or an operator. `waits`: another attempt is due."""
    if state == SENT and not waits:
        return "receiver"
    return _HOLDERS[state]
