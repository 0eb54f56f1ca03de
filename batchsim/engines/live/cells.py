"""Cells on real servers, and the units in which operations work on them.

A unit is one operation: it reads the cells of its footprint when the first of them is asked for, works on them in
memory, and writes what has changed. In Redis that is an optimistic transaction, in PostgreSQL one with locks. If
somebody else was there meanwhile, `commit` says so, and the operation is applied anew: it depends on cells alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from batchsim.engines.live.keys import Store, row_of, store_of
from batchsim.engines.live.postgres_cells import Conflict, NoStatement, PostgresCells, make_tables
from batchsim.engines.live.redis_cells import RedisCells, Seen
from batchsim.engines.live.servers import Servers
from batchsim.model.cells import Cells, Key, freeze, thaw
from batchsim.model.operation import Footprint

T = TypeVar("T")


class Lines:
    """A connection to each server for every thread that asks."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._local = threading.local()
        self._all: list[Any] = []
        self._tables: set[str] = set()
        self._making = threading.Lock()

    def make_tables(self, tables: Iterable[str]) -> None:
        """Make tables that are not there yet, one thread at a time."""
        with self._making:
            new = [table for table in tables if table not in self._tables]
            make_tables(self.postgres(), self.servers.schema, new)
            self._tables.update(new)

    def redis(self) -> Any:
        """This thread's connection to Redis."""
        return self._mine("redis", self.servers.redis)

    def postgres(self) -> Any:
        """This thread's connection to PostgreSQL."""
        return self._mine("postgres", self.servers.postgres)

    def _mine(self, name: str, connect: Callable[[], Any]) -> Any:
        connection = getattr(self._local, name, None)
        if connection is None:
            connection = connect()
            setattr(self._local, name, connection)
            self._all.append(connection)
        return connection

    def close(self) -> None:
        """Close them all."""
        for connection in self._all:
            with suppress(Exception):
                connection.close()


