"""A witness that became a test: the verdict that it shows is gone, or it is back."""

from __future__ import annotations

import os
import re
import unittest
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from batchsim.analysis.runs import PolicyRun, run_policy
from batchsim.analysis.witnesses import OtherTime, Witness, check_times, read_witness, witness_text
from batchsim.checking.answers import Example, Way
from batchsim.checking.work import properties_in
from batchsim.engines.recorded_draws import NoSuchDraw
from batchsim.engines.timed import OrderNotPossible
from batchsim.model.properties import OK, Property
from batchsim.report.file_names import safe_stem
from batchsim.scenario import InvalidScenario, Scenario, find_verdict, load_scenario
from batchsim.testing.assertions import VerdictGiven, chosen
from batchsim.testing.failures import told_failure
from batchsim.user_code import is_reference


class OrderChanged(UserWarning):
    """A policy follows the order of a witness for some steps only; it was judged by how it goes on from there."""


class OrderNotPossibleAnyMore(unittest.SkipTest):
    """The order of a witness is no order of the policy any more, and there is no way to go on without it.

    Under pytest and unittest the test counts as skipped, with this reason.
    """


def assert_gone(witness: str | os.PathLike[str], policy: Any = None) -> None:
    """A witness does not come to its verdicts any more.

    Where the policy takes other steps by now, the order is followed as far as that goes, and the run goes on by
    itself from there; then the warning `OrderChanged` says how far it was. A policy that was mended does so.

    `policy`: another one than that of the witness: a name, `path/to/file.py:NAME` from the current folder, or a
    policy. Raises `VerdictGiven` where any of the verdicts but ok is given still; `OrderNotPossibleAnyMore` where
    the order can neither be followed nor be left; `BadInputError` for what cannot be used.
    """
    __tracebackhide__ = True
    file = Path(witness)
    pinned = read_witness(file)
    scenario = load_scenario(pinned.scenario, pinned.overrides, None, _own(pinned.policy))
    name, found = chosen(scenario, _from_here(scenario, pinned.policy if policy is None else policy))
    properties = [*properties_in(scenario), *(find_verdict(each, Path()) for each in pinned.properties)]
    properties = list({each.name: each for each in properties}.values())
    run = _run(file, pinned, scenario, name, found, properties)
    back = [verdict for verdict in run.verdicts if verdict != OK and verdict in pinned.verdicts]
    if back:
        way = Way.ORDERS if pinned.draws is None else Way.INTERVALS
        told = told_failure(scenario, run, way, Example(pinned.verdicts, pinned.steps, pinned.draws), file)
        raise VerdictGiven(
            f"{file}: {scenario.name}, {name}: given {', '.join(back)} still\n\n{told}",
            scenario=scenario.name,
            policy=name,
            verdicts=run.verdicts,
            witness=file,
        )


def _run(
    file: Path, witness: Witness, scenario: Scenario, name: str, policy: Any, properties: list[Property]
) -> PolicyRun:
    """The run of a witness, by its order as far as that goes."""
    with suppress(OrderNotPossible, NoSuchDraw, OtherTime):
        run = run_policy(scenario, name, policy, properties, witness.steps, draws=witness.draws)
        check_times(witness, run.trace)
        return run
    stuck: list[str] = []
    try:
        run = run_policy(scenario, name, policy, properties, witness.steps, on_departure=stuck.append)
    except (OrderNotPossible, InvalidScenario) as error:
        raise OrderNotPossibleAnyMore(
            f"{file}: the order is no longer possible under {name}, so it says nothing of it: {error}; "
            "look for the verdict with batchsim explore, and pin what it finds, or delete this test"
        ) from None
    where = stuck[0] if stuck else "the times of the witness"
    told = f"{file}: {name} follows the order of the witness only in part: {where}; judged by how it goes on"
    warnings.warn(told, OrderChanged, stacklevel=3)
    return run


def _own(policy: str) -> list[str] | None:
    return [policy.rpartition(":")[2]] if ".py:" in policy else None


def _from_here(scenario: Scenario, policy: Any) -> Any:
    """A policy; a reference is as seen from the current folder."""
    return scenario.find_policy(policy, Path()) if isinstance(policy, str) and is_reference(policy) else policy


# -- the test of a witness ---------------------------------------------------------------------


def pinned_texts(file: Path, witness: Witness, scenario: str, directory: Path) -> tuple[str, str, str, str]:
    """The name and the text of a copy of a witness in a folder, and of the test that replays it.

    `scenario`: its name.
    """
    policy = witness.policy.rpartition(":")[2]
    bad = [verdict for verdict in witness.verdicts if verdict != OK]
    stem = safe_stem("-".join((scenario, policy, *bad)))
    name = re.sub(r"\W+", "_", stem).strip("_").lower()
    copy = f"{stem}.json"
    test = (
        f'"""{scenario} under {policy} was given {", ".join(bad)}: it must not come back.\n\n'
        f"Made by `batchsim pin {file.name}`. It warns (OrderChanged) where the policy takes other steps by now.\n"
        '"""\n\n'
        "from pathlib import Path\n\n"
        "from batchsim.testing import assert_gone\n\n\n"
        f"def test_{name}() -> None:\n"
        f'    assert_gone(Path(__file__).parent / "{copy}")\n'
    )
    return copy, witness_text(witness, directory), f"test_{name}.py", test
