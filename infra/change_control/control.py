"""A catalogue beside what was published of it: what is refused, what is to be published, and publishing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra import ROOT
from infra.change_control import likeness
from infra.change_control.contract import Contract, codes, contracts, elements
from infra.change_control.difference import Difference, differences
from infra.change_control.published import Archive, Frozen, Note
from singlewindow import clock

_PUBLISH = "run `python -m infra.change_control --publish`"
# Headings that both halves of a migration note have.
_HALVES = ("## 中文", "## English")


@dataclass(frozen=True)
class Change:
    """A published contract that is another by now."""

    before: Frozen
    now: Contract
    differences: list[Difference]

    @property
    def is_breaking(self) -> bool:
        return any(one.is_breaking for one in self.differences)


class Control:
    """A catalogue beside what was published of it. `migrations`: where the notes on new versions are."""

    def __init__(self, root: Path, migrations: Path) -> None:
        self._root, self._migrations = root, migrations
        self._archive = Archive(root)
        self._now, self._frozen = contracts(root), self._archive.frozen()
        self._codes, self._frozen_codes = codes(root), self._archive.codes()

    def check(self) -> list[str]:
        """All that is wrong, each with what to do."""
        return [
            *self._refused(),
            *self._unpublished(),
            *self._tampered(),
            *self._alike(),
        ]

    def publish(self, zh: str = "", en: str = "") -> tuple[list[str], list[str]]:
        """What was refused, and what was published where nothing was."""
        changes = list(self._changes())
        refused = list(self._refused())
        if changes and not (zh.strip() and en.strip()):
            refused += [
                f"{one.now.key} changed compatibly ({_list(one)}): say why, with --zh and --en"
                for one in changes
            ]
        if refused:
            return refused, []
        today = clock.business_date().isoformat()
        notes = [
            Note(
                one.now.key,
                one.before.revision + 1,
                one.now.sha256,
                today,
                zh,
                en,
                list(map(str, one.differences)),
            )
            for one in changes
        ]
        new = {
            key: Frozen(one, one.sha256, 1, today)
            for key, one in self._now.items()
            if key not in self._frozen
        }
        again = {
            one.now.key: Frozen(one.now, one.now.sha256, one.before.revision + 1, today) for one in changes
        }
        if new or again:
            self._archive.freeze(self._frozen | new | again)
        if notes:
            self._archive.note(notes)
        more = {id: ours for id, ours in self._codes.items() if ours != self._frozen_codes.get(id)}
        self._archive.freeze_codes(more)
        return [], [*sorted(new), *again, *(f"codes of {id}" for id in more)]

    def _changes(self) -> Iterator[Change]:
        for key, before in self._frozen.items():
            now = self._now.get(key)
            if now and now.sha256 != before.contract.sha256:
                yield Change(before, now, differences(before.contract, now))

    def _refused(self) -> Iterator[str]:
        """What no publishing mends."""
        for change in self._changes():
            if change.is_breaking:
                yield (
                    f"{change.now.key} was published on {change.before.on} and is another now:{_list(change)}\n"
                    f"  {_advice(change)}"
                )
        for key, one in self._frozen.items():
            if key not in self._now and not self._is_superseded(one.contract):
                yield (
                    f"{key} was published on {one.on} and is gone: a published version stays, an edition with "
                    "the date on which it ended"
                )
        for id, ours in self._frozen_codes.items():
            if id not in self._codes:
                yield f"the code list {id} was published and is gone: put it back, its codes with effective_to"
            elif gone := sorted(set(ours) - set(self._codes[id])):
                yield (
                    f"the code list {id} has lost {_some(gone)}: a code is never deleted: put it back with "
                    "effective_to, and its successor where there is one"
                )
        for key, now in self._now.items():
            if key not in self._frozen:
                yield from self._without_migration(now)

    def _is_superseded(self, contract: Contract) -> bool:
        """A message's file has one version: the next takes its place. Documents and editions stay side by side."""
        return contract.kind == "message" and any(
            one.kind == "message" and one.id == contract.id for one in self._now.values()
        )

    def _unpublished(self) -> Iterator[str]:
        for key, now in self._now.items():
            if key not in self._frozen and not list(self._without_migration(now)):
                yield f"{key} is not published: {_PUBLISH}"
        for change in self._changes():
            if not change.is_breaking:
                yield f"{change.now.key} changed compatibly:{_list(change)}\n  {_PUBLISH} --zh … --en … (why)"
        for id, ours in self._codes.items():
            if id not in self._frozen_codes:
                yield f"the code list {id} is not published: {_PUBLISH}"
            elif new := sorted(set(ours) - set(self._frozen_codes[id])):
                yield f"the code list {id} has new codes ({_some(new)}): {_PUBLISH}"

    def _without_migration(self, now: Contract) -> Iterator[str]:
        """What the migration note of a new version lacks."""
        before = self._version_before(now)
        if before is None:
            return
        path = self._migrations / f"{now.id}.v{re.sub(r'[^A-Za-z0-9.]', '-', now.version)}.md"
        if not path.exists():
            yield f"{now.key} follows {before.version} and has no migration note: write {_shown(path)}"
            return
        text = path.read_text("utf-8")
        for half in _HALVES:
            inside = text.partition(f"{half}\n")[2].partition("\n## ")[0]
            if not inside.strip():
                yield f"{_shown(path)} says nothing under the heading `{half}`"
        for one in differences(before, now):
            if one.is_breaking and one.place not in text:
                yield (
                    f"{_shown(path)} says nothing of {one.place} ({one.what}), which breaks what was built on "
                    f"{before.version}"
                )

    def _version_before(self, now: Contract) -> Contract | None:
        """Of a document the last published version below this one, of a message the one published last."""
        published = [
            one for one in self._frozen.values() if (one.contract.kind, one.contract.id) == (now.kind, now.id)
        ]
        if now.kind == "document":
            earlier = [one for one in published if int(one.contract.version) < int(now.version)]
            last = max(earlier, key=lambda one: int(one.contract.version), default=None)
        elif now.kind == "message":
            last = max(published, key=lambda one: (one.on, one.contract.version), default=None)
        else:
            return None  # versions of an EDIFACT message and editions of a rule stand side by side
        return last.contract if last else None

    def _tampered(self) -> Iterator[str]:
        """What was published was written by publishing, and every change after the first has its note."""
        notes = {(one.of, one.revision): one for one in self._archive.notes()}
        for key, one in self._frozen.items():
            if one.contract.sha256 != one.sha256:
                yield f"{key}: its file in catalogue/published was edited by hand: restore it"
            noted = notes.get((key, one.revision))
            if one.revision > 1 and (noted is None or noted.sha256 != one.sha256):
                yield f"{key}: revision {one.revision} has no note in catalogue/changes.json: restore it"

    def _alike(self) -> Iterator[str]:
        known, distinct = elements(self._root), self._archive.distinct()
        left, stale = likeness.unexplained(likeness.alike(known), distinct)
        for pair in left:
            one, other = known[pair.one], known[pair.other]
            yield (
                f"{pair.one} {one['name_zh']} ({one['subject']}) and {pair.other} {other['name_zh']} "
                f"({other['subject']}): {pair.how}. Use one of them, or say in catalogue/published/distinct.json why "
                "they are two"
            )
        for ids in stale:
            yield f"catalogue/published/distinct.json: {' '.join(sorted(ids))} are no longer alike: take the entry out"


def _some(codes: list[str]) -> str:
    return ", ".join(codes[:20]) + (" …" if len(codes) > 20 else "")


def _list(change: Change) -> str:
    return "".join(f"\n  {one}" for one in change.differences)


def _advice(change: Change) -> str:
    contract = change.now
    match contract.kind:
        case "document":
            return (
                f"put it back, and make documents/{contract.id}.v{int(contract.version) + 1}.json with "
                f"docs/migrations/{contract.id}.v{int(contract.version) + 1}.md; an element that changed gets a new id"
            )
        case "rule":
            return "put it back with effective_to, and add an edition with the next version"
    return f"give it a new version, and say what changes in docs/migrations/{contract.id}.v<version>.md"


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
