"""`make run`: the whole window on this machine, a sample declaration sent through it, and an address to play with.

`python -m infra.run --port 8000 [--no-demo] [--no-agencies] [--answer-timeout SECONDS]`; PORT, DEMO=0 and
AGENCIES=0 in the environment say the same.
"""
