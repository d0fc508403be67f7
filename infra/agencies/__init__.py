"""Simulated agencies: whoever would answer the window, played from this machine.

They speak as real ones must: each reads its own inbox queue, fetches the body over HTTP with its own token,
compares the hash, and replies by its own reply queue or by REST. Nothing here reaches into the window. Every
finding they write is labelled simulated.

    with Hall(sqs, url=stage.url, token=token_of_agency, stack="singlewindow") as hall: …

`behaviour` says how they may behave, `replies` what they then say, `desk` sends it, `hall` is all of them and
`PUT /_local/agencies/{id}/behaviour`.
"""

from infra.agencies.hall import Hall

__all__ = ["Hall"]
