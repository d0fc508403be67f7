"""Published versions of the catalogue are frozen: what may change in one, and what needs a new version.

`python -m infra.change_control --check` (part of `make drift`) compares the catalogue with `catalogue/published`, and
finds elements that may be one fact twice; `--publish` freezes what is new. docs/change-control.md says how to change
the catalogue.
"""
