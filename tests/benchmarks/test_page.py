"""The page of benchmarks: each row in its table, with its ratio; what the numbers are is not tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.benchmarks.growth import Curve, pictures_of, svg_of
from tests.benchmarks.page import SECTIONS, page_of, this_machine
from tests.benchmarks.rows import FILE, Cost, Growth, Row, note, rows_of

ROOT = Path(__file__).parents[2]
ROWS = [
    Row("tests.benchmarks.exact", "a", Cost(3.0, 150.4), "Storm", Cost(0.75, 100)),
    Row("tests.benchmarks.exact", "b", Cost(0.013), "Storm", Cost(0.05), ratio=0.26),
    Row("tests.benchmarks.zones", "c", Cost(12.5, 1024), growth=Growth("zones", 20)),
]


def test_what_is_noted_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note(ROWS[0])  # nobody asked for it
    monkeypatch.setenv(FILE, str(tmp_path / "rows"))
    for row in ROWS:
        note(row)
    assert rows_of(tmp_path / "rows") == ROWS


def test_each_row_is_in_the_table_of_its_command_with_its_ratio() -> None:
    _, exact, zones = page_of(ROWS, this_machine()).split("\n## ")
    assert "`python -m tests.benchmarks.exact`" in exact
    assert "`python -m tests.benchmarks.zones`" in zones
    # A ratio that is a median over rounds is not that of the costs; who has no peer has no ratio.
    assert exact.splitlines()[-2:] == [
        "| a | 3.00 | 150 | Storm | 0.750 | 100 | 4.00 |",
        "| b | 0.013 |  | Storm | 0.050 |  | 0.26 |",
    ]
    assert zones.splitlines()[-1] == "| c | 12.50 | 1024 | none |  |  |  |"
    for section in (exact, zones):
        widths = {line.count("|") for line in section.splitlines() if line.startswith("|")}
        assert widths == {8}


def test_a_picture_has_a_curve_for_each_program_with_what_it_took() -> None:
    rows = [
        Row("m", "small", Cost(1), "SPIN", Cost(2), growth=Growth("states", 10)),
        Row("m", "small", Cost(1), "SPIN, reduced", Cost(1.5), growth=Growth("states", 10)),
        Row("m", "large", Cost(20), "SPIN", Cost(60), growth=Growth("states", 1000)),
        Row("m", "alone", Cost(1), growth=Growth("zones", 7)),
        Row("m", "in no picture", Cost(9)),
    ]
    (picture,) = pictures_of(rows)  # one point makes no curve
    assert picture.unit == "states"
    assert picture.curves == [
        Curve("batchsim", [(10, 1), (1000, 20)]),
        Curve("SPIN", [(10, 2), (1000, 60)]),
        Curve("SPIN, reduced", [(10, 1.5)]),
    ]
    shown = svg_of(picture)
    assert [float(each) for each in re.findall(r'<polyline points="([\d.]+),', shown)] == [52, 52]
    assert re.findall(r">([\d.,]+)</text>", shown) == ["10", "100", "1,000", "1", "10", "100"]


def test_make_bench_runs_what_the_page_has_tables_of_and_then_writes_it() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\nbench: $(INSTALLED)")[2].partition("\n\n")[0]
    run = re.findall(r"-m (\S+)", recipe)
    assert run == [*SECTIONS, "tests.benchmarks.page"]
    for module in SECTIONS:
        file = ROOT / Path(*module.split("."))
        source = file / "__main__.py" if file.is_dir() else file.with_suffix(".py")
        assert f'Row("{module}"' in source.read_text()
