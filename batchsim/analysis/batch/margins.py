"""The races of the batch: the endpoint's count against its deletion, its seal against what leaves none to do."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.analysis.batch.refusals import is_sealable
from batchsim.analysis.batch.whose import attempt_of, is_handler, is_of_second_batch
from batchsim.analysis.effects import Effects, steps_that_can_write, steps_that_read_only
from batchsim.analysis.margins import Margin, margin_between
from batchsim.batch.stores import BATCH_ROW, ENQUEUED_ITEMS, Status
from batchsim.batch.trace import Trace
from batchsim.batch.world import World
from batchsim.model.cells import Cells, thaw
from batchsim.model.run import Step


def race_margin(trace: Trace) -> Margin | None:
    """Whoever deleted `enqueued_items` first, against the endpoint's first count of it.

    `None` where one of the two did not happen. Needs a trace with all steps.
    """
    return race_margin_in(Effects(trace))


def race_margin_in(effects: Effects) -> Margin | None:
    """The same, of effects."""
    trace = effects.trace
    count = _first_of_endpoint(trace, steps_that_read_only(trace.steps, ENQUEUED_ITEMS, is_handler))
    return _margin(trace, count, effects.first_deletion(ENQUEUED_ITEMS))


def seal_margin(trace: Trace) -> Margin | None:
    """The first other write after which no seal changes the row, against the endpoint's first seal.

    `None` where one of the two did not happen. Needs a trace with all steps.
    """
    return seal_margin_in(Effects(trace))


def seal_margin_in(effects: Effects) -> Margin | None:
    """The same, of effects."""
    trace = effects.trace
    seal = _first_of_endpoint(trace, steps_that_can_write(trace.steps, BATCH_ROW, is_handler))
    updates = (step for step, change in effects.of(BATCH_ROW) if change.before is not None)
    rivals = (step for step in updates if attempt_of(step.actor) is None)
    return _margin(trace, seal, next((step for step in rivals if _ends_sealing(effects, step)), None))


def _first_of_endpoint(trace: Trace, steps: Iterator[Step]) -> Step | None:
    of_batch = (step for step in steps if not is_of_second_batch(trace.setting, step.actor))
    return next((step for step in of_batch if step.took_effect), None)


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
    return None if endpoint is None or rival is None else margin_between(trace.steps, endpoint, rival)
