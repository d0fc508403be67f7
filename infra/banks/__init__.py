"""A sandbox bank and a sandbox treasury: simulated, and no money moves.

They speak as real ones must: the bank reads signed orders from the orders queue, checks each by the key that the window
publishes, and puts signed results on the results queue; the treasury signs a receipt for what the bank deducted; both
sign statements of a day. Nothing here reaches into the window.

    with Banks(sqs, url=stage.url, stack="singlewindow", sign=issuer.sign) as banks: …

`behaviour` says how they may behave, `PUT /_local/banks/{id}/behaviour` and `POST /_local/banks/{id}/statement` steer.
"""

from infra.banks.counter import Banks

__all__ = ["Banks"]
