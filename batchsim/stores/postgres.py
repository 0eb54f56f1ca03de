"""Statements on single rows as operations: each is one statement, and with it one transaction.

A row is a cell, `postgres:TABLE:ID`; its value holds the columns, sorted by name. A statement over several rows,
or a transaction of several statements, is a class of one's own.

    from batchsim.stores import postgres

    if await postgres.update("batch", "b1", set={"status": "COMPLETED"}, where={"status": "PENDING"}):
        ...
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.model.cells import Key
from batchsim.model.operation import Footprint, Operation, touches

Columns = tuple[tuple[str, Hashable], ...]
"""Columns and their values, sorted by name."""


def row_key(table: str, identity: Hashable) -> Key:
    """The cell of a row."""
    return f"postgres:{table}:{identity}"


def columns_of(values: Mapping[str, Hashable]) -> Columns:
    """Columns as a value that a cell can hold."""
    return tuple(sorted(values.items()))


@dataclass(frozen=True, slots=True)
class Select(Operation[dict[str, Any] | None]):
    """`SELECT * FROM table WHERE id = …`."""

    name: ClassVar[str] = "postgres.select"
    table: str
    identity: Hashable

    def footprint(self) -> Footprint:
        """The row."""
        return touches(reads=(row_key(self.table, self.identity),))

    def apply(self, world: Any) -> dict[str, Any] | None:
        """The columns of the row; `None`: there is no such row."""
        row: Columns | None = world.cells.read(row_key(self.table, self.identity))
        return None if row is None else dict(row)


@dataclass(frozen=True, slots=True)
class Insert(Operation[bool]):
    """`INSERT INTO table … ON CONFLICT DO NOTHING`."""

    name: ClassVar[str] = "postgres.insert"
    may_unblock: ClassVar[bool] = True
    table: str
    identity: Hashable
    values: Columns

    def footprint(self) -> Footprint:
        """The row."""
        return touches(writes=self.unblocks())

    def unblocks(self) -> tuple[Key, ...]:
        """The row: an actor may begin with it."""
        return (row_key(self.table, self.identity),)

    def apply(self, world: Any) -> bool:
        """Whether it was inserted; there may be such a row already."""
        (key,) = self.unblocks()
        if world.cells.read(key) is not None:
            return False
        world.cells.write(key, self.values)
        return True


@dataclass(frozen=True, slots=True)
class Update(Operation[int]):
    """`UPDATE table SET … WHERE id = … AND …`."""

    name: ClassVar[str] = "postgres.update"
    table: str
    identity: Hashable
    values: Columns
    conditions: Columns = ()

    def footprint(self) -> Footprint:
        """The row."""
        return touches(writes=(row_key(self.table, self.identity),))

    def apply(self, world: Any) -> int:
        """How many rows changed: 1, or 0 where there is no such row, or a condition does not hold."""
        key = row_key(self.table, self.identity)
        row: Columns | None = world.cells.read(key)
        if row is None or not set(self.conditions) <= set(row):
            return 0
        world.cells.write(key, columns_of(dict(row) | dict(self.values)))
        return 1


def select(table: str, identity: Hashable) -> Select:
    """The columns of a row by their names, or `None`."""
    return Select(table, identity)


def insert(table: str, identity: Hashable, **values: Hashable) -> Insert:
    """Insert a row unless there is one; whether it was inserted."""
    return Insert(table, identity, columns_of(values))


def update(
    table: str, identity: Hashable, *, set: Mapping[str, Hashable], where: Mapping[str, Hashable] | None = None
) -> Update:
    """Change columns of a row where others have these values; how many rows changed, 0 or 1."""
    return Update(table, identity, columns_of(set), columns_of(where or {}))
