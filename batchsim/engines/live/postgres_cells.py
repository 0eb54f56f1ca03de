"""Cells in PostgreSQL: a row each, with its columns in one `jsonb`, so that a system can have any.

A transaction that reads and writes locks what it reads, and begins with its first statement: it takes two round
trips. What only reads is one statement. An update with a condition is one statement, whose condition the server
looks at: it is found by trying the two functions on every value that a row can have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple, get_args, get_type_hints

from batchsim.engines.live.codec import VALUE, class_named, fields_of, made, name_of, pack, unpack
from batchsim.engines.live.keys import row_of
from batchsim.engines.live.servers import telling
from batchsim.model.cells import FrozenList, FrozenQueue, FrozenSortedSet, Key

SCALAR, COLUMNS = "scalar", "columns"
NUMBERS = (None, 0, 1, 7)
"""What a column of numbers is tried with."""
TRIES_MAX = 100_000


class Conflict(Exception):
    """Somebody else was there meanwhile: to be done again."""


class NoStatement(Exception):
    """An update is no single statement."""


class PostgresCells:
    """The rows of one batch (or of one system), over one connection."""

    def __init__(
        self,
        connection: Any,
        schema: str,
        batch: str,
        tables: Iterable[str],
        make_tables: Callable[[Iterable[str]], None],
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._batch = batch
        self._tables = sorted(tables)
        self._make_tables = make_tables
        self._is_open = False

    # -- a transaction ---------------------------------------------------------------------------

    def read(self, cells: Iterable[Key], *, locks: bool, writes: frozenset[Key] = frozenset()) -> dict[Key, Any]:
        """The values of rows, frozen; `locks`: in a transaction, which locks them until it ends."""
        asked = list(cells)
        found: dict[Key, Any] = dict.fromkeys(asked)
        by_table: dict[str, dict[str, Key]] = {}
        for cell in asked:
            table, identity = row_of(cell)
            by_table.setdefault(table, {})[identity] = cell
        for table, keys in sorted(by_table.items()):
            is_written = any(cell in writes for cell in keys.values())
            lock = "" if not locks else " FOR UPDATE" if is_written else " FOR SHARE"
            place = "batch = %s AND id = ANY(%s)"
            statement = f"SELECT id, kind, data FROM {self._named(table)} WHERE {place} ORDER BY id{lock}"
            for identity, kind, data in self._run(statement, (self._batch, list(keys)), begins=locks):
                found[keys[identity]] = value_of(kind, data)
        return found

    def write(self, before: Mapping[Key, Any], after: Mapping[Key, Any]) -> None:
        """Write rows (frozen; `None`: delete); raises `Conflict` where a row has appeared since it was read."""
        for cell, value in sorted(after.items()):
            table, identity = row_of(cell)
            named = self._named(table)
            place = (self._batch, identity)
            if value is None:
                self._run(f"DELETE FROM {named} WHERE batch = %s AND id = %s", place, begins=True)
                continue
            kind, data = _data_of(value)
            if before.get(cell) is None:
                statement = f"INSERT INTO {named} (batch, id, kind, data) VALUES (%s, %s, %s, %s)"
                self._run(statement, (*place, kind, json.dumps(data)), begins=True)
            else:
                statement = f"UPDATE {named} SET kind = %s, data = %s WHERE batch = %s AND id = %s"
                self._run(statement, (kind, json.dumps(data), *place), begins=True)

    def update(
        self, cell: Key, row: type[Any], change: Callable[[Any], Any], where: Callable[[Any], bool] | None
    ) -> int:
        """Change a row where it meets a condition, in one statement; how many rows changed.

        `row`: the class of named tuples that it holds. Raises `NoStatement`.
        """
        statement = statement_of(row, change, where)
        table, identity = row_of(cell)
        words, values = [f"UPDATE {self._named(table)} SET data = data || %s WHERE batch = %s AND id = %s"], []
        for column, allowed in statement.where:
            words.append(f"AND data -> '{column}' = ANY(%s::jsonb[])")
            values.append([json.dumps(each) for each in allowed])
        answer = self._run(
            " ".join(words), (json.dumps(statement.set), self._batch, identity, *values), begins=True, counts=True
        )
        return int(answer)

    def commit(self) -> None:
        """End the transaction, if there is one."""
        if self._is_open:
            self._is_open = False
            self._execute("COMMIT", ())

    def roll_back(self) -> None:
        """Undo the transaction, if there is one."""
        if self._is_open:
            self._is_open = False
            self._execute("ROLLBACK", ())

    # -- rows of the user's own, each statement as it is in PostgreSQL ----------------------------------

    def statement(self, words: str, table: str, values: tuple[Any, ...]) -> tuple[int, list[tuple[Any, ...]]]:
        """Run one statement on a table, `{table}` in its words; how many rows it was about, and its rows."""
        cursor = self._execute(words.replace("{table}", self._named(table)), values)
        with telling("PostgreSQL"):
            return cursor.rowcount, cursor.fetchall() if cursor.description is not None else []

    @property
    def batch(self) -> str:
        """What tells its rows from those of others."""
        return self._batch

    # -- all ---------------------------------------------------------------------------------------

    def everything(self) -> dict[Key, Any]:
        """All rows, frozen, by their cells."""
        found: dict[Key, Any] = {}
        for table in self._tables:
            statement = f"SELECT id, kind, data FROM {self._named(table)} WHERE batch = %s"
            for identity, kind, data in self._run(statement, (self._batch,), begins=False):
                found[f"postgres:{table}:{identity}" if identity else f"postgres:{table}"] = value_of(kind, data)
        return found

    def _named(self, table: str) -> str:
        if table not in self._tables:
            self._tables = sorted((*self._tables, table))
            self._make_tables((table,))
        return named(self._schema, table)

    def _run(self, statement: str, values: tuple[Any, ...], *, begins: bool, counts: bool = False) -> Any:
        """Run a statement; `begins`: in the transaction, with its first statement."""
        if begins and not self._is_open:
            self._is_open = True
            statement = f"BEGIN; {statement}"
            cursor = self._execute(statement, values)
            with telling("PostgreSQL"):
                cursor.nextset()
        else:
            cursor = self._execute(statement, values)
        if counts:
            return cursor.rowcount
        with telling("PostgreSQL"):
            return cursor.fetchall() if cursor.description is not None else []

    def _execute(self, statement: str, values: tuple[Any, ...]) -> Any:
        from psycopg import errors

        try:
            with telling("PostgreSQL"):
                # Percent signs are placeholders only where there are values.
                return (
                    self._connection.execute(statement, values) if values else self._connection.execute(statement)
                )
        except Exception as error:
            cause = error.__context__
            if isinstance(cause, errors.UniqueViolation | errors.DeadlockDetected | errors.SerializationFailure):
                raise Conflict from None
            raise


def named(schema: str, table: str) -> str:
    """A table, as a statement names it."""
    quoted = table.replace('"', '""').replace("%", "%%")
    return f'"{schema}"."{quoted}"'


def make_tables(connection: Any, schema: str, tables: Iterable[str]) -> None:
    """Make tables that are not there yet."""
    for table in tables:
        with telling("PostgreSQL"):
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {named(schema, table).replace('%%', '%')} "
                "(batch text, id text, kind text NOT NULL, data jsonb NOT NULL, PRIMARY KEY (batch, id))"
            )


def _data_of(value: Any) -> tuple[str, Any]:
    """The class of a row's value, and its columns."""
    if isinstance(value, FrozenList | FrozenQueue | FrozenSortedSet):
        raise NoStatement
    if hasattr(value, "_fields"):
        return name_of(type(value)), fields_of(value)
    if is_columns(value):
        return COLUMNS, {name: pack(each) for name, each in value}
    return SCALAR, {VALUE: pack(value)}


