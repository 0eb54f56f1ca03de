"""How long a consumer can hold a message, from when it takes it until it gives it back or completes it.

What a consumer does with a message is found out by letting one work alone, on a batch of this one item.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from batchsim.batch.actors import actors_of, world_after_phase_1
from batchsim.batch.operations import TakeKey
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Phase1, Setting
from batchsim.batch.stores import Claim, Message
from batchsim.batch.world import World
from batchsim.engines.injected_delays import Use, admits
from batchsim.engines.sampling import sampler
from batchsim.model.cells import Cells
from batchsim.model.faults import Fault
from batchsim.model.operation import BlockingOperation, Both, Operation
from batchsim.scenario import Distribution, Exponential, Lognormal, Normal, RoundTrip, Scenario

RARE = 1e-6
"""An unbounded latency can take any time; what it takes less often than this is left out."""
FOR_EVER_US = 1 << 60
"""In place of infinity."""
_BITS = 64

Together = tuple[Operation[Any], ...]
"""Operations that are issued together."""


def longest_us(scenario: Scenario, policy: Policy, index: int, rare: float = RARE) -> int:
    """How long a consumer can hold the message of an item, in microseconds.

    `rare`: the share of draws of an unbounded latency that is left out; with 0 it takes up to `FOR_EVER_US`.
    """
    ways = _ways(scenario.setting, policy, index)
    return max((_longest_us(scenario, index, way, rare) for way in ways), default=0)


def visibility_timeout_us(scenario: Scenario, rare: float = RARE) -> int:
    """The shortest visibility timeout, in microseconds; `rare`: as for `longest_us`."""
    latency = scenario.latency_of("queue.redeliver")
    distribution = latency.total if isinstance(latency, RoundTrip) else latency.request
    return _at(distribution, rare, 0)


def _ways(setting: Setting, policy: Policy, index: int) -> Iterator[list[Together]]:
    """What is done while the message of an item is held, each time that it is taken; the taking comes first."""
    alone = replace(
        setting,
        items=(setting.items[index],),
        consumers=1,
        phase_1=Phase1.DONE,
        faults=tuple(map(_of_the_only_item, setting.faults)),
    )
    world: World = world_after_phase_1(alone, policy, Cells())
    world.queue.push(Message(0))
    consumer = next(actor for actor in actors_of(alone, policy) if actor.kind == "consumer").program()
    awaited = consumer.send(None)
    way: list[Together] = []
    while True:
        together: Together = awaited.operations if isinstance(awaited, Both) else (awaited,)
        if isinstance(together[0], BlockingOperation):
            yield _while_held(way)
            way = []
        if isinstance(together[0], TakeKey):
            _dispatch(world)
        if not all(each.alternatives(world) for each in together):
            break
        way.append(together)
        answers = tuple(each.apply_alternative(world, each.alternatives(world)[0]) for each in together)
        awaited = consumer.send(answers if isinstance(awaited, Both) else answers[0])
    consumer.close()


def _of_the_only_item(fault: Fault) -> Fault:
    """A fault that singles an item out, in the batch of one: what any item can meet shapes what consumers do."""
    return fault if getattr(fault, "item", None) is None else replace(fault, item=0)  # type: ignore[call-arg]


def _dispatch(world: World) -> None:
    """Whatever waits in the queue is claimed and offered."""
    for message in world.queue.waiting():
        world.queue.take(message)
        world.queue.put_in_flight(message)
        world.queue.offer(Claim(message.item))


def _while_held(way: list[Together]) -> list[Together]:
    held = [place for place, together in enumerate(way) if any(each.message is not None for each in together)]
    return way[: held[-1] + 1] if held else []


def _longest_us(scenario: Scenario, index: int, way: list[Together], rare: float) -> int:
    """From the effect of the first until the effect of the last."""
    last = len(way) - 1
    return sum(
        max(_use_us(scenario, index, each, rare, is_first=place == 0, is_last=place == last) for each in together)
        for place, together in enumerate(way)
    )


def _use_us(
    scenario: Scenario, index: int, operation: Operation[Any], rare: float, *, is_first: bool, is_last: bool
) -> int:
    if operation.is_instant:
        return 0
    latency = scenario.latency_of(operation.name, index)
    if isinstance(latency, RoundTrip):
        total_us = _at(latency.total, 1 - rare, 1)
        request_us, response_us = total_us // 2, total_us - total_us // 2
    else:
        request_us, response_us = (_at(leg, 1 - rare, 1) for leg in (latency.request, latency.response))
    before_us = request_us + _slower_us(scenario, index, operation)
    return (0 if is_first else before_us) + (0 if is_last else response_us)


def _slower_us(scenario: Scenario, index: int, operation: Operation[Any]) -> int:
    """By how much the slow operations that a scenario lists can put off the effect of one of a consumer's."""
    attempt: int | None = getattr(operation, "attempt", None)
    uses = [Use("consumer", number, index, attempt, False) for number in range(scenario.setting.consumers)]
    return sum(
        slow.delay_us
        for slow in scenario.injected_delays
        if slow.operation == operation.name and any(admits(slow, use) for use in uses)
    )


def _at(distribution: Distribution, share: float, end: int) -> int:
    """What a share of the draws stays below; of a bounded distribution its end, as of all draws (0 or 1)."""
    bound_us = distribution.support_us[end]
    if share in (0, 1):
        return FOR_EVER_US if bound_us is None else bound_us
    if bound_us is not None and not isinstance(distribution, Exponential | Lognormal | Normal):
        return bound_us
    return sampler(distribution)(int(share * 2**_BITS))
