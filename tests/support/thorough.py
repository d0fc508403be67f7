"""How many examples a property is tried on: a quarter in the suite, which shall stay fast, all in `make soak`."""

import os


def examples(number: int) -> int:
    return number if os.environ.get("THOROUGH") else max(number // 4, 5)
