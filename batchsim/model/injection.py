"""Fault injection: what each fault that befalls any system does to the operations that it befalls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, ClassVar, TypeVar

from batchsim.model.cells import Cells, IfListed, Key, freeze, thaw
from batchsim.model.exposure import Exposure, fault_key
from batchsim.model.faults import (
    Crash,
    Effect,
    Fault,
    LostState,
    Outage,
    ServiceFault,
    SlowOutage,
    StoreError,
    befalls,
)
from batchsim.model.operation import (
    USUAL,
    Alternative,
    BlockingOperation,
    Footprint,
    Operation,
    Raised,
    Stopped,
    StoreFailure,
    touches,
)
from batchsim.model.parts import PARTS
from batchsim.model.system import Actor, Alarm, System

C = TypeVar("C", bound=Crash)
E = TypeVar("E", bound=StoreError)
Ways = tuple[Alternative, ...]


class ActorCrashes(Exposure[C]):
    """In place of a step: the actor stops for good."""

    def concerns(self, operation: Operation[Any]) -> bool:
        """Whether it can come in place of the operation."""
        return self.fault.is_about(operation)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """How often it may still happen, and what it leaves behind."""
        return touches(writes=(self.key, *self.unblocks(operation)))

    @property
    def is_open(self) -> bool:
        """Whether it is a budget, or pinned to no operation."""
        return super().is_open or (self.timer is None and self.fault.before is None)

    def is_certain(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it is pinned to this operation."""
        return self.fault.is_pinned and self.fault.before is not None and self.timer is None

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """One, wherever the operation could take effect."""
        if not usual or not self.is_left(world) or self.spares(world, operation):
            return ()
        return (self.way("crash", due=_due(usual)),)

    def apply(self, world: Any, operation: Operation[Any], way: Alternative) -> Raised:
        """The actor stops."""
        self.use_up(world)
        self.leave(world, operation)
        return Raised(Stopped)

    def spares(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it does not happen here although it could."""
        return False

    def leave(self, world: Any, operation: Operation[Any]) -> None:
        """What becomes of what the actor had in hand."""


def _due(usual: Ways) -> tuple[Key, ...]:
    """The timers of which one has to run out before the operation can take effect; none: it can at once."""
    timers = dict.fromkeys(each.timer for each in usual)
    return () if None in timers else tuple(key for key in timers if key is not None)


class StoreFails(Exposure[E]):
    """The operation raises, before or after its effect."""

    def concerns(self, operation: Operation[Any]) -> bool:
        """Whether the operation can raise."""
        return self.fault.is_about(operation)

    @property
    def is_open(self) -> bool:
        """Whether it is a budget, or pinned to no operation."""
        return super().is_open or (self.timer is None and self.fault.operation is None)

    def is_certain(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it is pinned to this operation."""
        return self.fault.is_pinned and self.fault.operation is not None and self.timer is None

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """Before the effect, and after it in each way in which the operation can turn out."""
        if not usual or not self.is_left(world) or self.spares(world, operation):
            return ()
        return tuple(self._ways(world, operation, usual))

    def _ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Iterator[Alternative]:
        is_probable = self.fault.probability is not None
        if self.fault.effect is not Effect.AFTER and not self.is_refused_enough(world, operation, usual):
            before = self.way("raises before", due=_due(usual))
            yield before._replace(is_optional=before.is_optional or self.fault.effect is None)
        # Of a use that is drawn it is left to us when it raises: before, as where a timed run is pinned.
        if self.fault.effect is Effect.AFTER or (self.fault.effect is None and not is_probable):
            for each in usual:
                if not (is_probable and self.spares_after(operation, each)):
                    yield self.way(_raises_after(each), each, due=_due((each,)))

    def apply(self, world: Any, operation: Operation[Any], way: Alternative) -> Raised:
        """It raises; after its effect if the way says so."""
        self.use_up(world)
        turned_out: Alternative | None = way.choice
        if turned_out is None:
            self.leave_before(world, operation)
            return Raised(StoreFailure)
        answer = operation.apply_alternative(world, turned_out)
        self.leave_after(world, operation, turned_out)
        return Raised(StoreFailure, True, answer)

    def spares(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it does not happen here although it could."""
        return False

    def spares_after(self, operation: Operation[Any], turned_out: Alternative) -> bool:
        """Whether, with a probability, it does not happen after the operation has turned out so."""
        return False

    def is_refused_enough(self, world: Any, operation: Operation[Any], usual: Ways) -> bool:
        """Whether it has raised here so often that it does no more: every run has to end."""
        return False

    def leave_before(self, world: Any, operation: Operation[Any]) -> None:
        """What becomes of what the actor had in hand, where it raises before its effect."""

    def leave_after(self, world: Any, operation: Operation[Any], turned_out: Alternative) -> None:
        """Likewise, where it raises after it."""


def _raises_after(usual: Alternative) -> str:
    return "raises after" if usual.label is None else f"raises after ({usual.label})"


# -- outages -----------------------------------------------------------------------------------


def outage_key(number: int) -> Key:
    """The cell that is there while an outage lasts."""
    return f"outage:{number}"


@dataclass(frozen=True, slots=True)
class Begin(Operation[bool]):
    """Something of the environment begins, or does not; whether it does."""

    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    wakes_all: ClassVar[bool] = True
    word: str
    number: int

    @property
    def name(self) -> str:  # type: ignore[override]
        """It says what: `outage.begin`."""
        return f"{self.word}.begin"

    @property
    def item(self) -> int:
        """The number of the fault: its latency is given by it."""
        return self.number

    def apply(self, world: Any) -> bool:
        """Nothing happens."""
        return False

    def describe(self, answer: Any) -> str:
        """Whether it begins; with its name that says all."""
        if answer:
            return ""
        return "nothing is lost" if self.word == LostState.word else "it does not"


@dataclass(frozen=True, slots=True)
class End(Operation[None]):
    """An outage ends."""

    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    wakes_all: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    word: str
    number: int
    wakes: tuple[Key, ...] = ()
    """Cells for which somebody may have waited meanwhile."""

    def unblocks(self) -> tuple[Key, ...]:
        """Whoever waits looks again."""
        return self.wakes

    @property
    def name(self) -> str:  # type: ignore[override]
        """It says of what: `outage.end`."""
        return f"{self.word}.end"

    @property
    def item(self) -> int:
        """The number of the fault: its latency is given by it."""
        return self.number

    def footprint(self) -> Footprint:
        """That it lasts."""
        return touches(writes=(outage_key(self.number),))

    def apply(self, world: Any) -> None:
        """It lasts no longer."""
        world.cells.delete(outage_key(self.number))


class _OfTheEnvironment(Exposure[Any]):
    """At `Begin`: it begins, or, if that is left open, does not."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, Begin) and operation.number == self.number

    def is_certain(self, world: Any, operation: Operation[Any]) -> bool:
        return bool(self.fault.is_pinned)

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        return (self.way("begins" if usual == USUAL else None),) if self.is_left(world) else ()

    @property
    def timer(self) -> Key | None:
        return None  # its moment is the latency of `Begin`

    def apply(self, world: Any, operation: Operation[Any], way: Alternative) -> bool:
        self.use_up(world)
        self.begin(world)
        return True

    def begin(self, world: Any) -> None:
        """What happens then."""
        raise NotImplementedError


class OutageBegins(_OfTheEnvironment):
    """At `outage.begin`."""

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """How often it may still begin, and that it lasts."""
        return touches(writes=(self.key, outage_key(self.number)))

    def begin(self, world: Any) -> None:
        """It lasts from now on."""
        world.cells.write(outage_key(self.number), value=True)


class OutageIsMet(Exposure[Outage]):
    """While an outage lasts: an operation of its group raises; who waits for something goes on waiting."""

    def concerns(self, operation: Operation[Any]) -> bool:
        """Whether the operation is one of the group."""
        return self.fault.is_about(operation)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """Whether it lasts."""
        return touches(reads=(outage_key(self.number),))

    def is_certain(self, world: Any, operation: Operation[Any]) -> bool:
        """Always: nothing else can happen."""
        return True

    def holds_back(self, world: Any, operation: Operation[Any]) -> bool:
        """A client that waits for an element asks until the store is there again."""
        return isinstance(operation, BlockingOperation) and bool(world.cells.read(outage_key(self.number)))

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """One, while it lasts."""
        lasts = usual and world.cells.read(outage_key(self.number)) and not self.spares(world, operation)
        return (Alternative("outage"),) if lasts else ()

    def spares(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it does not raise here although it could."""
        return False

    def apply(self, world: Any, operation: Operation[Any], way: Alternative) -> Raised:
        """It raises."""
        self.leave_before(world, operation)
        return Raised(StoreFailure)

    def leave_before(self, world: Any, operation: Operation[Any]) -> None:
        """What becomes of what the actor had in hand."""


class SlownessIsMet(Exposure[SlowOutage]):
    """While a service is slow: an operation of its group that is sent to it takes effect later."""

    def concerns(self, operation: Operation[Any]) -> bool:
        """Whether the operation is one of the group, and no wait for something."""
        return self.fault.is_about(operation) and not isinstance(operation, BlockingOperation)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """Nothing: what it does and answers is as ever."""
        return Footprint()

    def slower_while(self) -> tuple[Key, int]:
        """The cell that is there while it lasts."""
        return outage_key(self.number), self.fault.delay_us

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """None but the usual."""
        return ()


async def _outage(word: str, number: int, times: int, wakes: tuple[Key, ...]) -> None:
    for _ in range(times):
        if not await Begin(word, number):
            return
        await End(word, number, wakes)


# -- lost state --------------------------------------------------------------------------------


def log_key(number: int) -> Key:
    """The cell that holds what the last writes would be undone to."""
    return f"lost_state:{number}"


def matching(
    patterns: Iterable[str], keys: Iterable[Key], name_of: Mapping[Key, Key] | None = None
) -> tuple[Key, ...]:
    """Those of some keys that patterns name, in which `*` stands for any characters.

    What is no state of a store (how parts of a system are set, what is on its way) is none of them; with a key
    goes its time to live. `name_of`: the names of cells that are no keys, but stand for one of that name.
    """
    known, names = tuple(keys), name_of or {}
    found = dict.fromkeys(key for key in known if not isinstance(key, IfListed) and not key.startswith("http:"))
    named = [key for key in found if any(fnmatchcase(names.get(key, key), pattern) for pattern in patterns)]
    lives = {f"redis:ttl:{key}" for key in named}
    return (*named, *(key for key in known if key in lives))


class StateIsLost(_OfTheEnvironment):
    """At `lost_state.begin`."""

    def __init__(self, number: int, fault: LostState, keys: tuple[Key, ...]) -> None:
        super().__init__(number, fault)
        self._keys = keys

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """How often it may still happen, the keys, and what was written to them."""
        log = () if self.fault.last_writes is None else (log_key(self.number),)
        return touches(writes=(self.key, *self._keys, *log))

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        """What was there before the last writes is there again."""
        return () if self.fault.last_writes is None else self._keys

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """None where there is nothing to lose: a claim about what is lost would be one about nothing."""
        return super().ways(world, operation, usual) if any(self._lost(world)) else ()

    def begin(self, world: Any) -> None:
        """The keys vanish, or are what they were."""
        for key, value in tuple(self._lost(world)):
            if value is None:
                world.cells.delete(key)
            else:
                world.cells.write(key, thaw(value))
        if self.fault.last_writes is not None:
            world.cells.delete(log_key(self.number))

    def _lost(self, world: Any) -> Iterator[tuple[Key, Any]]:
        """The keys that would be others, and what they would be; `None`: they would be gone."""
        before: dict[Key, Any] = dict.fromkeys(self._keys) if self.fault.last_writes is None else {}
        if self.fault.last_writes is not None:
            for written in reversed(world.cells.read(log_key(self.number)) or ()):
                before |= dict(written)
        return ((key, value) for key, value in before.items() if freeze(world.cells.read(key)) != value)


class WritesAreLogged(Exposure[LostState]):
    """Whatever writes the keys: what they were before is remembered, of the last few writes."""

    def __init__(self, number: int, fault: LostState, keys: tuple[Key, ...]) -> None:
        super().__init__(number, fault)
        self._keys = frozenset(keys)

    def concerns(self, operation: Operation[Any]) -> bool:
        """Whether the operation can write one of the keys."""
        return not isinstance(operation, Begin) and not self._keys.isdisjoint(operation.footprint().writes)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """What is remembered, and whether it still has to be."""
        return touches(reads=(self.key,), writes=(log_key(self.number),))

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """None: it only looks on."""
        return ()

    def look(self, world: Any, operation: Operation[Any]) -> Any:
        """The keys as they are."""
        keys = sorted(self._keys & operation.footprint().writes)
        return tuple((key, freeze(world.cells.read(key))) for key in keys)

    def compare(self, world: Any, operation: Operation[Any], seen: Any) -> None:
        """Remember those that are no longer so; what only has another name now is remembered under that."""
        if not self.is_left(world):
            return
        log = world.cells.read(log_key(self.number)) or ()
        names = operation.new_names(world)
        if names:
            renamed = tuple(tuple((names.get(key, key), value) for key, value in each) for each in log)
            if renamed != log:
                world.cells.write(log_key(self.number), renamed)
            return
        changed = tuple((key, value) for key, value in seen if freeze(world.cells.read(key)) != value)
        if changed:
            assert self.fault.last_writes is not None
            written = tuple((world.cells.name_of(key), value) for key, value in changed)
            world.cells.write(log_key(self.number), (*log, written)[-self.fault.last_writes :])


async def _lose(word: str, number: int, times: int) -> None:
    for _ in range(times):
        if not await Begin(word, number):
            return


# -- a system under faults -----------------------------------------------------------------------


def environment_of(
    faults: Sequence[Fault],
    keys: Iterable[Key],
    awaited: Iterable[Key] = (),
    name_of: Mapping[Key, Key] | None = None,
) -> tuple[tuple[Actor, ...], tuple[Key, ...], tuple[Exposure[Any], ...]]:
    """For the sake of outages, lost states and faults of a user's own: actors, cells, and who looks on everywhere.

    `keys`: the cells of the system that can be lost; `awaited`: those beside them that somebody may wait for, who
    looks again when an outage ends; `name_of`: as for `matching`.
    """
    actors: list[Actor] = []
    cells: list[Key] = []
    onlookers: list[Exposure[Any]] = []
    known = tuple(key for key in keys if key != PARTS)  # no state: how the system is set up
    wakes = (*known, *(key for key in awaited if key not in known))
    for number, fault in enumerate(faults):
        match fault:
            case ServiceFault():
                program = partial(_outage, fault.word, number, fault.times_max, wakes)
                actors.append(
                    Actor("outage", number, program, exposures=(OutageBegins(number, fault),), is_environment=True)
                )
                cells.append(outage_key(number))
            case LostState():
                lost_keys = matching(fault.keys, known, name_of)
                program = partial(_lose, fault.word, number, fault.times_max)
                lost = StateIsLost(number, fault, lost_keys)
                actors.append(Actor("lost_state", number, program, exposures=(lost,), is_environment=True))
                if fault.last_writes is not None:
                    cells.append(log_key(number))
                    onlookers.append(WritesAreLogged(number, fault, lost_keys))
            case _:
                actors += fault.actors(number)
                cells += fault.cells(number)
    return tuple(actors), tuple(cells), tuple(onlookers)


def exposures_of(faults: Sequence[Fault], actor: Actor) -> Iterator[Exposure[Any]]:
    """The faults that can befall what an actor of any system does."""
    for number, fault in enumerate(faults):
        match fault:
            case Crash() if befalls(fault.actor, actor.kind, actor.number):
                yield ActorCrashes(number, fault)
            case StoreError() if befalls(fault.actor, actor.kind, actor.number):
                yield StoreFails(number, fault)
            case Outage():
                yield OutageIsMet(number, fault)
            case SlowOutage():
                yield SlownessIsMet(number, fault)
            case Crash() | StoreError() | LostState():
                pass
            case _:
                own = fault.exposure(number, actor)
                if own is not None:
                    yield own


def with_faults(system: System[Any], faults: Sequence[Fault], listed_as: Sequence[int] = ()) -> System[Any]:
    """The same system, in which these faults happen; `listed_as`: the number that people know each by."""
    if not faults:
        return system
    listed = tuple(listed_as) or tuple(range(len(faults)))
    environment, cells, onlookers = environment_of(faults, system.cells)
    named = {getattr(fault, "actor", None) for fault in faults}
    budgets = {fault_key(number): each.times_max for number, each in enumerate(faults) if each.probability is None}

    def exposed(actor: Actor) -> Actor:
        exposures = (*actor.exposures, *exposures_of(faults, actor), *onlookers)
        return actor._replace(exposures=exposures, is_twin=actor.is_twin and actor.name not in named)

    def begin(empty: Cells) -> Any:
        begun = system.begin(empty)
        empty.update(budgets)
        return begun

    actors = [exposed(actor) for actor in system.actors]
    spare = [actor for actor in actors if actor.is_spare]
    everybody = (*(actor for actor in actors if not actor.is_spare), *environment, *spare)
    for exposure in (each for actor in everybody for each in actor.exposures):
        exposure.listed_as = listed[exposure.number]
    moments = [
        (number, each.at_us)
        for number, each in enumerate(faults)
        if each.at_us is not None and not isinstance(each, ServiceFault | LostState)
    ]
    return replace(
        system,
        actors=everybody,
        cells=(*system.cells, *(fault_key(number) for number, _ in enumerate(faults)), *cells),
        begin=begin,
        alarms=(*system.alarms, *(Alarm(fault_key(number), at_us, ()) for number, at_us in moments)),
        faults=tuple(faults),
    )
