"""What can become of a message: whether it can be delivered twice, and whether a consumer can leave it in flight.

That depends on the faults and on what a consumer does, which a policy changes. So the consumer's flow is asked: it
is driven through every attempt to process an item, with every choice of operations that raise. Each operation says
itself whether its message stays in flight then (`Operation.leaves_message`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any, NamedTuple

from batchsim.batch.consumer import consume
from batchsim.batch.faults import Crash, Redeliver, StoreError
from batchsim.batch.operations import ClaimMessages, OfferMessage
from batchsim.batch.policy import Policy
from batchsim.batch.setting import ATTEMPTS_MAX, Deliveries, Setting, shows_claims
from batchsim.batch.stores import BATCH_ROW, META, PROCESSED, BatchRow, Claim, Message
from batchsim.batch.world import World
from batchsim.model.cells import Cells
from batchsim.model.faults import Fault, Outage, befalls
from batchsim.model.operation import Awaited, BlockingOperation, Both, Operation, StoreFailure

UNLIMITED = 10**6
"""More errors than any number that it can take."""
READY_FOR_ALL = Deliveries(can_repeat=True, can_be_left=True)


def deliveries_of(setting: Setting, policy: Policy) -> Deliveries:
    """What consumers have to be ready for in a setting under a policy."""
    if not setting.faults:
        return Deliveries()
    can_be_left = any(map(_hits_queue, setting.faults)) or _errors_can_leave_a_message(setting, policy)
    can_come_back = any(isinstance(each, Redeliver) or shows_claims(each) for each in setting.faults)
    return Deliveries(
        can_be_left or can_come_back, can_be_left, policy.has_heartbeat, can_be_two=setting.regained_max > 0
    )


def _hits_queue(fault: Fault) -> bool:
    """Whether a consumer can crash, or a dispatcher crash or fail."""
    match fault:
        case Crash():
            return befalls(fault.actor, "consumer") or befalls(fault.actor, "dispatcher")
        case StoreError():
            is_named = fault.actor is not None and befalls(fault.actor, "dispatcher")
            return is_named or (fault.actor is None and fault.operation in (ClaimMessages.name, OfferMessage.name))
        case _:
            return False


def _errors_can_leave_a_message(setting: Setting, policy: Policy) -> bool:
    errors: list[StoreError | Outage] = [
        each
        for each in setting.faults
        if isinstance(each, Outage) or (isinstance(each, StoreError) and befalls(each.actor, "consumer"))
    ]
    at_hand = sum(
        UNLIMITED if error.probability is not None or isinstance(error, Outage) else error.times_max
        for error in errors
    )
    return any(
        _leaves_a_message(setting, policy, errors, at_hand, item) for item in _kinds_of_items(setting, errors)
    )


def _kinds_of_items(setting: Setting, errors: Sequence[StoreError | Outage]) -> set[int]:
    """One item of each kind, and those that an error singles out."""
    first = {item: index for index, item in reversed(tuple(enumerate(setting.items)))}
    return {*first.values(), *(item for error in errors if (item := getattr(error, "item", None)) is not None)}


def _leaves_a_message(
    setting: Setting, policy: Policy, errors: Sequence[StoreError | Outage], at_hand: float, item: int
) -> bool:
    """Whether so many errors are enough for a consumer to leave the message of an item."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        ends = list(_ends(setting, policy, errors, at_hand, Message(item, attempt)))
        if any(end.is_left for end in ends):
            return True
        at_hand -= min((end.errors for end in ends if end.is_put_back), default=inf)
        if at_hand < 0:
            return False
    return False


class _End(NamedTuple):
    """What became of a message in the hands of a consumer, after so many errors."""

    errors: int
    is_left: bool
    is_put_back: bool


def _ends(
    setting: Setting, policy: Policy, errors: Sequence[StoreError | Outage], at_hand: float, message: Message
) -> Iterator[_End]:
    """Every way through one attempt, by which of the steps raise: so many at most."""
    ways: list[tuple[int, ...]] = [()]
    while ways:
        raising = ways.pop()
        steps, end = _driven(setting, policy, message, raising)
        yield end
        if len(raising) >= at_hand:
            continue
        following = range(raising[-1] + 1 if raising else 0, len(steps))
        ways += [(*raising, step) for step in following if any(error.is_about(steps[step]) for error in errors)]


def _driven(
    setting: Setting, policy: Policy, message: Message, raising: tuple[int, ...]
) -> tuple[list[Operation[Any]], _End]:
    """Drive a consumer until it has left a message or waits for another one: its steps, and how it ended."""
    world = _world_with(setting, message)
    program = consume(setting, policy, READY_FOR_ALL)
    steps: list[Operation[Any]] = []
    awaited: Awaited = program.send(None)
    while True:
        answers = []
        for operation in awaited.operations if isinstance(awaited, Both) else (awaited,):
            if steps and isinstance(operation, BlockingOperation):
                program.close()
                return steps, _End(len(raising), is_left=False, is_put_back=bool(world.queue.waiting()))
            steps.append(operation)
            if len(steps) - 1 in raising:
                if operation.leaves_message:
                    program.close()
                    return steps, _End(len(raising), is_left=True, is_put_back=False)
                awaited = program.throw(StoreFailure())
                break
            way = operation.alternatives(world)[-1]
            answers.append(operation.apply_alternative(world, way))
        else:
            awaited = program.send(tuple(answers) if isinstance(awaited, Both) else answers[0])


def _world_with(setting: Setting, message: Message) -> World:
    """One in which this message is offered, and its item is the last one to be recorded."""
    world = World(Cells({BATCH_ROW: BatchRow(), META: setting.run_count, PROCESSED: setting.run_count - 1}))
    world.queue.put_in_flight(message)
    world.queue.offer(Claim(message.item))
    return world
