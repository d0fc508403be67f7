"""`make bench`: what the window costs in time and money. It prints figures and asserts none.

`python -m tests.bench [--only cold,submit,checks,cost,release] [--write]`; `--write` also writes docs/bench.md. Each
module here is one figure but for `window` (a local stack with agencies that answer at once), `recording` (what the
functions did on it), `staged` and `replay` (the same invocations again, from the staged packages, in a process of
their own) and `report` (how figures are shown).
"""
