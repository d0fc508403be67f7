"""What is different between two documents, field by field, and the other way round: a document with changes applied."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from singlewindow import catalogue
from singlewindow.document import Element, Section
from singlewindow.errors import WindowError
from singlewindow.findings import Finding

# By what an item of a list is the same item as before; items of other lists, and what is left over, go by position.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "lines": ("line_no",),
    "containers": ("container_no",),
    "licence_documents": ("document_code", "document_no"),
}
# Who sends and signs says nothing of what is declared.
_NOT_DECLARED = ("sign",)

Kind = Literal["changed", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, or one whole item of a list, that is not what it was.

    `pointer` stands in the amended document; for what was removed, in the document before. `place` is the same with
    `*` for every position, as projections and rules name it.
    """

    kind: Kind
    pointer: str
    place: str
    element: str | None
    name_zh: str
    name_en: str
    before: Any = None
    after: Any = None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "pointer": self.pointer,
            "element": self.element,
            "name_zh": self.name_zh,
            "name_en": self.name_en,
            "before": self.before,
            "after": self.after,
        }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What `after` has differently, in the order of the document type. Both are sound declarations.

    The order of lines says nothing where they keep their numbers; `sign` is not compared.
    """
    found: list[Difference] = []
    for section in catalogue.document().sections:
        if section.name not in _NOT_DECLARED:
            found += _of_section(
                section, before.get(section.name), after.get(section.name), f"/{section.name}"
            )
    return found


def touches(difference: Difference, place: str) -> bool:
    """Whether a difference lies at a place (`/lines/*/hs_code`), within it, or is an item that contains it."""
    one, other = difference.place.split("/"), place.split("/")
    return all(a == b for a, b in zip(one, other, strict=False))


def patched(document: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A copy with RFC 6902 operations applied in order: `add`, `remove`, `replace`, `test`.

    Raises 422 `patch-fails` with one finding for the first operation that cannot be done; nothing is half applied.
    """
    result = {"": deepcopy(dict(document))}
    for number, operation in enumerate(operations):
        try:
            _apply(result, operation)
        except (LookupError, ValueError, TypeError) as error:
            raise _fails(number, operation, error) from None
    return result[""]


def _of_section(section: Section, before: Any, after: Any, pointer: str) -> Iterator[Difference]:
    if section.occurs is None:
        yield from _of_object(section, before or {}, after or {}, pointer, pointer)
    else:
        yield from _of_list(section, before or [], after or [], pointer, pointer)


def _of_object(
    section: Section, before: Mapping[str, Any], after: Mapping[str, Any], pointer: str, place: str
) -> Iterator[Difference]:
    for name, element in section.elements.items():
        was, now = before.get(name), after.get(name)
        if was != now:
            kind: Kind = "added" if was is None else "removed" if now is None else "changed"
            yield _field(kind, element, f"{pointer}/{name}", f"{place}/{name}", was, now)
    for inner in section.sections:
        if inner.occurs is None:
            yield from _of_object(
                inner,
                before.get(inner.name) or {},
                after.get(inner.name) or {},
                f"{pointer}/{inner.name}",
                f"{place}/{inner.name}",
            )
        else:
            yield from _of_list(
                inner,
                before.get(inner.name) or [],
                after.get(inner.name) or [],
                f"{pointer}/{inner.name}",
                f"{place}/{inner.name}",
            )


def _of_list(
    section: Section,
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    pointer: str,
    place: str,
) -> Iterator[Difference]:
    pairs = _paired(before, after, _KEYS.get(section.name, ()))
    for was, now in pairs:
        if was is not None and now is not None:
            yield from _of_object(section, before[was], after[now], f"{pointer}/{now}", f"{place}/*")
        elif now is not None:
            yield _item("added", section, f"{pointer}/{now}", f"{place}/*", None, after[now])
        elif was is not None:
            yield _item("removed", section, f"{pointer}/{was}", f"{place}/*", before[was], None)


def _paired(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> list[tuple[int | None, int | None]]:
    """Which item is which: by key where it names one on either side, the rest by position; in the order of `after`."""
    was, now = _by_key(before, key), _by_key(after, key)
    same = {now[one]: was[one] for one in now if one in was}
    free = [index for index in range(len(before)) if index not in same.values()]
    for index in range(len(after)):
        if index not in same and index in free:
            same[index] = index
            free.remove(index)
    pairs: list[tuple[int | None, int | None]] = [(same.get(index), index) for index in range(len(after))]
    return pairs + [(index, None) for index in free]


def _by_key(items: Sequence[Mapping[str, Any]], key: Sequence[str]) -> dict[tuple[Any, ...], int]:
    """Positions by key, of those that have a whole one and share it with no other."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for index, item in enumerate(items):
        named = tuple(item.get(name) for name in key)
        if named and None not in named:
            found.setdefault(named, []).append(index)
    return {named: indices[0] for named, indices in found.items() if len(indices) == 1}


def _field(kind: Kind, element: Element, pointer: str, place: str, was: Any, now: Any) -> Difference:
    return Difference(kind, pointer, place, element.id, element.name_zh, element.name_en, was, now)


def _item(kind: Kind, section: Section, pointer: str, place: str, was: Any, now: Any) -> Difference:
    return Difference(kind, pointer, place, None, section.name_zh, section.name_en, was, now)


def _apply(result: dict[str, Any], operation: Mapping[str, Any]) -> None:
    *path, last = (part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/"))
    holder: Any = result
    for part in path:
        holder = holder[_index(holder, part) if isinstance(holder, list) else part]
    op = operation["op"]
    if isinstance(holder, list):
        at = len(holder) if last == "-" and op == "add" else _index(holder, last, past=op == "add")
        if op == "add":
            holder.insert(at, deepcopy(operation["value"]))
            return
        present = holder[at]
    elif isinstance(holder, dict):
        if op == "add":
            holder[last] = deepcopy(operation["value"])
            return
        at, present = last, holder[last]
    else:
        raise LookupError(f"nothing can stand below {operation['path'].rpartition('/')[0]}")
    if op == "test":
        if present != operation["value"]:
            raise ValueError(f"it is {str(present)[:100]!r}")
    elif op == "replace":
        holder[at] = deepcopy(operation["value"])
    elif not path:
        raise ValueError("a declaration is not removed by a patch: withdraw it")
    else:
        del holder[at]


def _index(holder: Sequence[Any], part: str, *, past: bool = False) -> int:
    if not (part.isascii() and part.isdigit()) or str(int(part)) != part:
        raise LookupError(f"{part[:20]!r} is no position")
    if int(part) >= len(holder) + past:
        raise LookupError(f"there is no item {part}")
    return int(part)


def _fails(number: int, operation: Mapping[str, Any], error: Exception) -> WindowError:
    why = str(error.args[0]) if error.args else type(error).__name__
    if isinstance(error, KeyError):
        why = f"there is no {why[:100]!r}"
    finding = Finding(
        code="PATCH", severity="error", pointer=operation["path"], rule="RFC-6902", given=operation["op"],
        message_zh=f"第 {number + 1} 项变更无法应用", message_en=f"operation {number + 1} cannot be applied: {why}",
    )  # fmt: skip
    return WindowError(
        422, "patch-fails", f"operation {number + 1} cannot be applied: {why}",
        detail_zh=f"第 {number + 1} 项变更无法应用", findings=[finding],
    )  # fmt: skip
