"""`python -m infra.change_control --check`, or `--publish [--zh NOTE --en NOTE]`."""

import argparse
import sys
from collections.abc import Sequence

from infra import ROOT
from infra.change_control.control import Control


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.change_control")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare with what was published (the default)")
    what.add_argument("--publish", action="store_true", help="freeze what is new, or changed compatibly")
    parser.add_argument("--zh", default="", help="why published versions changed, in Chinese")
    parser.add_argument("--en", default="", help="the same in English")
    given = parser.parse_args(arguments)
    try:
        control = Control(ROOT / "catalogue", ROOT / "docs" / "migrations")
    except ValueError as error:  # the catalogue does not hang together
        print(error)
        return 1
    if not given.publish:
        wrong = control.check()
        print(*wrong, sep="\n", end="\n" if wrong else "")
        return 1 if wrong else 0
    refused, published = control.publish(given.zh, given.en)
    print(*(refused or [f"published {one}" for one in published] or ["nothing is new"]), sep="\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
