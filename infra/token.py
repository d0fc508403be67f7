"""`python -m infra.token ROLE PARTY`: a JWT that the local window accepts, and nothing else.

Traders speak for a USCC, agencies and officers for an agency of the catalogue. Without a party: the importer of
the sample declaration, its broker, customs, or the window itself.
"""

import json
import os
import sys

from identity.bearer import is_party
from infra import ROOT, issuer
from singlewindow import catalogue, clock
from singlewindow.parties import TRADERS, Role


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2 or arguments[0] not in tuple(Role):
        print(f"usage: python -m infra.token {{{','.join(Role)}}} [PARTY]", file=sys.stderr)
        return 2
    role = Role(arguments[0])
    party = (arguments[1] if len(arguments) == 2 else "") or _usual(role)
    wrong = _wrong(role, party)
    if wrong:
        print(wrong, file=sys.stderr)
        return 2
    print(issuer.token(role, party))
    return 0


def _usual(role: Role) -> str:
    if role in TRADERS:
        sample = json.loads((ROOT / "infra/samples/import-chengdu.json").read_text(encoding="utf-8"))
        party: str = sample["head"]["trade_uscc" if role is Role.ENTERPRISE else "agent_uscc"]
        return party
    return "window" if role is Role.OPERATOR else "customs"


def _wrong(role: Role, party: str) -> str | None:
    """What is wrong with the party, None where nothing is."""
    if not is_party(role, party):
        kind = "a valid unified social credit code" if role in TRADERS else "an id such as customs"
        return f"{party!r} is not {kind}"
    known = [agency["id"] for agency in catalogue.agencies(clock.business_date())]
    if role in (Role.AGENCY, Role.OFFICER) and party not in known:
        return f"{party!r} is no agency of the catalogue: {', '.join(known)}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [os.environ.get("ROLE", ""), os.environ.get("PARTY", "")]))
