"""Where each segment of an EDIFACT message belongs, and which one does not.

A message is designed so that the place of the next segment is always the first that fits ahead. Where a segment does
not fit there are several ways to read it: it strayed here, the one before it did, it comes late, it comes too often,
or what begins its group is missing. The way that leaves the fewest faults in what follows is taken, and is one finding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from singlewindow.messages.edifact_syntax import Segment
from singlewindow.messages.edifact_tables import Definition, Node, segment_name

# How far ahead it is seen what a reading leads to, and how often in a message that is worth its time.
FORESIGHT = 10
MOST_READINGS = 500

Upcoming = Callable[[], Sequence[str]]


class Say(Protocol):
    """Takes a finding: what is wrong, at which segment, where in the message, and what its text names."""

    def __call__(self, id: str, segment: Segment, pointer: str, **more: Any) -> None: ...


@dataclass(slots=True)
class Level:
    """An occurrence of a group: where in it the message is, and how often each of its places came."""

    node: Node
    path: str
    counts: list[int]
    position: int = 0
    # The segment at which a required place was first passed over.
    passed: dict[int, Segment] = field(default_factory=dict)

    def copy(self) -> "Level":
        return Level(self.node, self.path, self.counts.copy(), self.position, self.passed.copy())

    def missing(self) -> Iterator[int]:
        return (at for at, node in enumerate(self.node.children) if node.least and not self.counts[at])


Stack = list[Level]


class Place(NamedTuple):
    """A place that a segment may take: in which open group, at which of its positions."""

    depth: int
    at: int


class Placed(NamedTuple):
    """A segment's place: its path, and the group that it stands in."""

    path: str
    level: Level


class _Reading(NamedTuple):
    """A way to read a segment that does not fit; `rank` decides between those that leave as many faults."""

    faults: int
    rank: int
    kind: str
    place: Place | None
    inner: int


def _open(node: Node, path: str, head: bool) -> Level:
    counts = [0] * len(node.children)
    if head:
        counts[0] = 1
    return Level(node, path, counts)


