"""The layout of a state of the chain: that of an exploration, with timers, and legs among the local states."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from batchsim.engines.chain.memoryless import Means
from batchsim.engines.chain.pace import ActorPace
from batchsim.engines.chain.steps import RunOut, running_key
from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.exhaustive.task import TIMELESS, Pace
from batchsim.protocol.cast import TIMERS_OF_PHASE_1, Actor, is_reaped
from batchsim.protocol.cells import Cells, Key
from batchsim.protocol.operations import TOMBSTONE, ExpireTombstone, RetryMessage, TakeCompletion, TakeExpiry
from batchsim.protocol.policy import Policy
from batchsim.protocol.setting import Setting
from batchsim.protocol.stores import COMPLETION_JOB, EXPIRY_JOB, Message
from batchsim.scenario import Scenario

CLOCK = "clock"
"""The kind of the actors that let timers run out."""


class TimedLayout(Layout):
    """The columns of a setting under a policy, with time."""

    def __init__(self, scenario: Scenario, policy: Policy, means: Means) -> None:
        self._means = means
        self._timers = dict(_timers(scenario.setting, policy))
        super().__init__(scenario.setting, policy, merges=True)

    def actors(self, setting: Setting, policy: Policy) -> Iterator[Actor]:
        """Everybody, and for each timer somebody who lets it run out."""
        yield from super().actors(setting, policy)
        for number, (timer, name) in enumerate(self._timers.items()):
            yield Actor(CLOCK, number, partial(_let_run_out, self._means, timer, name))

    def pace_of(self, actor: Actor) -> Pace:
        """Where time passes for an actor."""
        return TIMELESS if actor.kind == CLOCK else ActorPace(self._means, actor, self._timers)

    def cells_of(self, setting: Setting, policy: Policy) -> tuple[Key, ...]:
        """Every cell, and one for each timer."""
        return (*super().cells_of(setting, policy), *map(running_key, self._timers))

    def cells_after_phase_1(self, setting: Setting, policy: Policy) -> Cells:
        """What the cells hold when phase 1 is done and has started its timers."""
        cells = super().cells_after_phase_1(setting, policy)
        for timer, name in TIMERS_OF_PHASE_1.items():
            if timer in cells and self._means.legs(name)[0]:
                cells[running_key(timer)] = True
        return cells


def _timers(setting: Setting, policy: Policy) -> Iterator[tuple[Key, str]]:
    """Every timer that can be started, with the name of the operation under which its delay is given."""
    yield COMPLETION_JOB, TakeCompletion.name
    if is_reaped(setting, policy):
        yield EXPIRY_JOB, TakeExpiry.name
    if policy.keeps_tombstone:
        yield TOMBSTONE, ExpireTombstone.name
    for index, item in enumerate(setting.items):
        timer = Message(index, attempt=2).timer
        if timer is not None and item.failed_attempts:
            yield timer, RetryMessage.name


async def _let_run_out(means: Means, timer: Key, name: str) -> None:
    while True:
        await RunOut(timer, means.legs(name)[0])
