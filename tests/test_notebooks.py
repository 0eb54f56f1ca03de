"""What a notebook shows of a run, an exploration and a sweep."""

from __future__ import annotations

import re
from pathlib import Path

from batchsim import POLICIES, explore, load_scenario, simulate, sweep
from batchsim.analysis.pool import InThisProcess
from batchsim.html_table import ROWS_MAX, html_table

ROOT = Path(__file__).parent.parent


def cells_of(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_results_show_themselves_as_tables() -> None:
    scenario = load_scenario(ROOT / "scenarios/incident.yaml", ["batch.items=1"])
    policy = POLICIES["pre3427"]
    trace, found = simulate(scenario, policy), explore(scenario, policy)
    shares = sweep(scenario, ["pre3427", "pr3766"], runs=20, executor=InThisProcess(), workers=1)
    heading, *rows = cells_of(trace._repr_html_())
    assert heading == ["step", "at (ms)", "actor", "operation", "answer"]
    assert [(row[2], row[3]) for row in rows] == [(step.actor, step.name) for step in trace.steps]
    _, *rows = cells_of(found._repr_html_())
    assert [(row[0], row[1]) for row in rows] == [
        (", ".join(each.verdicts), f"{each.schedules:,}") for each in found.outcomes
    ]
    heading, *rows = cells_of(shares._repr_html_())
    assert (heading[0], [row[0] for row in rows]) == ("policy", ["pre3427", "pr3766"])


def test_a_table_is_text_whatever_stands_in_it_and_says_how_much_it_leaves_out() -> None:
    html = html_table("<b>", ("<i>\u202e",), ((f"<script>{number}",) for number in range(ROWS_MAX + 5)))
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;i&gt;\\u202e" in html
    assert "and 5 more rows" in html
