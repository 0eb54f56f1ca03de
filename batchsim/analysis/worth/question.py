"""What is asked: which delays, which executions, and how many runs of each."""

from __future__ import annotations

from dataclasses import dataclass

DELAY = "latency.operations.redis.enqueued_count.request"
"""The delay between the last push and the count, but for the response of that push."""
EXECUTION = "items.execution"
"""How long child runs execute."""

_SHARE_OF_A_PAIR = 10


@dataclass(frozen=True, slots=True)
class Question:
    """The values of both fields, `A..B:STEPS` as for `--vary`."""

    delay: str = "1 ms..100 s:26:log"
    """From far below what consumers need for the last item to far above what child runs need."""
    execution: str = "10 ms..100 s:9:log"
    """From below the debounce of the completion job to longer than all retries."""
    runs: int = 200
    """Of each policy, as the scenario is and at each value of one field: enough to see the shape."""

    @property
    def runs_of_a_pair(self) -> int:
        """Of each policy at each pair of values: fewer, as there are many pairs."""
        return max(1, self.runs // _SHARE_OF_A_PAIR)

    @property
    def over_delay(self) -> str:
        """The axis of the delay."""
        return f"{DELAY}={self.delay}"

    @property
    def over_execution(self) -> str:
        """The axis of the execution."""
        return f"{EXECUTION}={self.execution}"
