"""Statements on rows as operations: each is one statement, and with it one transaction.

A row is a cell, `postgres:TABLE:ID`; its value holds the columns, sorted by name. Atomic is what one statement
does, as under `READ COMMITTED`: `update` and `delete` look at the row as it is when they act. Nothing waits: a
row is locked no longer than its statement takes. Left out, and classes of one's own
(`batchsim.model.operation.Operation`): transactions of several statements, and with them `SELECT … FOR UPDATE`;
statements that change several rows, or find rows whose keys are not known; constraints over several rows.

    from batchsim.stores import postgres

    if await postgres.update("batch", "b1", set={"status": "COMPLETED"}, where={"status": "PENDING"}):
        ...
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn, get_args, overload

from batchsim.bad_input import BadInputError
from batchsim.model.cells import Cells, Key
from batchsim.model.operation import Footprint, Operation, Raised, StoreFailure, touches
from batchsim.user_code import told

Columns = tuple[tuple[str, Hashable], ...]
"""Columns and their values, sorted by name."""
OnConflict = Literal["nothing", "update", "raise"]


class Row(dict[Any, Any]):
    """The columns of a row by their names, as they were: nothing in it can be changed, so it has a hash."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def _refuse(self, *arguments: Any, **named: Any) -> Any:
        raise TypeError("found a change of a row that was read; allowed: postgres.update, or a copy: dict(row)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __bool__(self) -> bool:
        return True  # there is such a row, whatever columns it was given beside its key


class Rows(Row):
    """Several of them by their keys."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return len(self) > 0


class UniqueViolation(StoreFailure):
    """There is a row with this key already."""

    in_words = "violates a unique constraint"


def row_key(table: str, identity: Hashable) -> Key:
    """The cell of a row."""
    return f"postgres:{table}:{identity}"


def columns_of(values: Mapping[str, Hashable]) -> Columns:
    """Columns as a value that a cell can hold."""
    return tuple(sorted(values.items()))


def _row(cells: Cells, table: str, identity: Hashable, where: Columns = ()) -> Row | None:
    """The columns of a row; `None`: there is none, or a condition does not hold."""
    row: Columns | None = cells.read(row_key(table, identity))
    if row is None:
        return None
    columns = Row(row)
    # As `NULL` is, a column that is absent is equal to nothing.
    return columns if all(name in columns and columns[name] == value for name, value in where) else None


@dataclass(frozen=True, slots=True)
class Select(Operation[Row | None]):
    """`SELECT * FROM table WHERE id = … AND …`."""

    name: ClassVar[str] = "postgres.select"
    group: ClassVar[str | None] = "postgres"
    table: str
    identity: Hashable
    conditions: Columns = ()

    def footprint(self) -> Footprint:
        """The row."""
        return touches(reads=(row_key(self.table, self.identity),))

    def apply(self, world: Any) -> Row | None:
        """The columns of the row; `None`: there is no such row."""
        return _row(world.cells, self.table, self.identity, self.conditions)

    def describe(self, answer: Any) -> str:
        """The columns."""
        return "no row" if answer is None else str(answer)


@dataclass(frozen=True, slots=True)
class SelectMany(Operation[Rows]):
    """`SELECT * FROM table WHERE id IN (…) AND …`."""

    name: ClassVar[str] = "postgres.select_many"
    group: ClassVar[str | None] = "postgres"
    table: str
    identities: tuple[Hashable, ...]
    conditions: Columns = ()

    def footprint(self) -> Footprint:
        """The rows."""
        return touches(reads=tuple(row_key(self.table, each) for each in self.identities))

    def apply(self, world: Any) -> Rows:
        """Those that there are and that meet the conditions: by key, the columns."""
        found = ((each, _row(world.cells, self.table, each, self.conditions)) for each in self.identities)
        return Rows({each: row for each, row in found if row is not None})

    def describe(self, answer: Any) -> str:
        """How many."""
        return f"{len(answer)} rows"


@dataclass(frozen=True, slots=True)
class Insert(Operation[bool]):
    """`INSERT INTO table … ON CONFLICT …`."""

    name: ClassVar[str] = "postgres.insert"
    group: ClassVar[str | None] = "postgres"
    may_unblock: ClassVar[bool] = True
    table: str
    identity: Hashable
    values: Columns
    on_conflict: OnConflict = "nothing"

    def footprint(self) -> Footprint:
        """The row."""
        return touches(writes=self.unblocks())

    def unblocks(self) -> tuple[Key, ...]:
        """The row: an actor may begin with it."""
        return (row_key(self.table, self.identity),)

    def apply(self, world: Any) -> Any:
        """Whether it was inserted; there may be such a row already."""
        (key,) = self.unblocks()
        before: Columns | None = world.cells.read(key)
        if before is None:
            world.cells.write(key, self.values)
            return True
        if self.on_conflict == "raise":
            return Raised(UniqueViolation)
        if self.on_conflict == "update":
            world.cells.write(key, columns_of(dict(before) | dict(self.values)))
        return False


@dataclass(frozen=True, slots=True)
class Update(Operation[Any]):
    """`UPDATE table SET … WHERE id = … AND … RETURNING …`."""

    name: ClassVar[str] = "postgres.update"
    group: ClassVar[str | None] = "postgres"
    table: str
    identity: Hashable
    values: Columns
    conditions: Columns = ()
    increments: Columns = ()
    returning: tuple[str, ...] | None = None

    def footprint(self) -> Footprint:
        """The row."""
        return touches(writes=(row_key(self.table, self.identity),))

    def apply(self, world: Any) -> Any:
        """How many rows changed, 1 or 0; or the columns that it is to return, `None` where no row changed."""
        row = _row(world.cells, self.table, self.identity, self.conditions)
        if row is None:
            return 0 if self.returning is None else None
        for name in dict(self.increments):
            if not isinstance(row.get(name), int | float):
                self._refuse(
                    f"add: found {told(row.get(name))} in column {name!r}", "a number to begin with, such as 0"
                )
        added = {name: row[name] + amount for name, amount in self.increments}
        after = dict(row) | dict(self.values) | added
        for name in self.returning or ():
            if name not in after:
                self._refuse(f"returning: found no column {name!r}", ", ".join(after))
        world.cells.write(row_key(self.table, self.identity), columns_of(after))
        return 1 if self.returning is None else Row({name: after[name] for name in self.returning})

    def _refuse(self, found: str, allowed: str) -> NoReturn:
        raise BadInputError(f"postgres.update of {self.table} {told(self.identity)}: {found}; allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class Delete(Operation[int]):
    """`DELETE FROM table WHERE id = … AND …`."""

    name: ClassVar[str] = "postgres.delete"
    group: ClassVar[str | None] = "postgres"
    table: str
    identity: Hashable
    conditions: Columns = ()

    def footprint(self) -> Footprint:
        """The row."""
        return touches(writes=(row_key(self.table, self.identity),))

    def apply(self, world: Any) -> int:
        """How many rows were deleted: 1, or 0 where there is no such row, or a condition does not hold."""
        if _row(world.cells, self.table, self.identity, self.conditions) is None:
            return 0
        world.cells.delete(row_key(self.table, self.identity))
        return 1


def select(table: str, identity: Hashable, *, where: Mapping[str, Hashable] | None = None) -> Select:
    """The columns of a row by their names, or `None`: there is no such row, or its columns have other values."""
    return Select(table, identity, columns_of(where or {}))


def select_many(
    table: str, identities: Iterable[Hashable], *, where: Mapping[str, Hashable] | None = None
) -> SelectMany:
    """In one statement several rows, by their keys: the columns of each that there is and whose columns are so."""
    return SelectMany(table, tuple(identities), columns_of(where or {}))


def insert(table: str, identity: Hashable, *, on_conflict: OnConflict = "nothing", **values: Hashable) -> Insert:
    """Insert a row; whether it was inserted.

    `on_conflict`: what is done where there is such a row: `"nothing"`; `"update"`, its columns are set; `"raise"`,
    it raises `UniqueViolation`.
    """
    if on_conflict not in get_args(OnConflict):
        raise BadInputError(
            f"postgres.insert: on_conflict: found {told(on_conflict)}; allowed: {', '.join(get_args(OnConflict))}"
        )
    return Insert(table, identity, columns_of(values), on_conflict)


@overload
def update(
    table: str,
    identity: Hashable,
    *,
    set: Mapping[str, Hashable] = ...,
    add: Mapping[str, int] = ...,
    where: Mapping[str, Hashable] | None = ...,
) -> Operation[int]: ...


@overload
def update(
    table: str,
    identity: Hashable,
    *,
    set: Mapping[str, Hashable] = ...,
    add: Mapping[str, int] = ...,
    where: Mapping[str, Hashable] | None = ...,
    returning: Iterable[str],
) -> Operation[Row | None]: ...


def update(
    table: str,
    identity: Hashable,
    *,
    set: Mapping[str, Hashable] | None = None,
    add: Mapping[str, int] | None = None,
    where: Mapping[str, Hashable] | None = None,
    returning: Iterable[str] | None = None,
) -> Operation[Any]:
    """Change columns of a row where others have these values; how many rows changed, 0 or 1.

    `set`: their new values. `add`: what is added to their old ones, `SET n = n + 1`. `returning`: the columns, as
    they are then, that are the answer in place of the number; `None` where no row changed. Raises `BadInputError`
    where nothing is to change.
    """
    if not set and not add:
        raise BadInputError(f"postgres.update of {table}: found neither set nor add; allowed: at least one")
    returned = None if returning is None else tuple(returning)
    return Update(table, identity, columns_of(set or {}), columns_of(where or {}), columns_of(add or {}), returned)


def delete(table: str, identity: Hashable, *, where: Mapping[str, Hashable] | None = None) -> Delete:
    """Delete a row where its columns have these values; how many rows were deleted, 0 or 1."""
    return Delete(table, identity, columns_of(where or {}))
