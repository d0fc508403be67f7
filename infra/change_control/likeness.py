"""Elements that may be one fact twice: the same name, the same words, or nearly so, under two ids."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

# Shares of pairs of neighbouring characters, tuned on the catalogue: below these are buyer and payer, gross and net,
# Chinese and English name, number and kind of the same thing.
NEAR_NAME = 0.86
NEAR_DEFINITION = 0.95


@dataclass(frozen=True, slots=True)
class Alike:
    one: str
    other: str
    how: str

    @property
    def pair(self) -> frozenset[str]:
        return frozenset((self.one, self.other))


def alike(elements: Mapping[str, Mapping[str, Any]]) -> Iterator[Alike]:
    """Pairs that need a reason to be two; an element and its successor have one."""
    prepared = [_Prepared(one) for one in elements.values()]
    for one, other in combinations(prepared, 2):
        if other.id in (one.id, one.successor) or other.successor == one.id:
            continue
        if how := _likeness(one, other):
            yield Alike(one.id, other.id, how)


class _Prepared:
    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.id, self.name, self.successor = raw["id"], raw["name"], raw.get("successor")
        self.form = (raw["representation"], raw.get("code_list"))
        self.words = {name: _plain(raw.get(name, "")) for name in ("name_zh", "name_en")}
        self.pairs = {name: _pairs(text) for name, text in self.words.items()}
        self.definition = _pairs(_plain(raw["definition"]))


def _likeness(one: _Prepared, other: _Prepared) -> str | None:
    if one.name == other.name:
        if one.form == other.form:
            return f"the same name {one.name}"
        return f"the same name {one.name} with another representation: {_form(one)}, {_form(other)}"
    for name in ("name_zh", "name_en"):
        if one.words[name] and one.words[name] == other.words[name]:
            return f"the same {name}: {one.words[name]}"
    zh = _share(one.pairs["name_zh"], other.pairs["name_zh"])
    en = _share(one.pairs["name_en"], other.pairs["name_en"])
    if min(zh, en) >= NEAR_NAME:
        return f"nearly the same names: {one.words['name_en']}, {other.words['name_en']}"
    if one.form == other.form and _share(one.definition, other.definition) >= NEAR_DEFINITION:
        return f"nearly the same definition ({one.name}, {other.name})"
    return None


def _form(one: _Prepared) -> str:
    representation, code_list = one.form
    return f"{representation} of {code_list}" if code_list else str(representation)


def _plain(text: str) -> str:
    """Without case, width, punctuation and articles, which tell nothing apart."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(word for word in re.findall(r"\w+", folded) if word not in ("the", "a", "an", "of"))


def _pairs(text: str) -> Counter[str]:
    return Counter(text[at : at + 2] for at in range(len(text) - 1))


def _share(one: Counter[str], other: Counter[str]) -> float:
    """Dice's coefficient: 1 for the same pairs of characters, 0 for none in common."""
    sizes = sum(one.values()), sum(other.values())
    if not all(sizes) or 2 * min(sizes) < 0.8 * sum(sizes):
        return 0.0
    return 2 * sum((one & other).values()) / sum(sizes)


def unexplained(
    found: Iterable[Alike], distinct: list[tuple[frozenset[str], str]]
) -> tuple[list[Alike], list[frozenset[str]]]:
    """The pairs for which nobody says why they are two, and the reasons that explain nothing any more."""
    found = list(found)
    left = [one for one in found if not any(one.pair <= ids for ids, _ in distinct)]
    stale = [ids for ids, _ in distinct if not any(one.pair <= ids for one in found)]
    return left, stale
