"""The database of a sweep: one SQLite file, which a killed process leaves as it was after a transaction.

Every row carries a checksum, that of a record over what the sweep is of, too: a row that was damaged, edited, or
brought from another sweep is not believed. (A row that is missing is no lie: its runs are made again.)
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from types import TracebackType

from batchsim.analysis.sweep.records import RunEnd, RunsRecord, SweepCell
from batchsim.bad_input import BadInputError

APPLICATION = 0x62617463
"""In the header of the file: it is one of ours."""
FORMAT = 2
"""Format 1 had no checksums."""
_TABLES = """
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE record (
    policy TEXT NOT NULL,
    point TEXT NOT NULL,
    first INTEGER NOT NULL,
    sets TEXT NOT NULL,    -- JSON: the different ends, each a set of verdicts and one of faults, by number
    codes BLOB NOT NULL,   -- two bytes a run, little-endian: which of the ends
    checksum TEXT NOT NULL,
    PRIMARY KEY (policy, point, first)
) WITHOUT ROWID;
"""


class NotKept(BadInputError):
    """The database takes no more."""


class Store:
    """The records of one sweep, in a file or (`None`) in memory only."""

    def __init__(self, file: Path | None, identity: Mapping[str, str], *, resume: bool) -> None:
        """Make the database, or go on with one; raises `BadInputError` for one that is not of this sweep."""
        self._name = "memory" if file is None else str(file)
        self._identity = _checksum(*(part for pair in sorted(identity.items()) for part in pair))
        is_new = file is None or not file.exists()
        if not is_new and file is not None and not file.is_file():
            raise BadInputError(f"--out {file}: found a device or a pipe; allowed: a file")
        is_empty = not is_new and file is not None and file.stat().st_size == 0
        if is_empty and resume:
            # To begin anew in its place would look as if the runs of a database that was lost were there.
            allowed = "a database of a sweep, or no --resume, which begins one"
            raise BadInputError(f"--out {file}: found an empty file; allowed with --resume: {allowed}")
        if not (is_new or is_empty or resume):
            raise BadInputError(f"--out {file}: found a file; allowed: a new one, or --resume to go on with it")
        with self._telling():
            # Whoever opens it holds it: two that write would count runs twice.
            self._connection = sqlite3.connect(file or ":memory:", isolation_level=None, timeout=1.0)
            try:
                self._prepare(identity, is_new=is_new or is_empty)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self, identity: Mapping[str, str], *, is_new: bool) -> None:
        execute = self._connection.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        if is_new:
            # First of all: whatever is killed from here on has left a file that is known as ours.
            execute(f"PRAGMA application_id = {APPLICATION}")
        elif execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
            raise BadInputError(f"--out {self._name}: found no database of a sweep")
        # Nothing in it: whoever made it was killed before the first transaction.
        is_empty = execute("SELECT 1 FROM sqlite_master").fetchone() is None
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            if is_empty:
                self._make(identity)
            self._check(identity)

    def _make(self, identity: Mapping[str, str]) -> None:
        for statement in _TABLES.split(";"):
            self._connection.execute(statement)
        rows = ((name, value, _checksum(name, value)) for name, value in identity.items())
        self._connection.executemany("INSERT INTO identity VALUES (?, ?, ?)", rows)
        self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _check(self, identity: Mapping[str, str]) -> None:
        execute = self._connection.execute
        if (found := execute("PRAGMA user_version").fetchone()[0]) != FORMAT:
            raise BadInputError(f"--out {self._name}: found format {found}; allowed: format {FORMAT}")
        rows = execute("SELECT name, value, checksum FROM identity").fetchall()
        if any(checksum != _checksum(*row) for *row, checksum in rows):
            raise self._damaged("what it is of")
        known = {name: value for name, value, _ in rows}
        for name, value in identity.items():
            if known.get(name) != value:
                found = known.get(name, "none")
                raise BadInputError(
                    f"--out {self._name}: found a sweep of another {name}, {found}; this is {value}"
                )

    def load(self) -> Iterator[RunsRecord]:
        """Every record, by policy, point and index."""
        with self._telling():
            rows = self._connection.execute(
                "SELECT policy, point, first, sets, codes, checksum FROM record"
            ).fetchall()
        for policy, point, first, sets, codes, checksum in rows:
            if checksum != _checksum(self._identity, policy, point, first, sets, codes):
                raise self._damaged("a record")
            different = [RunEnd(tuple(verdicts), tuple(faults)) for verdicts, faults in json.loads(sets)]
            yield RunsRecord(SweepCell(policy, point), first, tuple(different[code] for code in _codes_of(codes)))

    def add(self, records: Iterable[RunsRecord]) -> None:
        """Keep records, all of them or none; raises `NotKept`."""
        rows = [(*row, _checksum(self._identity, *row)) for row in map(_row, records)]
        with self._telling(NotKept), self._transaction():
            self._connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # SQLite may have done so by itself, as on a full disk.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _telling(self, kind: type[BadInputError] = BadInputError) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise kind(f"--out {self._name}: {error}") from None

    def _damaged(self, what: str) -> BadInputError:
        allowed = "allowed: a database as it was written; begin a new one"
        return BadInputError(f"--out {self._name}: found {what} that was damaged or edited; {allowed}")

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


def _checksum(*parts: object) -> str:
    """32 hexadecimal digits, of values and their types."""
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _row(record: RunsRecord) -> tuple[str, str, int, str, bytes]:
    numbers = {end: number for number, end in enumerate(dict.fromkeys(record.ends))}
    codes = array("H", (numbers[end] for end in record.ends))
    return (*record.cell, record.first, json.dumps(list(numbers)), _swapped(codes).tobytes())


def _codes_of(data: bytes) -> array[int]:
    codes = array("H")
    codes.frombytes(data)
    return _swapped(codes)


def _swapped(codes: array[int]) -> array[int]:
    """Between this machine's order of bytes and that of the file."""
    if array("H", [1]).tobytes()[0] == 0:
        codes.byteswap()
    return codes
