"""What Python can ask for beside the engines: a run that is told, a witness, a window, what each fix is worth.

Policies go by their names everywhere, `path/to/file.py:NAME` as seen from where the scenario is, or are given
themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchsim.analysis.runs import PolicyRun, run_policy
from batchsim.analysis.witnesses import check_times, read_witness
from batchsim.checking.work import properties_in
from batchsim.engines.exhaustive.search import UNBOUNDED, Bounds, Level
from batchsim.model.properties import Property
from batchsim.scenario import Scenario, find_verdict, load_scenario
from batchsim.scenario.problems import unknown
from batchsim.user_code import is_reference

if TYPE_CHECKING:
    from batchsim.analysis.window import Window
    from batchsim.analysis.worth import Worth


def run(scenario: Scenario, policy: Any = None, *, properties: Sequence[Property] = ()) -> PolicyRun:
    """Run a scenario once, with its seed, and tell what happened: verdicts, margins, the story.

    `policy`: `None` is the first one of the scenario. `properties`: verdicts of your own beside those of the
    scenario. Raises `BadInputError` (`InvalidScenario` among them) for what cannot be used.
    """
    name, found = _named(scenario, scenario.policies[0] if policy is None else policy)
    return run_policy(scenario, name, found, [*properties_in(scenario), *properties])


def replay(witness: str | os.PathLike[str]) -> PolicyRun:
    """Run the schedule of a witness file, and tell what happened.

    Raises `BadInputError` for what cannot be used, and `OrderNotPossible`, `NoSuchDraw` or `OtherTime` where it is
    no schedule of its scenario any more.
    """
    kept = read_witness(Path(witness))
    own = [kept.policy.rpartition(":")[2]] if is_reference(kept.policy) else None
    scenario = load_scenario(kept.scenario, kept.overrides, None, own)
    # A witness names it as seen from the current folder.
    policy = scenario.find_policy(kept.policy, Path()) if is_reference(kept.policy) else kept.policy
    name, found = _named(scenario, policy)
    properties = [*properties_in(scenario), *(find_verdict(each, Path()) for each in kept.properties)]
    own_properties = list({each.name: each for each in properties}.values())
    told = run_policy(scenario, name, found, own_properties, kept.steps, kept.verdicts, kept.draws)
    check_times(kept, told.trace)
    return told


def window(
    scenario: Scenario,
    policy: Any,
    verdict: str = "false_failure",
    *,
    properties: Sequence[Property] = (),
    bounds: Bounds = UNBOUNDED,
    on_level: Callable[[Level], bool] | None = None,
) -> Window:
    """The condition on the latencies of a scenario under which a policy comes to a verdict.

    `properties`, `bounds`, `on_level`: as of `explore`. Raises `NoWindow` where there is none that is finite, or
    none was found; `InvalidScenario` for a verdict that nothing is given.
    """
    from batchsim.analysis.window import find_window  # noqa: PLC0415 - it brings all of NumPy

    _, found = _named(scenario, policy)
    names = (*scenario.known_verdicts([found]), *(each.name for each in properties))
    if verdict not in names:
        raise unknown("verdict", verdict, tuple(dict.fromkeys(names)))
    return find_window(scenario, found, verdict, properties=properties, bounds=bounds, on_level=on_level)


def worth(
    scenario: Scenario,
    policies: Sequence[Any] | None = None,
    *,
    properties: Sequence[Property] = (),
    executor: Executor | None = None,
    workers: int | None = None,
) -> Worth:
    """What each policy is worth against the first one, over the delay of the count and the execution of runs.

    `policies`: those of the scenario unless given. `executor`, `workers`: as of `sweep`. Raises `BadInputError`
    for what cannot be used.
    """
    from batchsim.analysis.worth import worth_of  # noqa: PLC0415 - likewise

    return worth_of(
        scenario,
        policies,
        properties=properties,
        executor=executor,
        workers=workers,
        directory=scenario.directory,
    )


def _named(scenario: Scenario, policy: Any) -> tuple[str, Any]:
    return (policy, scenario.policy_named(policy)) if isinstance(policy, str) else (policy.name, policy)
