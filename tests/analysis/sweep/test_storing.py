"""The database keeps what it is given, and refuses what is not its own."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from batchsim.analysis.sweep.records import Cell, End, Record
from batchsim.analysis.sweep.storing import Store
from batchsim.bad_input import BadInputError

IDENTITY = {"scenario": "one", "version of batchsim": "1"}
RECORDS = [
    Record(Cell("a", "[]"), 0, (End(("ok",)), End(("false_failure", "stuck"), (0, 2)), End(("ok",), (1,)))),
    Record(Cell("a", "[]"), 3, (End(("stuck",)),)),
    Record(Cell("b", "[]"), 0, (End(("ok",)),) * 300),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "out.sqlite"


def filled(file: Path) -> None:
    with Store(file, IDENTITY, resume=False) as store:
        store.add(RECORDS)


def test_what_was_kept_is_there_when_it_is_opened_again(file: Path) -> None:
    filled(file)
    with Store(file, IDENTITY, resume=True) as store:
        assert list(store.load()) == RECORDS


def test_a_transaction_is_kept_whole_or_not_at_all(file: Path) -> None:
    with Store(file, IDENTITY, resume=False) as store:
        store.add(RECORDS[:1])
        with pytest.raises(BadInputError, match="UNIQUE"):
            store.add([RECORDS[2], RECORDS[0]])
        assert list(store.load()) == RECORDS[:1]


def test_a_database_that_was_killed_at_its_birth_is_begun_anew(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert file.stat().st_size > 0
    with Store(file, IDENTITY, resume=True) as store:
        assert list(store.load()) == []


def foreign(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE record (x)")
    connection.close()


def of_another_format(file: Path) -> None:
    filled(file)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 1")
    connection.close()


@pytest.mark.parametrize(
    ("make", "identity", "resume", "message"),
    [
        (of_another_format, IDENTITY, True, "found format 1; allowed: format 2"),
        (filled, IDENTITY, False, "found a file; allowed: a new one, or --resume"),
        (filled, IDENTITY | {"scenario": "two"}, True, "found a sweep of another scenario, one; this is two"),
        (filled, IDENTITY | {"version of batchsim": "2"}, True, "another version of batchsim, 1; this is 2"),
        (foreign, IDENTITY, True, "found no database of a sweep"),
        (lambda file: file.write_text("name: no database\n" * 100), IDENTITY, True, "file is not a database"),
    ],
)
def test_what_is_not_its_own_is_refused_and_left_alone(
    file: Path, make: object, identity: dict[str, str], resume: bool, message: str
) -> None:
    assert callable(make)
    make(file)
    before = file.read_bytes()
    with pytest.raises(BadInputError, match=message), Store(file, identity, resume=resume):
        pass
    assert file.read_bytes() == before


def test_two_cannot_write_at_the_same_time(file: Path) -> None:
    with (
        Store(file, IDENTITY, resume=False),
        pytest.raises(BadInputError, match="locked"),
        Store(file, IDENTITY, resume=True),
    ):
        pass
