"""Objects of a user's file are had without a trace, or refused with the reason."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from types import FunctionType

import pytest

from batchsim.user_code import UserCodeError, is_reference, load_from_file

CODE = "from dataclasses import dataclass\n@dataclass\nclass C:\n    n: int\nMINE = C(3)\nMIND = 'text'\n"


def test_an_object_is_found_and_its_file_runs_once(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CODE)
    mine = load_from_file("mine.py:MINE", tmp_path, object)
    assert repr(mine) == "C(n=3)"
    assert load_from_file("mine.py:MINE", tmp_path, object) is mine
    assert load_from_file(f"{tmp_path}/mine.py:MIND", Path("/"), str) == "text"


def test_an_edited_file_and_one_of_the_same_name_are_others(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "mine.py").write_text("N = 1")
    (tmp_path / "sub" / "mine.py").write_text("N = 2")
    assert load_from_file("mine.py:N", tmp_path, int) == 1
    assert load_from_file("sub/mine.py:N", tmp_path, int) == 2
    (tmp_path / "mine.py").write_text("N = 3")
    assert load_from_file("mine.py:N", tmp_path, int) == 3


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "bad.py").write_text("1 / 0")
    before = list(sys.path)
    load_from_file("mine.py:MINE", tmp_path, object)
    modules = set(sys.modules)
    with pytest.raises(UserCodeError):
        load_from_file("bad.py:X", tmp_path, object)
    assert sys.path == before
    assert set(sys.modules) == modules
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.py", "mine.py"]


def test_modules_are_named_alike_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f(): ...")
    name = load_from_file("mine.py:f", tmp_path, FunctionType).__module__
    digest = sha256(bytes(tmp_path / "mine.py") + b"\0def f(): ...").hexdigest()
    assert name == f"batchsim_user_mine_{digest[:12]}"


@pytest.mark.parametrize(
    ("reference", "code", "message"),
    [
        ("mine:X", "", "found 'mine:X'; allowed: path/to/file.py:NAME"),
        ("mine.py:a b", "", "found 'mine.py:a b'; allowed: path/to/file.py:NAME"),
        ("none.py:X", "", "{}/none.py: no readable file (No such file or directory)"),
        ("mine.py:X", "Y = 'text'", "{}/mine.py has no X; nothing in it is of type int"),
        (
            "mine.py:TWO",
            "TOW = 2; ONE = 1",
            "{}/mine.py has no TWO; of type int it has TOW, ONE; did you mean 'TOW'?",
        ),
        ("mine.py:X", "X = 'text'", "{}/mine.py: X is of type str, not int"),
        ("mine.py:X", "\n\nX = 1 / 0", "{}/mine.py:3: no X: ZeroDivisionError: division by zero"),
        ("mine.py:X", "def f():\n    raise ValueError('a\\nb')\nf()", "{}/mine.py:2: no X: ValueError: a b"),
        (
            "mine.py:X",
            "import json\njson.loads('')",
            "{}/mine.py:2: no X: JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        ),
        ("mine.py:X", "raise SystemExit", "{}/mine.py:1: no X: SystemExit"),
        ("mine.py:X", "X = 1\nX = (", "{}/mine.py:2: no X: SyntaxError: '(' was never closed"),
        (
            "mine.py:X",
            "import nonsense_zz",
            "{}/mine.py:1: no X: ModuleNotFoundError: No module named 'nonsense_zz'",
        ),
        (
            "mine.py:X",
            "from mine import Y",
            "{}/mine.py:1: no X: ModuleNotFoundError: No module named 'mine'; a file that is named stands "
            "alone: what it takes from mine goes into it, or is installed",
        ),
    ],
)
def test_a_refusal_says_where_and_why(reference: str, code: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(UserCodeError) as caught:
        load_from_file(reference, tmp_path, int)
    assert str(caught.value) == message.format(tmp_path)


def test_an_interrupt_is_not_taken_for_a_fault_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_from_file("mine.py:X", tmp_path, int)


def test_what_counts_as_a_reference() -> None:
    assert is_reference("a/b.py:NAME")
    assert not any(map(is_reference, ["pr3427", "b.py", "b.py:", ":X", ".py:1x", "b.txt:X", "b.py:X\n"]))