class Structure:
    """One message, segment by segment."""

    def __init__(self, say: Say, definition: Definition, path: str) -> None:
        self._tell, self._definition = say, definition
        self._stack: Stack = [_open(definition.root, path, head=False)]
        # As it was before the last segment moved on, and what to say of the groups that it closed if it stood right.
        self._before: tuple[Segment, Stack] | None = None
        self._held: list[tuple[Level, Segment]] = []
        self._too_often: set[str] = set()
        self._readings = 0
        self._unknown_before = False

    def place(self, segment: Segment, upcoming: Upcoming) -> Placed | None:
        """Where the segment stands; None where it stands nowhere. `upcoming`: the tags that follow it."""
        tag, excused = segment.tag, self._unknown_before
        self._unknown_before = False
        found = _ahead(self._stack, tag)
        if found and not _is_full(self._stack, found):
            return self._enter(segment, found)
        if tag not in self._definition.tags:
            return self._unknown(segment)
        return self._read(segment, upcoming(), found, excused)

    def finish(self, segment: Segment) -> None:
        """The message ends with this segment: what is still missing is missing."""
        self._settle()
        self._held = [(level, segment) for level in reversed(self._stack)]
        self._settle()

    # --- what fits

    def _enter(self, segment: Segment, place: Place) -> Placed:
        self._settle()
        self._before = None
        if place != (len(self._stack) - 1, self._stack[-1].position):
            self._before = segment, [level.copy() for level in self._stack]
        if place.depth < len(self._stack) - 1:
            self._held = [(level, segment) for level in reversed(self._stack[place.depth + 1 :])]
            del self._stack[place.depth + 1 :]
        level, at = self._stack[-1], place.at
        node = level.node.children[at]
        for skipped in range(level.position, at):
            if level.node.children[skipped].least and not level.counts[skipped]:
                level.passed.setdefault(skipped, segment)
        level.position = at
        level.counts[at] += 1
        path = f"{level.path}/{node.name}[{level.counts[at]}]"
        if not node.children:
            return Placed(path, level)
        self._stack.append(_open(node, path, head=True))
        return Placed(f"{path}/{node.tag}[1]", self._stack[-1])

    def _settle(self) -> None:
        """The last segment stood right, so the groups that it closed are closed."""
        for level, segment in self._held:
            for at in level.missing():
                node = level.node.children[at]
                self._absent(
                    "EDI-SEGMENT-MISSING", level.passed.get(at, segment), f"{level.path}/{node.name}", node
                )
        self._held = []

    # --- what does not

    def _unknown(self, segment: Segment) -> Placed | None:
        likely = self._likely(segment.tag)
        self._say(
            "EDI-SEGMENT-UNKNOWN",
            segment,
            self._nowhere(segment),
            type=self._definition.type,
            given=segment.tag,
            expected=likely,
        )
        found = _ahead(self._stack, likely) if likely else None
        if found:
            self._enter(segment, found)
            self._before = None  # it was told of already
        self._unknown_before = found is None
        return None

    def _read(
        self, segment: Segment, tags: Sequence[str], full: Place | None, excused: bool
    ) -> Placed | None:
        self._readings += 1
        if self._readings > MOST_READINGS:
            tags = ()
        best = min(self._ways(segment.tag, tags, full), key=lambda way: (way.faults, way.rank))
        match best.kind, best.place:
            case "too often", Place() as place:
                self._repeated(segment, place)
                return self._enter(segment, place)
            case "late", Place() as place:
                self._out_of_order(segment, place)
                level = self._stack[place.depth]
                most = level.node.children[place.at].most
                level.counts[place.at] = min(
                    level.counts[place.at], most - 1
                )  # that it came once more was said
                return self._enter(segment, place)
            case "headless", Place() as place:
                if not excused:
                    node = self._stack[place.depth].node.children[place.at]
                    pointer = f"{self._stack[place.depth].path}/{node.name}"
                    self._absent("EDI-SEGMENT-MISSING.head", segment, pointer, node)
                self._enter(segment, place)
                return self._enter(segment, Place(len(self._stack) - 1, best.inner))
            case "after a stray", Place() as place:
                assert self._before
                stray, self._stack = self._before
                self._held = []
                self._strayed(stray)
                return self._enter(segment, place)
        behind = next(_behind(self._stack, segment.tag), None)
        if behind:
            self._out_of_order(segment, behind)
            self._stack[behind.depth].counts[behind.at] += 1  # late, but there
        else:
            self._strayed(segment)
        return None

    def _ways(self, tag: str, tags: Sequence[str], full: Place | None) -> Iterator[_Reading]:
        def way(rank: int, kind: str, stack: Stack, place: Place | None = None, inner: int = -1) -> _Reading:
            copy = [level.copy() for level in stack]
            faults = _enter_silently(copy, place) if place else 0
            if inner >= 0:
                faults += _enter_silently(copy, Place(len(copy) - 1, inner))
            return _Reading(faults + self._faults(copy, tag, tags), rank, kind, place, inner)

        if full:
            yield way(0, "too often", self._stack, full)
        yield way(1, "stray", self._stack)
        for place in _behind(self._stack, tag):
            # What came already and comes again more likely belongs to a further group.
            again = self._stack[place.depth].counts[place.at] > 0
            yield way(5 if again else 3, "late", self._stack, place)
        if self._before and (found := _ahead(self._before[1], tag)):
            yield way(2, "after a stray", self._before[1], found)
        for place, inner in _headless(self._stack, tag):
            yield way(4, "headless", self._stack, place, inner)

    def _faults(self, stack: Stack, last: str, tags: Sequence[str]) -> int:
        """How much would be wrong with the segments that follow."""
        faults = 0
        for tag in tags:
            if found := _ahead(stack, tag):
                faults += (_is_full(stack, found) and tag != last) + _enter_silently(stack, found)
            else:
                faults += tag in self._definition.tags
            last = tag
        return faults

    # --- findings

    def _repeated(self, segment: Segment, place: Place) -> None:
        level = self._stack[place.depth]
        node, often = level.node.children[place.at], level.counts[place.at] + 1
        path = f"{level.path}/{node.name}"
        if path not in self._too_often:
            self._too_often.add(path)
            self._say(
                "EDI-REPETITION",
                segment,
                f"{path}[{often}]",
                name=_name(node),
                given=often,
                expected=node.most,
            )

    def _out_of_order(self, segment: Segment, place: Place) -> None:
        level = self._stack[place.depth]
        last = level.node.children[level.position]
        self._say(
            "EDI-SEGMENT-ORDER",
            segment,
            f"{level.path}/{level.node.children[place.at].name}",
            last=_name(last),
            given=segment.tag,
            expected=f"{segment.tag} … {last.tag}",
        )

    def _strayed(self, segment: Segment) -> None:
        heads = list(dict.fromkeys(_heads(self._definition.root, segment.tag)))
        self._say(
            "EDI-SEGMENT-ORDER.group",
            segment,
            self._nowhere(segment),
            heads="/".join(heads),
            given=segment.tag,
            expected=heads[0],
        )

    def _absent(self, id: str, segment: Segment, pointer: str, node: Node) -> None:
        zh, en = segment_name(self._definition.directory, node.tag)
        self._say(id, segment, pointer, name=_name(node), called_zh=zh, called_en=en, expected=node.tag)

    def _nowhere(self, segment: Segment) -> str:
        return f"{self._stack[0].path}/{segment.tag}#{segment.number}"

    def _likely(self, tag: str) -> str | None:
        """The tag that was likely meant: but for one letter, or for capitals, the same."""
        meant = tag.upper()
        likely = (
            known
            for known in sorted(self._definition.tags)
            if len(known) == len(meant) and sum(a != b for a, b in zip(known, meant, strict=True)) <= 1
        )
        return next(likely, None)

    def _say(self, id: str, segment: Segment, pointer: str, **more: Any) -> None:
        self._tell(id, segment, pointer, by=self._definition.structure, **more)


