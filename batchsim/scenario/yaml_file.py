"""Reads YAML into a tree with places; the only door to PyYAML.

The tree is built here from the parser's events, in one loop with a stack of its own, because the usual
composers recurse (deep nesting ends the interpreter), expand aliases without bound and forget where keys
stand. Every limit is checked as the events arrive, so that a hostile file costs no more than the part of it
that was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from batchsim.scenario.problems import FOUND_LENGTH_MAX, InvalidScenario, Place, Problem, describe, fail
from batchsim.scenario.scalars import resolve
from batchsim.scenario.spelling import did_you_mean
from batchsim.scenario.syntax import plain_words
from batchsim.scenario.text_file import place_after
from batchsim.scenario.tree import Node, dotted

LEVELS_MAX = 64
ALIASED_NODES_MAX = 100_000
"""Nodes that aliases may add in all: one for each item of the largest batch, checked in about a second."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # Wheels have libyaml; it is about 20 times as fast.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """What one YAML text holds: its tree, and problems that did not stop the reading."""

    root: Node | None
    """`None`: there is nothing in it, or nothing but comments."""
    problems: tuple[Problem, ...]


def parse_yaml(text: str, file: str) -> Document:
    """The tree of one YAML document; raises `InvalidScenario` where no tree can be made of it."""
    bad = _UNPRINTABLE.search(text)
    if bad:
        fail(place_after(text[: bad.start()], file), f"the character {bad[0]!r}", "printable characters")
    composer = _Composer(file)
    try:
        _read(text, composer, _LOADER)
    except yaml.MarkedYAMLError as error:
        raise InvalidScenario([_syntax_problem(error, composer)]) from None
    return Document(composer.root, tuple(composer.problems))


def _read(text: str, composer: _Composer, loader: type[yaml.SafeLoader]) -> None:
    try:
        for event in yaml.parse(text, Loader=loader):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        if "nesting depth" not in (error.problem or "") or loader is yaml.SafeLoader:
            raise
        # libyaml looks ahead, and from 0.2.6 on gives up before its events have come to our own limit.
        _read(text, _Composer(composer.file), yaml.SafeLoader)


def _syntax_problem(error: yaml.MarkedYAMLError, composer: _Composer) -> Problem:
    place = composer.place(error.problem_mark)
    begin = composer.place(error.context_mark)
    # What is not closed is noticed far below its start.
    is_open = any(kind in (error.context or "") for kind in ("flow sequence", "flow mapping", "quoted"))
    hint = f"it starts in line {begin.line}, column {begin.column}" if is_open else ""
    return Problem(*place, "", plain_words(error.problem or str(error)), "", hint)


class _Mark(Protocol):
    """What both parsers of PyYAML mark places with."""

    line: int
    column: int


@dataclass(slots=True)
class _Anchored:
    """The subtree behind an anchor; while `node` is `None`, it is still being read."""

    node: Node | None = None
    size: int = 1
    height: int = 0


def _written(tag: str) -> str:
    return describe(tag.replace("tag:yaml.org,2002:", "!!"))


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    node: Node
    anchored: _Anchored
    nodes_before: int
    height: int = 0
    key: Node | None = None
    """In a mapping: the key whose value comes next."""


@dataclass(slots=True)
class _Composer:
    file: str
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, _Anchored] = field(default_factory=dict)
    _nodes: int = 0
    _aliased_nodes: int = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            fail(self.place(event.start_mark), "a second document", "one document per file")

    def place(self, mark: _Mark | None) -> Place:
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        quoted = event.style in ("'", '"', "|", ">")
        node = Node(event.value if quoted else resolve(event.value), self.place(event.start_mark))
        anchored = self._checked(event, node)
        self._nodes += 1
        anchored.node = node
        self._add(node, 0)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        empty: dict[str, Node] | list[Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
        node = Node(empty, self.place(event.start_mark))
        self._check_levels(len(self._open) + 1, node.place)
        self._open.append(_Open(node, self._checked(event, node), self._nodes))
        self._nodes += 1

    def _end(self) -> None:
        done = self._open.pop()
        done.anchored.size = self._nodes - done.nodes_before
        done.anchored.height = done.height
        done.anchored.node = done.node
        self._add(done.node, done.height)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self.place(event.start_mark)
        name = str(event.anchor)
        found = f"the alias *{name[:FOUND_LENGTH_MAX]}"
        target = self._anchors.get(name)
        if target is None:
            hint = did_you_mean(name, self._anchors)
            fail(
                place, f"the alias *{name[:FOUND_LENGTH_MAX]}", "the name of an anchor (&name) above it", hint=hint
            )
        if target.node is None:
            fail(place, f"{found} inside of what it stands for", "no such circle")
        self._nodes += target.size
        self._aliased_nodes += target.size
        if self._aliased_nodes > ALIASED_NODES_MAX:
            fail(place, "aliases that grow too large", f"{ALIASED_NODES_MAX} values from aliases in all")
        self._check_levels(len(self._open) + target.height, place)
        self._add(Node(target.node.value, place), target.height)

    def _checked(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, node: Node) -> _Anchored:
        """Refuse a tag, note an anchor."""
        if event.tag is not None:
            self._note(node.place, f"the tag {_written(event.tag)}", "no tags")
        anchored = _Anchored()
        if event.anchor is not None:
            self._anchors[event.anchor] = anchored
        return anchored

    def _check_levels(self, levels: int, place: Place) -> None:
        if levels > LEVELS_MAX:
            fail(place, "lists and mappings nested too deep", f"{LEVELS_MAX} levels")

    def _add(self, node: Node, height: int) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.height = max(parent.height, height + 1)
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            self._add_entry(parent, parent.key, node)
            parent.key = None

    def _add_entry(self, parent: _Open, key: Node, node: Node) -> None:
        if not isinstance(key.value, str):
            hint = "put it in quotes if it is meant as text" if not isinstance(key.value, dict | list) else ""
            self._note(key.place, f"{describe(key.value)} as a key", "text", hint)
        elif key.value in parent.node.value:
            self._note(key.place, f"the key {describe(key.value)} again", "each key once")
        else:
            parent.node.value[key.value] = Node(node.value, node.place, key.place)

    def _note(self, place: Place, found: str, allowed: str, hint: str = "") -> None:
        self.problems.append(Problem(*place, dotted(tuple(self._path())), found, allowed, hint))

    def _path(self) -> Iterator[str | int]:
        for container in self._open:
            if isinstance(container.node.value, list):
                yield len(container.node.value)
            elif container.key is not None and isinstance(container.key.value, str):
                yield container.key.value
