"""The page of a sweep as JSON: how probable each verdict is, along what was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from batchsim.analysis.sweep import Sweep
from batchsim.analysis.window import Edge
from batchsim.report import words
from batchsim.report.page.policies import policy_names, with_gloss
from batchsim.report.phrases import amount
from batchsim.report.shell import join
from batchsim.report.sweep_contract import results_of
from batchsim.visible import in_one_line, visible

SCHEMA = 1
POINTS_MAX = 100
"""Of a line that is drawn."""


def sweep_page(
    sweep: Sweep, policies: Mapping[str, Any], again: Sequence[str], run: Sequence[str], edges: Sequence[Edge] = ()
) -> dict[str, Any]:
    """The page; `policies`: by the names in the sweep. `again`: the command that makes it, `run`: of a run of it.

    `edges`: where windows open and close, to be drawn over what was counted.
    """
    total = sum(cell.runs for cell in sweep.cells)
    known = {name: policy_names(policy) for name, policy in policies.items()}
    return {
        "schema": SCHEMA,
        "page": "sweep",
        "scenario": in_one_line(sweep.scenario.name),
        "headline": f"{amount(total, 'run')} of {in_one_line(sweep.scenario.name)}",
        "sentence": visible(f"{'' if sweep.is_complete else 'Incomplete. '}{_sentence(sweep, policies)}"),
        "command": join(again),
        "run_command": join(run),
        "axes": [
            {
                "name": axis.name,
                "is_log": axis.is_log,
                "values": [{"text": each.text, "number": each.number} for each in axis.values],
            }
            for axis in sweep.axes
        ],
        "failures": list(sweep.failures),
        "edges": [
            {
                "verdict": each.verdict,
                "policies": [known[name]["name"] if name in known else name for name in each.policies],
                "lines": lines_of(each),
            }
            for each in edges
        ],
        "meanings": {},
        "cells": [
            {
                **cell,
                "policy": known.get(cell["policy"], {"name": cell["policy"], "gloss": ""}),
                # What no run was given is left out. What is only not given here has its interval; where there were
                # no runs nothing is known.
                "verdicts": {
                    name: each
                    for name, each in cell["verdicts"].items()
                    if cell["runs"] and (name in sweep.failures or name == "ok")
                },
            }
            for cell in results_of(sweep)["sweep"]
        ],
    }


def lines_of(edge: Edge) -> list[list[list[int]]]:
    """Where the slack is 0: of one axis points, of two lines of points; in the numbers of the axes, rounded."""
    if len(edge.numbers) == 1:
        return [[[round(each)]] for each in edge.crossings]
    from contourpy import contour_generator  # noqa: PLC0415 - most sweeps have no edge

    x, y = edge.numbers
    found = cast("list[NDArray[np.float64]]", contour_generator(x, y, edge.slack_us.T).lines(0.0))
    lines = (line[:: max(1, len(line) // POINTS_MAX)] for line in found)
    return [[[round(float(one)) for one in point] for point in line] for line in lines]


def _sentence(sweep: Sweep, policies: Mapping[str, Any]) -> str:
    """The widest range of what fails most."""
    rates = [(cell.verdicts[verdict].share, verdict, cell) for verdict in sweep.failures for cell in sweep.cells]
    most, verdict, cell = max(rates, key=lambda each: each[0], default=(0.0, "", sweep.cells[0]))
    if not most:
        return "No run failed."
    at = " and ".join(f"{name} = {value.text}" for name, value in cell.point.values)
    policy = policies.get(cell.policy)
    name = cell.policy if policy is None else with_gloss(policy)
    where = f"under {name} at {at}" if at else f"under {name}"
    most_of = "the most of all points" if sweep.is_complete else "the most so far"
    told = f"{words.share(most)} of the runs come to {verdict.replace('_', ' ')} {where}"
    return f"{told[0].upper()}{told[1:]}{f', {most_of}' * (len(sweep.cells) > 1)}."
