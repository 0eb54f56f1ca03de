"""Runs of the model that are followed on real servers."""

from __future__ import annotations

from itertools import count
from typing import Any

from batchsim import simulate
from batchsim.engines.live.cells import Lines
from batchsim.engines.live.performing import LiveSystem
from batchsim.engines.live.replay import Compared, Follower
from batchsim.engines.timed import Cue
from batchsim.model.system import remembering
from batchsim.scenario import Scenario

_numbers = count()


def live_system(scenario: Scenario, policy: Any, lines: Lines) -> LiveSystem:
    """A system on the servers, under a name that no other one has."""
    system = LiveSystem(remembering(scenario.system(policy)), lines, f"test{next(_numbers)}")
    system.begin()
    return system


def followed(scenario: Scenario, policy: Any, lines: Lines, order: tuple[Cue, ...] | None = None) -> Compared:
    """What came of a run, of its own times or in an order, that was taken on the servers, too."""
    follower = Follower(live_system(scenario, policy, lines))
    simulate(scenario, policy, observer=follower, order=order)
    follower.compare_end()
    return follower.compared
