"""Margins: by how much a race was won or lost, and who spent which milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from batchsim.analysis.chains import Stretch, last_common_cause, legs_between
from batchsim.analysis.effects import Effects, can_write, reads_only
from batchsim.analysis.lanes import attempt_of
from batchsim.analysis.refusals import is_sealable
from batchsim.batch.stores import BATCH_ROW, ENQUEUED_ITEMS, Status
from batchsim.batch.trace import Trace
from batchsim.batch.world import World
from batchsim.model.cells import Cells, thaw
from batchsim.model.run import Step


@dataclass(frozen=True, slots=True)
class Margin:
    """A race between the endpoint and the completion path."""

    endpoint: Step
    """The endpoint's step, which ought to come first."""
    rival: Step
    """The step of the completion path (or the reaper) that it races."""
    cause: Step | None
    """The last step that led to both; `None`: the start of the run."""
    endpoint_legs: tuple[Stretch, ...]
    """From the cause to the endpoint's step."""
    rival_legs: tuple[Stretch, ...]
    """From the cause to the rival."""

    @property
    def margin_us(self) -> int:
        """The instant of the rival minus that of the endpoint; negative: the rival came first."""
        return self.rival.at_us - self.endpoint.at_us

    @property
    def is_won(self) -> bool:
        """Whether the endpoint came first (at one instant, the order of effects decides)."""
        return self.endpoint.number < self.rival.number


def race_margin(trace: Trace) -> Margin | None:
    """Whoever deleted `enqueued_items` first, against the endpoint's first count of it.

    `None` where one of the two did not happen. Needs a trace with all steps.
    """
    return race_margin_in(Effects(trace))


def race_margin_in(effects: Effects) -> Margin | None:
    """The same, of effects."""
    trace = effects.trace
    count = _first_of_endpoint(trace, lambda step: reads_only(step, ENQUEUED_ITEMS))
    deletions = (write.step for write in effects.of(ENQUEUED_ITEMS) if write.change.deletes)
    return _margin(trace, count, next(deletions, None))


def seal_margin(trace: Trace) -> Margin | None:
    """The first other write after which no seal changes the row, against the endpoint's first seal.

    `None` where one of the two did not happen. Needs a trace with all steps.
    """
    return seal_margin_in(Effects(trace))


def seal_margin_in(effects: Effects) -> Margin | None:
    """The same, of effects."""
    trace = effects.trace
    seal = _first_of_endpoint(trace, lambda step: can_write(step, BATCH_ROW))
    updates = (step for step, change in effects.of(BATCH_ROW) if change.before is not None)
    rivals = (step for step in updates if attempt_of(step.actor) is None)
    return _margin(trace, seal, next((step for step in rivals if _ends_sealing(effects, step)), None))


def _first_of_endpoint(trace: Trace, is_meant: Callable[[Step], bool]) -> Step | None:
    of_handlers = (step for step in trace.steps if attempt_of(step.actor) is not None and step.took_effect)
    return next((step for step in of_handlers if is_meant(step)), None)


def _ends_sealing(effects: Effects, step: Step) -> bool:
    """Whether a step writes the row so that no seal changes it later; or would have, had none come before."""
    cells = Cells()
    for key in step.operation.footprint().reads | step.operation.footprint().writes:
        last = next(effects.before(step, key), None)
        if last is not None and last.after is not None:
            cells[key] = thaw(last.after)
    change = step.change_of(BATCH_ROW)
    assert change is not None
    cells[BATCH_ROW] = change.before._replace(status=Status.PENDING, sealed=False)
    step.operation.apply(World(cells))
    return not is_sealable(cells[BATCH_ROW])


def _margin(trace: Trace, endpoint: Step | None, rival: Step | None) -> Margin | None:
    if endpoint is None or rival is None:
        return None
    cause = last_common_cause(trace.steps, endpoint, rival)
    return Margin(
        endpoint,
        rival,
        cause,
        legs_between(trace.steps, cause, endpoint),
        legs_between(trace.steps, cause, rival),
    )
