"""The handler of an attempt, and those of its steps that its answer turns on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchsim.analysis.batch.whose import attempt_of
from batchsim.analysis.effects import Effects, can_write, reads_only
from batchsim.batch.stores import BATCH_ROW, ENQUEUED_ITEMS, META
from batchsim.model.operation import Stopped
from batchsim.model.run import Step


@dataclass(frozen=True, slots=True)
class Handling:
    """What a handler did; of several steps of a kind, the last."""

    steps: tuple[Step, ...]
    """All of them, those of items in lanes of their own, too."""
    stop: Step | None
    """Where it stopped for good."""
    failure: Step | None
    """What raised, if that ended the request."""
    lack: Step | None
    """What found the metadata of the batch gone, if that ended the request."""
    count: Step | None
    """Where it counted the enqueued items."""
    seal: Step | None
    """Where it tried to seal the batch."""
    row: Step | None
    """Where it read the row of the batch, to decide by it."""

    @property
    def telling(self) -> Step | None:
        """The one step that tells most of why the answer was what it was."""
        return self.failure or self.lack or self.seal or self.count or self.row


def handlings(effects: Effects) -> dict[int, Handling]:
    """By attempt, what its handler did."""
    handled: dict[int, list[Step]] = {}
    for step in effects.trace.steps:
        attempt = attempt_of(step.actor)
        if attempt is not None:
            handled.setdefault(attempt, []).append(step)
    return {attempt: _handling(effects, f"handler-{attempt}", steps) for attempt, steps in handled.items()}


def _handling(effects: Effects, handler: str, steps: Sequence[Step]) -> Handling:
    stop = next((step for step in steps if _stops(step)), None)
    # Of items in lanes of their own, the first that fails ends the request; the others go on.
    end = next((step for step in steps if step.raised is not None or _lacks_meta(effects, step)), None)
    after = -1 if end is None or end.raised is not None else end.number
    own = [step for step in steps if step.actor == handler and step.number > after]
    failure = end if end is not None and end.raised is not None else None
    lack = None if end is failure else end
    if lack is not None:
        failure = next((step for step in own if step.raised is not None), None)
    return Handling(
        steps=tuple(steps),
        stop=stop,
        failure=None if failure is stop else failure,
        lack=lack if failure is None else None,
        count=_last(own, lambda step: reads_only(step, ENQUEUED_ITEMS)),
        seal=_last(own, lambda step: can_write(step, BATCH_ROW)),
        row=_last(own, lambda step: step.raised is None and reads_only(step, BATCH_ROW)),
    )


def _stops(step: Step) -> bool:
    return step.raised is not None and step.raised.error is Stopped


def _lacks_meta(effects: Effects, step: Step) -> bool:
    if not reads_only(step, META):
        return False
    if effects.who_deleted(step, META) is not None:
        return True
    # Where phase 1 has steps, it may never have come to set them.
    return effects.trace.setting.is_stepwise and next(effects.before(step, META), None) is None


def _last(steps: Sequence[Step], is_meant: Callable[[Step], bool]) -> Step | None:
    return next((step for step in reversed(steps) if is_meant(step)), None)