def is_columns(value: Any) -> bool:
    """Whether it is columns with their values, as operations on rows write them."""
    return type(value) is tuple and all(
        type(each) is tuple and len(each) == 2 and type(each[0]) is str for each in value
    )


def value_of(kind: str, data: Any) -> Any:
    """The value of a row."""
    if kind == SCALAR:
        return unpack(data[VALUE])
    if kind == COLUMNS:
        return tuple(sorted((name, unpack(each)) for name, each in data.items()))
    return made(class_named(kind), data)


# -- an update as one statement ----------------------------------------------------------------------


class Statement(NamedTuple):
    """What an update sets, and where."""

    set: dict[str, Any]
    where: tuple[tuple[str, tuple[Any, ...]], ...]
    """Columns, each with the values that it may have; as JSON."""


def statement_of(row: type[Any], change: Callable[[Any], Any], where: Callable[[Any], bool] | None) -> Statement:
    """The statement of an update, found by trying its functions on every row; raises `NoStatement`."""
    key = _known(change), None if where is None else _known(where)
    return _statement_of(_Functions(key, row, change, where))


class _Functions:
    """The two functions of an update on rows of a class, equal to others that do the same."""

    def __init__(self, key: Any, row: Any, change: Any, where: Any) -> None:
        self.key, self.row, self.change, self.where = (row, key), row, change, where

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Functions) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _known(function: Callable[..., Any]) -> Any:
    """What tells a function from another one: its code, and what it has from outside."""
    closure = tuple(cell.cell_contents for cell in getattr(function, "__closure__", None) or ())
    try:
        hash(closure)
    except TypeError:
        return id(function)
    return getattr(function, "__code__", function), closure


