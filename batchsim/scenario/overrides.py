"""`--set KEY=VALUE`: fields of a scenario, changed as if its file had been edited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from batchsim.scenario.problems import FOUND_LENGTH_MAX, InvalidScenario, Place, Problem, describe, fail
from batchsim.scenario.tree import Node, Path, dotted, nearest_node, plain, planted
from batchsim.scenario.yaml_file import LEVELS_MAX, parse_yaml

SHORT = {"tombstone.grace": ("latency", "operations", "redis.expire")}
"""Fields that also go by a name of their own: the parameters of policies."""
SAME_LEG = ("latency", "stream_end"), ("latency", "operations", "redis.enqueued_count", "request")
"""One leg, and both its names."""
_INDEX = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class FieldOverride:
    """One value of one field, and the option that it comes from."""

    keys: tuple[str, ...]
    """From the top; positions in lists are digits."""
    value: Node

    @property
    def place(self) -> Place:
        """The option, as the place of everything that it brings."""
        return self.value.place


def parse_override(option: str) -> FieldOverride:
    """The override that `KEY=VALUE` asks for; raises `InvalidScenario`."""
    place = Place(f"--set {_shortened(option)}")
    key, equals, value = option.partition("=")
    keys = tuple(key.replace("[", ".").replace("]", "").split("."))
    if not equals or not all(keys) or len(keys) > LEVELS_MAX:
        fail(place, describe(key) if equals else "no '='", "KEY=VALUE, such as batch.items=5")
    try:
        document = parse_yaml(value, place.file)
    except InvalidScenario as error:
        raise InvalidScenario(_moved(error.problems, place, key)) from None
    if document.problems:
        raise InvalidScenario(_moved(document.problems, place, key))
    return FieldOverride(_joined(keys), planted(document.root and plain(document.root), place))


def applied(root: Node, override: FieldOverride) -> Node:
    """The tree with one field overridden; raises `InvalidScenario` where there is no way to that field."""
    return _with(root, _as_written(root, override.keys), override, ())


def _as_written(root: Node, keys: tuple[str, ...]) -> tuple[str, ...]:
    """A leg that has two names, by the one that the scenario has for it: it is not there a second time."""
    for name, other in (SAME_LEG, SAME_LEG[::-1]):
        if keys == name and nearest_node(root, other) is not nearest_node(root, other[:-1]):
            return other
    return keys


def _joined(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Names that contain dots themselves, put together again: those of operations, and paths of policies."""
    keys = SHORT.get(".".join(keys), keys)
    if keys[:2] == ("latency", "operations"):
        return (*keys[:2], ".".join(keys[2:4]), *keys[4:]) if len(keys) > 2 else keys
    if keys[0] in ("expect", "expect_explore", "expect_timed"):
        index = keys[2:][-1:] if _INDEX.fullmatch(keys[-1]) else ()
        name = keys[1 : len(keys) - len(index)]
        return (keys[0], ".".join(name), *index) if name else keys
    return keys


def _with(node: Node | None, keys: Sequence[str], override: FieldOverride, above: Path) -> Node:
    """A copy of `node` with the override in it; what is not on its way is shared."""
    if not keys:
        return override.value
    if node is None or node.value is None:
        node = Node([] if _INDEX.fullmatch(keys[0]) else {}, override.place, override.place)
    if isinstance(node.value, list):
        return _with_entry(node, keys, override, above)
    if not isinstance(node.value, dict):
        allowed = "a mapping or a list, to set a field in"
        fail(override.place, describe(node.value), allowed, field=dotted(above))
    child = _with(node.value.get(keys[0]), keys[1:], override, (*above, keys[0]))
    return replace(node, value={**node.value, keys[0]: child})


def _with_entry(node: Node, keys: Sequence[str], override: FieldOverride, above: Path) -> Node:
    entries: list[Node] = node.value
    index = int(keys[0]) if _INDEX.fullmatch(keys[0]) else None
    if index is None or index > len(entries):
        allowed = f"an index from 0 to {len(entries)}, where {len(entries)} appends"
        fail(override.place, f"the index {describe(keys[0])}", allowed, field=dotted(above))
    old = entries[index] if index < len(entries) else None
    new = _with(old, keys[1:], override, (*above, index))
    return replace(node, value=[*entries[:index], new, *entries[index + 1 :]])


def _moved(problems: Iterable[Problem], place: Place, key: str) -> list[Problem]:
    """Problems inside a value belong to its option: a line and column in there would point at nothing."""
    return [replace(each, file=place.file, line=None, column=None, field=dotted((key,))) for each in problems]


def _shortened(option: str) -> str:
    if len(option) > FOUND_LENGTH_MAX or not option.isprintable():
        return describe(option)
    return option
