"""The layout of global states with time: who is slow by name is nobody's twin."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.engines.exhaustive.layout import Layout
from batchsim.protocol.cast import Actor
from batchsim.protocol.policy import Policy
from batchsim.protocol.setting import Setting
from batchsim.scenario import Scenario


class TimedLayout(Layout):
    """The columns of all actors and cells of a scenario under a policy."""

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self._named = {slow.actor for slow in scenario.slowings}
        super().__init__(scenario.setting, policy, merges=True)

    def actors(self, setting: Setting, policy: Policy) -> Iterator[Actor]:
        """Everybody who has a column."""
        for actor in super().actors(setting, policy):
            yield actor._replace(is_twin=False) if actor.name in self._named else actor