class LiveCells(Cells):
    """The cells of one system: those of no store are in memory, all others on servers.

    Any number of threads may work on them, each with one unit at a time.
    """

    __slots__ = ("_batch", "_listed", "_local", "_lock", "_tables", "lines")

    def __init__(self, lines: Lines, batch: str, listed: Iterable[Key]) -> None:
        super().__init__()
        self.lines = lines
        self._batch = batch
        self._listed = tuple(listed)
        self._lock = threading.RLock()
        self._local = threading.local()
        rows = [cell for cell in self._listed if store_of(cell) is Store.POSTGRES]
        self._tables = sorted({row_of(cell).table for cell in rows})

    def make_tables(self) -> None:
        """Make the tables of the rows that are listed."""
        self.lines.make_tables(self._tables)

    @property
    def redis(self) -> RedisCells:
        """Those in Redis, over this thread's connection."""
        mine: RedisCells | None = getattr(self._local, "redis", None)
        if mine is None:
            prefix = f"{self.lines.servers.prefix}{self._batch}:"
            mine = self._local.redis = RedisCells(self.lines.redis(), prefix)
        return mine

    @property
    def postgres(self) -> PostgresCells:
        """Those in PostgreSQL, likewise."""
        mine: PostgresCells | None = getattr(self._local, "postgres", None)
        if mine is None:
            schema, make = self.lines.servers.schema, self.lines.make_tables
            connection = self.lines.postgres()
            mine = self._local.postgres = PostgresCells(connection, schema, self._batch, self._tables, make)
        return mine

    # -- units -----------------------------------------------------------------------------------

    @contextmanager
    def unit(self, footprint: Footprint) -> Iterator[Unit]:
        """What one operation does; it is undone unless it is committed."""
        unit = self._local.unit = Unit(self, footprint, self._lock)
        try:
            yield unit
        finally:
            self._local.unit = None
            unit.end()

    def _unit(self) -> Unit:
        unit: Unit | None = getattr(self._local, "unit", None)
        assert unit is not None, "cells on servers are touched by operations alone"
        return unit

    def read(self, key: Key) -> Any:
        """As in `Cells`."""
        unit: Unit | None = getattr(self._local, "unit", None)
        return unit.read(key) if unit is not None else self.contents((key,)).get(key)

    def modify(self, key: Key, empty: Callable[[], T]) -> T:
        """As in `Cells`."""
        return self._unit().modify(key, empty)

    def write(self, key: Key, value: Hashable) -> None:
        """As in `Cells`."""
        self._unit().write(key, value)

    def delete(self, key: Key) -> bool:
        """As in `Cells`."""
        return self._unit().delete(key)

    def alter(
        self, key: Key, empty: Callable[[], T], change: Callable[[T], T], where: Callable[[T], bool] | None = None
    ) -> int:
        """As in `Cells`: one statement, where that says it all."""
        return self._unit().alter(key, empty, change, where)

    def impose(self, after: Mapping[Key, Any]) -> None:
        """Write cells (frozen; `None`: delete) by no operation: how it begins, and what faults do."""
        with self.unit(Footprint(frozenset(after), frozenset(after))) as unit:
            for key, value in after.items():
                if value is None:
                    unit.delete(key)
                else:
                    unit.write(key, value)
            if not unit.commit():
                raise AssertionError("somebody else writes the cells of this system")

    # -- as a whole ----------------------------------------------------------------------------------

    def contents(self, cells: Iterable[Key] | None = None) -> dict[Key, Hashable]:
        """Cells that are there, frozen; `None`: all that are listed."""
        by_store: dict[Store, list[Key]] = {}
        for cell in self._listed if cells is None else cells:
            by_store.setdefault(store_of(cell), []).append(cell)
        found: dict[Key, Any] = {}
        if by_store.get(Store.REDIS):
            found |= {cell: seen.value for cell, seen in self.redis.read(by_store[Store.REDIS]).items()}
        if by_store.get(Store.POSTGRES):
            found |= self.postgres.read(by_store[Store.POSTGRES], locks=False)
        with self._lock:
            found |= {cell: freeze(dict.get(self, cell)) for cell in by_store.get(Store.MEMORY, ())}
        return {cell: value for cell, value in found.items() if value is not None}

    def strays(self) -> dict[Key, Hashable]:
        """What is on the servers below our names, and is listed nowhere."""
        listed = frozenset(self._listed)
        found = {cell: seen.value for cell, seen in self.redis.everything().items()} | self.postgres.everything()
        return {cell: value for cell, value in found.items() if cell not in listed}

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.read(key) is not None

    def __getitem__(self, key: Key) -> Any:
        value = self.read(key)
        if value is None:
            raise KeyError(key)
        return thaw(value)

    def get(self, key: Key, default: Any = None) -> Any:
        """The value, or the default."""
        value = self.read(key)
        return default if value is None else thaw(value)

    def items(self) -> Any:
        """All that are there, with their values."""
        return [(cell, thaw(value)) for cell, value in self.contents().items()]

    def memory(self, key: Key) -> Any:
        """The value of a cell of no store."""
        return dict.get(self, key)

    def remember(self, after: Mapping[Key, Any]) -> None:
        """Write cells of no store (frozen; `None`: delete)."""
        with self._lock:
            for key, value in after.items():
                if value is None:
                    dict.pop(self, key, None)
                else:
                    dict.__setitem__(self, key, thaw(value))


