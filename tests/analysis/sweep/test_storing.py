"""The database keeps what it is given, and refuses what is not its own."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from batchsim.analysis.sweep.records import RunEnd, RunsRecord, SweepCell
from batchsim.analysis.sweep.storing import APPLICATION, Store
from batchsim.bad_input import BadInputError

IDENTITY = {"scenario": "one", "version of batchsim": "1"}
RECORDS = [
    RunsRecord(
        SweepCell("a", "[]"),
        0,
        (RunEnd(("ok",)), RunEnd(("false_failure", "stuck"), (0, 2)), RunEnd(("ok",), (1,))),
    ),
    RunsRecord(SweepCell("a", "[]"), 3, (RunEnd(("stuck",)),)),
    RunsRecord(SweepCell("b", "[]"), 0, (RunEnd(("ok",)),) * 300),
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
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert file.stat().st_size > 0
    with Store(file, IDENTITY, resume=True) as store:
        assert list(store.load()) == []


def test_an_empty_file_is_begun_in_unless_it_is_to_be_gone_on_with(file: Path) -> None:
    file.touch()
    filled(file)
    assert file.stat().st_size > 0


def foreign_and_empty(file: Path) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA user_version = 7")
    connection.close()


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
        (foreign_and_empty, IDENTITY, True, "found no database of a sweep"),
        (
            Path.touch,
            IDENTITY,
            True,
            "found an empty file; allowed with --resume: a database of a sweep, or no --re",
        ),
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


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE record SET sets = '[]'",
        "UPDATE record SET sets = 'no JSON'",
        "UPDATE record SET sets = replace(sets, 'ok', 'stuck')",
        "UPDATE record SET codes = zeroblob(length(codes)) WHERE policy = 'a'",
        "UPDATE record SET codes = CAST('ab' AS TEXT)",
        "UPDATE record SET codes = x'00'",
        "UPDATE record SET first = first + 1000",
        "UPDATE record SET first = 'one' WHERE policy = 'b'",
        "UPDATE record SET policy = 'c' WHERE policy = 'b'",
        "UPDATE record SET policy = CAST(x'ff' AS TEXT) WHERE policy = 'b'",
        "UPDATE record SET checksum = ''",
        "INSERT INTO record SELECT 'c', point, first, sets, codes, checksum FROM record WHERE policy = 'b'",
        "UPDATE identity SET checksum = ''",
        "ALTER TABLE record DROP COLUMN checksum",
        "ALTER TABLE record RENAME COLUMN first TO last",
        "DROP TABLE identity",
    ],
)
def test_what_was_edited_is_refused(file: Path, edit: str) -> None:
    filled(file)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute(edit)
    connection.close()
    with pytest.raises(BadInputError, match=f"^--out {file}: .*$"), Store(file, IDENTITY, resume=True) as store:
        list(store.load())


def test_a_record_of_another_sweep_is_refused(file: Path, tmp_path: Path) -> None:
    filled(file)
    with Store(tmp_path / "other", IDENTITY | {"scenario": "two"}, resume=False):
        pass
    connection = sqlite3.connect(tmp_path / "other", isolation_level=None)
    connection.execute("ATTACH ? AS first", (str(file),))
    connection.execute("INSERT INTO record SELECT * FROM first.record")
    connection.close()
    with (
        pytest.raises(BadInputError, match="found a record that was damaged or edited"),
        Store(tmp_path / "other", IDENTITY | {"scenario": "two"}, resume=True) as store,
    ):
        list(store.load())


@pytest.mark.parametrize("place", range(0, 100, 7))
def test_a_byte_that_changed_is_refused_or_does_not_matter(file: Path, place: int) -> None:
    filled(file)
    data = bytearray(file.read_bytes())
    data[-1 - 3 * place] ^= 0x55
    file.write_bytes(data)
    with suppress(BadInputError), Store(file, IDENTITY, resume=True) as store:
        assert list(store.load()) == RECORDS


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_what_was_cut_is_refused(file: Path, share: float) -> None:
    filled(file)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with (
        pytest.raises(BadInputError, match=f"^--out {file}: .*$"),
        Store(file, IDENTITY, resume=True) as store,
    ):
        list(store.load())


def test_two_cannot_write_at_the_same_time(file: Path) -> None:
    with (
        Store(file, IDENTITY, resume=False),
        pytest.raises(BadInputError, match="locked"),
        Store(file, IDENTITY, resume=True),
    ):
        pass
