"""What classes of operations say of their own latency, for where a scenario says nothing."""

from __future__ import annotations

from typing import Any

from batchsim.bad_input import BadInputError
from batchsim.model.operation import Operation, all_classes, classes_named, told_class
from batchsim.scenario import defaults
from batchsim.scenario.latencies import Latency, Legs, RoundTrip
from batchsim.user_code import told


def group_of(name: str) -> str | None:
    """The group that operations of this name follow: that of their class, or what the name begins with.

    `None`: none. Raises `BadInputError` where classes of one name disagree.
    """
    groups = {each: each.group for each in classes_named(name) if each.group is not None}
    if not groups:
        return defaults.group_of(name)
    _check_one("group", groups)
    return next(iter(groups.values())) or None


def latency_of(name: str) -> Latency | None:
    """The default latency of the class whose operations have this name; `None`: it has none.

    Raises `BadInputError` for one that no scenario could hold, and where classes of one name disagree.
    """
    given = {each: each.default_latency for each in classes_named(name) if each.default_latency is not None}
    if not given:
        return None
    _check_one("default_latency", given)
    kind, written = next(iter(given.items()))
    known = _READ.get(kind)
    if known is None or known[0] != written:
        known = _READ[kind] = written, _read(kind)
    return known[1]


def is_wait(name: str) -> bool:
    """Whether the class whose operations have this name says that they are waits, not round trips."""
    return any(each.is_wait for each in classes_named(name))


def own_groups() -> frozenset[str]:
    """The groups of classes of one's own."""
    return frozenset(each.group for each in all_classes() if each.group) - defaults.GROUPS.keys()


def no_latency(name: str) -> BadInputError:
    """What to raise for an operation of which nothing says how long it takes."""
    classes = [f"{told_class(each)} ({name})" for each in classes_named(name)] or [name]
    return BadInputError(
        f"{', '.join(classes)}: no latency; allowed: latency: operations: {{{name}: 1 ms}} in the scenario, "
        'or default_latency = "1 ms" in the class'
    )


def _check_one(field: str, values: dict[type[Operation[Any]], Any]) -> None:
    (first, value), *others = values.items()
    for other, another in others:
        if another != value:
            raise BadInputError(
                f"{told_class(other)}: {field}: found {told(another)}; allowed: {told(value)}, as in "
                f"{told_class(first)}, which has the same name ({first.name}), or another name"
            )


_READ: dict[type[Operation[Any]], tuple[Any, Latency]] = {}
"""The default latencies of classes, as they are written and as they are meant."""


def _read(kind: type[Operation[Any]]) -> Latency:
    from batchsim.scenario.schema.spreads import read_latency  # noqa: PLC0415 - most runs need none of it

    try:
        written = read_latency(kind.default_latency)
    except ValueError as error:
        raise BadInputError(f"{told_class(kind)}: default_latency: {error}") from None
    if isinstance(written, Legs):
        return written
    return defaults.delay(written) if kind.is_wait else RoundTrip(written)