class Unit:
    """One operation at work."""

    def __init__(self, cells: LiveCells, footprint: Footprint, lock: Any) -> None:
        self._cells = cells
        self._lock = lock
        self._writes = footprint.writes
        everything = sorted(footprint.reads | footprint.writes)
        self._of_store = {store: [each for each in everything if store_of(each) is store] for store in Store}
        self._locks = any(store_of(each) is Store.POSTGRES for each in footprint.writes)
        self._seen: dict[Key, Seen] = {}
        self._before: dict[Key, Any] = {}
        """Frozen, as it was read."""
        self._now: dict[Key, Any] = {}
        self._blind: set[Key] = set()
        """Written without having been read."""

    def _load(self, key: Key) -> None:
        if key in self._now and key not in self._blind:
            return
        store = store_of(key)
        if store is Store.MEMORY:
            with self._lock:
                self._took(key, freeze(self._cells.memory(key)))
            return
        wanted = [each for each in dict.fromkeys((key, *self._of_store[store])) if each not in self._before]
        if store is Store.REDIS:
            seen = self._cells.redis.read(wanted)
            self._seen |= seen
            found = {cell: each.value for cell, each in seen.items()}
        else:
            found = self._cells.postgres.read(wanted, locks=self._locks, writes=self._writes)
        for cell, value in found.items():
            self._took(cell, value)

    def _took(self, key: Key, value: Any) -> None:
        self._before[key] = value
        if key in self._blind:
            self._blind.discard(key)
        elif value is not None:
            self._now[key] = thaw(value)
        else:
            self._now[key] = None

    def read(self, key: Key) -> Any:
        """The value of a cell as it is in this unit."""
        if key not in self._now:
            self._load(key)
        return self._now[key]

    def modify(self, key: Key, empty: Callable[[], T]) -> T:
        """The value of a cell, to be changed in place."""
        self._load(key)
        value: T | None = self._now[key]
        if value is None:
            value = self._now[key] = empty()
        return value

    def write(self, key: Key, value: Hashable) -> None:
        """Replace the value of a cell."""
        if key not in self._now:
            self._blind.add(key)
            if store_of(key) is not Store.REDIS:
                self._load(key)
        self._now[key] = thaw(value)

    def delete(self, key: Key) -> bool:
        """Remove a cell; whether it was there."""
        self._load(key)
        was_there = self._now[key] is not None
        self._now[key] = None
        return was_there

    def alter(
        self, key: Key, empty: Callable[[], Any], change: Callable[[Any], Any], where: Callable[[Any], bool] | None
    ) -> int:
        """Replace the value of a row where it meets a condition; how many rows changed."""
        is_row = isinstance(empty, type) and hasattr(empty, "_fields") and store_of(key) is Store.POSTGRES
        if is_row and key not in self._now:
            with suppress(NoStatement):
                return self._cells.postgres.update(key, empty, change, where)  # type: ignore[arg-type]
        value = self.modify(key, empty)
        if where is not None and not where(value):
            return 0
        self.write(key, change(value))
        return 1

    def commit(self) -> bool:
        """Write what has changed; whether nobody else was there meanwhile."""
        after = {key: freeze(value) for key, value in self._now.items()}
        changed = {
            key: _none_if_empty(value)
            for key, value in after.items()
            if key in self._blind
            or value != self._before.get(key)
            or type(value) is not type(self._before.get(key))
        }
        by_store = {
            store: {key: value for key, value in changed.items() if store_of(key) is store} for store in Store
        }
        memory = self._of_store[Store.MEMORY] or by_store[Store.MEMORY]
        if memory:
            with self._lock:
                for key, value in self._before.items():
                    if store_of(key) is Store.MEMORY and freeze(self._cells.memory(key)) != value:
                        return False
                done = self._commit_stores(by_store)
                if done:
                    self._cells.remember(by_store[Store.MEMORY])
                return done
        return self._commit_stores(by_store)

    def _commit_stores(self, changed: Mapping[Store, Mapping[Key, Any]]) -> bool:
        rows = {key: value for key, value in changed[Store.POSTGRES].items() if key in self._before}
        if self._locks:
            self._cells.postgres.write(self._before, rows)
        if changed[Store.REDIS] and not self._cells.redis.write(self._seen, changed[Store.REDIS]):
            return False
        if self._locks:
            self._cells.postgres.commit()
        return True

    def end(self) -> None:
        """Undo what was not committed."""
        if self._locks:
            self._cells.postgres.roll_back()


def _none_if_empty(value: Any) -> Any:
    """As in Redis, an empty collection is absent."""
    return None if isinstance(value, frozenset | tuple) and type(value) is not tuple and not value else value


__all__ = ["Conflict", "Lines", "LiveCells", "Unit"]
