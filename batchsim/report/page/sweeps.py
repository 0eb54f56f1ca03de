"""The page of a sweep as JSON: how probable each verdict is, along what was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchsim.analysis.sweep import Sweep
from batchsim.report import words
from batchsim.report.page.policies import policy_names, with_gloss
from batchsim.report.shell import join
from batchsim.report.sweep_contract import results_of
from batchsim.visible import in_one_line, visible

SCHEMA = 1


def sweep_page(sweep: Sweep, policies: Mapping[str, Any], options: Sequence[str]) -> dict[str, Any]:
    """The page; `policies`: by the names in the sweep. `options`: the file, and what differs from it."""
    total = sum(cell.runs for cell in sweep.cells)
    known = {name: policy_names(policy) for name, policy in policies.items()}
    return {
        "schema": SCHEMA,
        "page": "sweep",
        "scenario": in_one_line(sweep.scenario.name),
        "headline": f"{total:,} runs of {in_one_line(sweep.scenario.name)}",
        "sentence": visible(_sentence(sweep, policies)),
        "command": join(["batchsim", "sweep", *options]),
        "run_command": join(["batchsim", "run", *options]),
        "axes": [
            {
                "name": axis.name,
                "is_log": axis.is_log,
                "values": [{"text": each.text, "number": each.number} for each in axis.values],
            }
            for axis in sweep.axes
        ],
        "failures": list(sweep.failures),
        "meanings": {},
        "cells": [
            {
                **cell,
                "policy": known.get(cell["policy"], {"name": cell["policy"], "gloss": ""}),
                "verdicts": {name: each for name, each in cell["verdicts"].items() if each["count"]},
            }
            for cell in results_of(sweep)["sweep"]
        ],
    }


def _sentence(sweep: Sweep, policies: Mapping[str, Any]) -> str:
    """The widest range of what fails most."""
    rates = [(cell.verdicts[verdict].share, verdict, cell) for verdict in sweep.failures for cell in sweep.cells]
    most, verdict, cell = max(rates, key=lambda each: each[0], default=(0.0, "", sweep.cells[0]))
    if not most:
        return "No run failed."
    at = "".join(f" at {name} = {value.text}" for name, value in cell.point.values)
    policy = policies.get(cell.policy)
    name = cell.policy if policy is None else with_gloss(policy)
    return f"At most {words.share(most)} of the runs come to {verdict.replace('_', ' ')}: under {name}{at}."
