"""A scenario as it was written: plain values, each with the place that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from batchsim.scenario.problems import FOUND_LENGTH_MAX, Place, describe

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A value: a scalar, a list of nodes, or a mapping of nodes. Aliases share what they stand for."""

    value: Any
    place: Place
    key_place: Place | None = None
    """Where its key stands, for the value of a mapping."""


def plain(node: Node) -> object:
    """The value without its places."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def planted(value: object, place: Place) -> Node:
    """The tree of a plain value, all of it from one place."""
    if isinstance(value, Mapping):
        return Node({str(key): planted(child, place) for key, child in value.items()}, place, place)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return Node([planted(child, place) for child in value], place, place)
    return Node(value, place, place)


def nearest_node(root: Node, path: Path) -> Node:
    """What stands at `path`, or at as much of it as exists."""
    node = root
    for step in path:
        child = _child(node, step)
        if child is None:
            break
        node = child
    return node


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict) and isinstance(step, str):
        return node.value.get(step)
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        child: Node = node.value[step]
        return child
    return None


def dotted(path: Path) -> str:
    """A path for people: `items.overrides[1].index`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_legible(step)}" for step in path)
    return text.removeprefix(".")


def _legible(key: str) -> str:
    return key if key.isprintable() and len(key) <= FOUND_LENGTH_MAX else describe(key)