def _ahead(stack: Stack, tag: str) -> Place | None:
    """The first place ahead, from the innermost group outwards; a full one only where there is no other."""
    full = None
    for depth in range(len(stack) - 1, -1, -1):
        level = stack[depth]
        children, counts = level.node.children, level.counts
        for at in range(level.position, len(children)):
            if children[at].tag == tag:
                if counts[at] < children[at].most:
                    return Place(depth, at)
                full = full or Place(depth, at)
    return full


def _behind(stack: Stack, tag: str) -> Iterator[Place]:
    """The places that such a segment had and that were passed, the last one first."""
    for depth in range(len(stack) - 1, -1, -1):
        level = stack[depth]
        for at in range(level.position - 1, -1, -1):
            if level.node.children[at].tag == tag:
                yield Place(depth, at)


def _headless(stack: Stack, tag: str) -> Iterator[tuple[Place, int]]:
    """The groups ahead that hold such a segment, with its place inside, though what begins the group is not here."""
    for depth in range(len(stack) - 1, -1, -1):
        level = stack[depth]
        for at in range(level.position, len(level.node.children)):
            for inner, child in enumerate(level.node.children[at].children):
                if child.tag == tag and inner:
                    yield Place(depth, at), inner


def _is_full(stack: Stack, place: Place) -> bool:
    level = stack[place.depth]
    return level.counts[place.at] >= level.node.children[place.at].most


def _enter_silently(stack: Stack, place: Place) -> int:
    """Goes there, and says only how many required segments the groups that end with it lack."""
    faults = sum(len(list(level.missing())) for level in stack[place.depth + 1 :])
    del stack[place.depth + 1 :]
    level = stack[-1]
    level.position = place.at
    level.counts[place.at] += 1
    node = level.node.children[place.at]
    if node.children:
        stack.append(_open(node, "", head=True))
    return faults


def _name(node: Node) -> str:
    return f"{node.name} ({node.tag})" if node.children else node.name


def _heads(node: Node, tag: str) -> list[str]:
    """What begins the groups, or the message, in which such a segment may come."""
    found = [node.tag] if any(child.tag == tag for child in node.children[1:]) else []
    for child in node.children:
        if child.children:
            found += _heads(child, tag)
    return found
