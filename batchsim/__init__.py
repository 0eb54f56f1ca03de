"""A deterministic simulator of the fast-completion race in a streaming batch API.

The names below are the public Python interface; each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchsim.analysis.margins import Margin as Margin
    from batchsim.analysis.runs import PolicyRun as PolicyRun
    from batchsim.analysis.sweep import Sweep as Sweep
    from batchsim.analysis.sweep import sweep as sweep
    from batchsim.analysis.window import NoWindow as NoWindow
    from batchsim.analysis.window import Solution as Solution
    from batchsim.analysis.window import Window as Window
    from batchsim.analysis.window import solve as solve
    from batchsim.analysis.worth import Worth as Worth
    from batchsim.bad_input import BadInputError as BadInputError
    from batchsim.batch.decision import Decision as Decision
    from batchsim.batch.policies import POLICIES as POLICIES
    from batchsim.batch.policy import Policy as Policy
    from batchsim.batch.trace import Outcome as Outcome
    from batchsim.batch.trace import Trace as Trace
    from batchsim.batch.verdicts import verdicts_of as verdicts_of
    from batchsim.engines.chain import ExactExploration as ExactExploration
    from batchsim.engines.chain import explore_exact as explore_exact
    from batchsim.engines.exhaustive import Bounds as Bounds
    from batchsim.engines.exhaustive import Exploration as Exploration
    from batchsim.engines.exhaustive import explore as explore
    from batchsim.engines.occurrences import Occurrence as Occurrence
    from batchsim.engines.timed import simulate as simulate
    from batchsim.engines.zones import TimedExploration as TimedExploration
    from batchsim.engines.zones import explore_timed as explore_timed
    from batchsim.model.history import over_history as over_history
    from batchsim.model.properties import Property as Property
    from batchsim.model.properties import sometimes as sometimes
    from batchsim.model.run import Step as Step
    from batchsim.public import replay as replay
    from batchsim.public import run as run
    from batchsim.public import window as window
    from batchsim.public import worth as worth
    from batchsim.scenario import InvalidScenario as InvalidScenario
    from batchsim.scenario import Problem as Problem
    from batchsim.scenario import Scenario as Scenario
    from batchsim.scenario import load_scenario as load_scenario
    from batchsim.scenario import scenario_from_data as scenario_from_data
    from batchsim.scenario import scenario_of as scenario_of

_HOMES = {
    "run": "batchsim.public",
    "replay": "batchsim.public",
    "window": "batchsim.public",
    "worth": "batchsim.public",
    "PolicyRun": "batchsim.analysis.runs",
    "Margin": "batchsim.analysis.margins",
    "Window": "batchsim.analysis.window",
    "NoWindow": "batchsim.analysis.window",
    "Worth": "batchsim.analysis.worth",
    "Bounds": "batchsim.engines.exhaustive",
    "InvalidScenario": "batchsim.scenario",
    "Problem": "batchsim.scenario",
    "BadInputError": "batchsim.bad_input",
    "Sweep": "batchsim.analysis.sweep",
    "sweep": "batchsim.analysis.sweep",
    "Solution": "batchsim.analysis.window",
    "solve": "batchsim.analysis.window",
    "ExactExploration": "batchsim.engines.chain",
    "explore_exact": "batchsim.engines.chain",
    "Exploration": "batchsim.engines.exhaustive",
    "explore": "batchsim.engines.exhaustive",
    "Occurrence": "batchsim.engines.occurrences",
    "simulate": "batchsim.engines.timed",
    "TimedExploration": "batchsim.engines.zones",
    "explore_timed": "batchsim.engines.zones",
    "POLICIES": "batchsim.batch.policies",
    "Decision": "batchsim.batch.policy",
    "Policy": "batchsim.batch.policy",
    "Scenario": "batchsim.scenario",
    "load_scenario": "batchsim.scenario",
    "scenario_from_data": "batchsim.scenario",
    "scenario_of": "batchsim.scenario",
    "Outcome": "batchsim.batch.trace",
    "Step": "batchsim.batch.trace",
    "Trace": "batchsim.batch.trace",
    "Property": "batchsim.batch.verdicts",
    "over_history": "batchsim.model.history",
    "sometimes": "batchsim.model.properties",
    "verdicts_of": "batchsim.batch.verdicts",
}
__all__ = [
    "POLICIES",
    "BadInputError",
    "Bounds",
    "Decision",
    "ExactExploration",
    "Exploration",
    "InvalidScenario",
    "Margin",
    "NoWindow",
    "Occurrence",
    "Outcome",
    "Policy",
    "PolicyRun",
    "Problem",
    "Property",
    "Scenario",
    "Solution",
    "Step",
    "Sweep",
    "TimedExploration",
    "Trace",
    "Window",
    "Worth",
    "explore",
    "explore_exact",
    "explore_timed",
    "load_scenario",
    "over_history",
    "replay",
    "run",
    "scenario_from_data",
    "scenario_of",
    "simulate",
    "solve",
    "sometimes",
    "sweep",
    "verdicts_of",
    "window",
    "worth",
]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'batchsim' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
