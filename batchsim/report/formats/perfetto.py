"""Runs as a trace that https://ui.perfetto.dev opens.

Each policy is a process, and each actor a track of it; who does two things at once has a second one. A leg is a
slice, an effect an instant, and an arrow (a flow) leads from each effect to what it let another actor do.

The format is that of Perfetto itself, protocol buffers, of which a few kinds of fields are written here; their
numbers are those of `perfetto_trace.proto`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from batchsim.analysis.chains import cause_of
from batchsim.analysis.lanes import lanes_of
from batchsim.report.page.policies import with_gloss
from batchsim.visible import visible

if TYPE_CHECKING:
    from batchsim.analysis.lanes import ActorLane
    from batchsim.analysis.runs import PolicyRun, ScenarioRun
    from batchsim.model.run import Step

NS_PER_US = 1000
_SEQUENCE = 1
_BEGIN, _END, _INSTANT = 1, 2, 3
"""Kinds of events."""
_EXPLICIT = 3
"""Tracks are ordered as they say."""


def perfetto_trace(scenario_runs: Iterable[ScenarioRun]) -> bytes:
    """The trace; each run begins at 0."""
    tracks = count(1)
    packets: list[bytes] = []
    for scenario_run in scenario_runs:
        for run in scenario_run.runs:
            packets += _packets(scenario_run.scenario.name, run, tracks)
    return b"".join(_message(1, each) for each in packets)


class _Event(NamedTuple):
    at_us: int
    order: int
    """Of events at one instant: what ends comes before what begins, and effects in their order."""
    body: bytes


def _packets(scenario: str, run: PolicyRun, tracks: Iterator[int]) -> Iterator[bytes]:
    process = next(tracks)
    name = f"{scenario}, {with_gloss(run.policy)}: {', '.join(run.verdicts)}"
    about = _number(1, process) + _text(6, visible(name))
    yield _descriptor(_number(1, process) + _message(3, about) + _number(11, _EXPLICIT))
    events: list[_Event] = []
    track_of: dict[str, int] = {}
    for lane in lanes_of(run.trace):
        yield from _tracks_of(lane, process, tracks, track_of, events)
    steps = {step.number: step for step in run.trace.steps}
    led = {step.number: cause for step in run.trace.steps if (cause := _other_cause(step, steps)) is not None}
    for step in run.trace.steps:
        flows = b"".join(_fixed(47, _flow(process, number)) for number, each in led.items() if each == step.number)
        if step.number in led:
            flows += _fixed(48, _flow(process, step.number))
        events.append(_Event(step.at_us, 1 + step.number, _effect(step, run, track_of[step.actor]) + flows))
    for event in sorted(events, key=lambda each: each[:2]):
        yield _number(8, event.at_us * NS_PER_US) + _message(11, event.body) + _number(10, _SEQUENCE)


def _tracks_of(
    lane: ActorLane, process: int, tracks: Iterator[int], track_of: dict[str, int], events: list[_Event]
) -> Iterator[bytes]:
    """The tracks of an actor, and its slices: those of one track follow each other."""
    own: list[tuple[int, int]] = []
    for leg in sorted(lane.legs, key=lambda each: (each.from_us, each.to_us)):
        place = next((n for n, (_, free_us) in enumerate(own) if free_us <= leg.from_us), len(own))
        track = own[place][0] if place < len(own) else next(tracks)
        if place == len(own):
            yield _track(track, process, f"{lane.actor}{f' ({place + 1})' if place else ''}")
        own[place : place + 1] = [(track, leg.to_us)]
        head = _number(11, track)
        begun = head + _number(9, _BEGIN) + _text(23, visible(leg.operation)) + _text(22, leg.part)
        # After all that ends and takes effect at that instant.
        events.append(_Event(leg.from_us, 1 << 62, begun))
        events.append(_Event(leg.to_us, 0, head + _number(9, _END)))
    if not own:
        own.append((next(tracks), 0))
        yield _track(own[0][0], process, lane.actor)
    track_of[lane.actor] = own[0][0]


def _other_cause(step: Step, steps: dict[int, Step]) -> int | None:
    """The step of another actor that led to this one."""
    number = cause_of(step)
    cause = None if number is None else steps.get(number)
    return None if cause is None or cause.actor == step.actor else cause.number


def _flow(process: int, step: int) -> int:
    return (process << 32) + step + 1


def _effect(step: Step, run: PolicyRun, track: int) -> bytes:
    told = [
        _text(10, "answer") + _text(6, visible(step.description)),
        _text(10, "step") + _number(4, step.number + 1),
        _text(10, "decisive") + _number(2, int(step.number in run.decisive)),
    ]
    head = _number(11, track) + _number(9, _INSTANT) + _text(23, visible(step.name)) + _text(22, "effect")
    return head + b"".join(_message(4, each) for each in told)


def _track(track: int, process: int, name: str) -> bytes:
    parts = _number(1, track) + _number(5, process) + _text(2, visible(name)) + _number(12, track)
    return _descriptor(parts)


def _descriptor(parts: bytes) -> bytes:
    return _message(60, parts) + _number(10, _SEQUENCE)


# -- protocol buffers ------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _fixed(field: int, value: int) -> bytes:
    return _varint(field << 3 | 1) + value.to_bytes(8, "little")


def _message(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(body)) + body


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())