@lru_cache(maxsize=1024)
def _statement_of(functions: _Functions) -> Statement:
    row = functions.row
    fields = row._fields
    domain = [_values_of(get_type_hints(row)[name]) for name in fields]
    tries = 1
    for values in domain:
        tries *= len(values)
    if tries > TRIES_MAX:
        raise NoStatement
    where, change = functions.where, functions.change
    tried = [row(*values) for values in product(*domain)]
    met = [each for each in tried if where is None or where(each)]
    if not met:
        return Statement({}, ((fields[0], ()),))
    allowed = [tuple(dict.fromkeys(each[place] for each in met)) for place in range(len(fields))]
    count = 1
    for values in allowed:
        count *= len(values)
    if count != len(met):
        raise NoStatement  # a condition on columns together
    changed = [(each, change(each)) for each in met]
    new: dict[str, Any] = {}
    for place, name in enumerate(fields):
        if all(after[place] == before[place] for before, after in changed):
            continue
        written = {after[place] for _, after in changed}
        if len(written) > 1:
            raise NoStatement  # it depends on the row
        new[name] = next(iter(written))
    after = changed[0][1]
    as_json = fields_of(after)
    conditions = tuple(
        (name, tuple(_json_of(row, name, value) for value in values))
        for name, values, all_values in zip(fields, allowed, domain, strict=True)
        if len(values) < len(all_values)
    )
    return Statement({name: as_json[name] for name in new}, conditions)


def _json_of(row: type[Any], name: str, value: Any) -> Any:
    return value.value if isinstance(value, Enum) else pack(value)


def _values_of(hint: Any) -> tuple[Any, ...]:
    """Every value that a column can have, as far as a condition can tell them apart."""
    kinds = get_args(hint) or (hint,)
    values: list[Any] = []
    for kind in kinds:
        if kind is type(None):
            values.append(None)
        elif kind is bool:
            values += (False, True)
        elif kind is int:
            values += (each for each in NUMBERS if each is not None)
        elif isinstance(kind, type) and issubclass(kind, Enum):
            values += kind
        else:
            raise NoStatement
    return tuple(values)
