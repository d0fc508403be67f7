"""What an interchange says of itself in its service segments, and a CONTRL of the interchange that it answers."""

from itertools import islice
from typing import Any

from singlewindow.messages.edifact import MOST_SEGMENTS
from singlewindow.messages.edifact_syntax import Syntax, at, beginning, elements, segments, service_characters


def interchange(raw: bytes) -> dict[str, Any]:
    """`sender`, `recipient`, `reference` of the first interchange (S002, S003, 0020 of UNB; empty where they are not
    there), and `responses`: of a CONTRL, what it says (`action`, `error`: 0083, 0085) of the interchange that its UCI
    names by the same three, and of each `message` in it (0062 of UCM; empty: of the whole).
    """
    found: dict[str, Any] = {"sender": "", "recipient": "", "reference": "", "responses": []}
    start, text, syntax = beginning(raw), raw.decode("latin-1"), Syntax()
    if start is not None and text.startswith("UNA", start):
        syntax = service_characters(text[start + 3 : start + 9]) or syntax
        start += 9
    about: dict[str, str] = {}
    for segment in islice(segments(text, start or 0, syntax), MOST_SEGMENTS) if start is not None else ():
        if segment.tag not in ("UNB", "UNH", "UCI", "UCM", "UNZ"):
            continue
        taken = elements(segment.text, syntax, repeats=False)
        if segment.tag == "UNB" and not found["reference"]:
            found |= {"sender": at(taken, 2), "recipient": at(taken, 3), "reference": at(taken, 5)}
        elif segment.tag in ("UNB", "UNZ") or (segment.tag == "UNH" and at(taken, 2) != "CONTRL"):
            break
        elif segment.tag == "UCI":
            about = {"sender": at(taken, 2), "recipient": at(taken, 3), "reference": at(taken, 1)}
            said = {"action": at(taken, 4), "error": at(taken, 5), "message": ""}
            found["responses"].append(about | said)
        elif segment.tag == "UCM":
            said = {"action": at(taken, 3), "error": at(taken, 4), "message": at(taken, 1)}
            found["responses"].append(about | said)
    return found
