"""What is frozen, in `catalogue/published`: a file for each version of a document or message, one for all rules, the
codes of each list, one a line; and `catalogue/changes.json`, what changed compatibly in a published version."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.change_control.contract import Contract


@dataclass(frozen=True)
class Frozen:
    """A contract as it was published. `revision` counts: 1 at first, one more with each note in the changes."""

    contract: Contract
    sha256: str
    revision: int
    on: str


@dataclass(frozen=True)
class Note:
    """Why a published version changed, in Chinese and English."""

    of: str
    revision: int
    sha256: str
    on: str
    zh: str
    en: str
    differences: list[str]


class Archive:
    """`catalogue/published` and `catalogue/changes.json` below a root."""

    def __init__(self, root: Path) -> None:
        self._folder, self._changes = root / "published", root / "changes.json"

    def frozen(self) -> dict[str, Frozen]:
        found = {}
        for path in sorted(self._folder.glob("*/*.json")):
            one = _frozen(json.loads(path.read_bytes()))
            found[one.contract.key] = one
        rules = self._folder / "rules.json"
        for raw in json.loads(rules.read_bytes()) if rules.exists() else ():
            one = _frozen(raw)
            found[one.contract.key] = one
        return found

    def freeze(self, frozen: Mapping[str, Frozen]) -> None:
        """Writes all that is frozen now."""
        for one in frozen.values():
            contract = one.contract
            if contract.kind != "rule":
                version = re.sub(r"[^A-Za-z0-9.]", "-", contract.version)
                folder = {"document": "documents", "message": "messages"}.get(contract.kind, contract.kind)
                path = self._folder / folder / f"{contract.id}.v{version}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_text(one), encoding="utf-8")
        rules = [_compact(_raw(one)) for _, one in sorted(frozen.items()) if one.contract.kind == "rule"]
        if rules:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / "rules.json").write_text("[\n " + ",\n ".join(rules) + "\n]\n", encoding="utf-8")

    def notes(self) -> list[Note]:
        return (
            [Note(**one) for one in json.loads(self._changes.read_bytes())] if self._changes.exists() else []
        )

    def note(self, notes: Iterable[Note]) -> None:
        text = json.dumps([vars(one) for one in (*self.notes(), *notes)], ensure_ascii=False, indent=1)
        self._changes.write_text(text + "\n", encoding="utf-8")

    def codes(self) -> dict[str, list[str]]:
        return {
            path.stem: path.read_text("utf-8").splitlines()
            for path in sorted((self._folder / "codelists").glob("*.txt"))
        }

    def freeze_codes(self, codes: Mapping[str, Iterable[str]]) -> None:
        folder = self._folder / "codelists"
        folder.mkdir(parents=True, exist_ok=True)
        for id, ours in codes.items():
            (folder / f"{id}.txt").write_text("".join(f"{code}\n" for code in sorted(ours)), encoding="utf-8")

    def distinct(self) -> list[tuple[frozenset[str], str]]:
        """Elements that look alike and are not the same: their ids, and why."""
        path = self._folder / "distinct.json"
        raw = json.loads(path.read_bytes()) if path.exists() else []
        return [(frozenset(one["elements"]), one["why"]) for one in raw]


def _frozen(raw: Mapping[str, Any]) -> Frozen:
    contract = Contract(raw["kind"], raw["id"], raw["version"], raw["contract"])
    return Frozen(contract, raw["sha256"], raw["revision"], raw["on"])


def _raw(one: Frozen) -> dict[str, Any]:
    contract = one.contract
    said = {"kind": contract.kind, "id": contract.id, "version": contract.version, "revision": one.revision}
    return said | {"on": one.on, "sha256": one.sha256, "contract": contract.rows}


def _text(one: Frozen) -> str:
    """One row a line, so that a change shows as one."""
    raw = _raw(one)
    rows = [f"  {_compact(place)}: {_compact(row)}" for place, row in raw.pop("contract").items()]
    head = [f" {_compact(name)}: {_compact(value)}" for name, value in raw.items()]
    return "{\n" + ",\n".join([*head, ' "contract": {\n' + ",\n".join(rows) + "\n }"]) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
