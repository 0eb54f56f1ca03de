"""What a step is: the base of all operations, and how coroutines await them.

A protocol coroutine awaits one of three things, and each reaches whoever drives it:

- an `Operation`: one atomic step;
- `both(a, b)`: two steps issued together, which take effect in either order;
- `for_each(...)`: coroutines side by side, at most so many at once, each in a lane of its own.

The driver answers with `send`. Nothing else may be awaited, so a coroutine depends on its
arguments and the answers alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Generator, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from types import CoroutineType, FunctionType, MemberDescriptorType
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from batchsim.bad_input import BadInputError
from batchsim.durations import DURATION_SENTENCE, InvalidDuration, parse_duration
from batchsim.model.cells import Key
from batchsim.visible import in_one_line, without_addresses

T_co = TypeVar("T_co", covariant=True)
A = TypeVar("A")
B = TypeVar("B")

Awaited = Any
"""What a driver receives: an `Operation`, a `Both` or a `ForEach`."""
Program = Coroutine[Awaited, Any, T_co]
"""A protocol coroutine."""


def give_up(program: Program[Any]) -> None:
    """Let a coroutine go no further; what it does on the way out (`finally: await …`) takes no effect."""
    for _ in range(_AWAITS_MAX):
        try:
            program.close()
        except Exception:  # it awaits something on the way out, or raises: nobody is there for either
            continue
        return


_AWAITS_MAX = 100


def stops(answer: Any) -> bool:
    """Whether whoever gets this for an answer stops for good: its coroutine goes no further, as a process."""
    return answer.__class__ is Raised and answer.error is Stopped


class ProtocolError(Exception):
    """What a protocol coroutine may raise; anything else is an error of the program."""

    in_words: ClassVar[str | None] = None
    """What happens then, in a few words; `None`: an operation raises."""


class Stopped(ProtocolError):
    """Whoever meets it stops for good: nobody catches it, and the actor ends, returning nothing."""

    in_words = "stops for good"


class StoreFailure(ProtocolError):
    """A store did not answer as it should."""


class EndsEarly(ProtocolError):
    """What coroutines side by side are for has ended before all of them: there are only so many."""

    arrived: ClassVar[int] = 0
    """How many there are; a coroutine of a higher number raises this."""


class Raised(NamedTuple):
    """In place of an answer: the operation raises."""

    error: type[ProtocolError]
    took_effect: bool = False
    """Whether its store did what it was asked for."""
    answer: Any = None
    """What it would have been answered, had it not raised after its effect."""
    timer: Timer | None = None
    """With time: the timer that this starts, in place of the one of the operation."""
    text: str = ""
    """What the store says of it."""

    def exception(self) -> ProtocolError:
        """What is raised."""
        return self.error(self.text) if self.text else self.error()

    def __str__(self) -> str:
        said = self.error.in_words or f"raises {'after' if self.took_effect else 'before'} its effect"
        return f"{said}: {self.text}" if self.text else said


class Footprint(NamedTuple):
    """The keys that an operation may read and write; what it writes, it may also read."""

    reads: frozenset[Key] = frozenset()
    writes: frozenset[Key] = frozenset()

    def conflicts_with(self, other: Footprint) -> bool:
        """Whether the order of the two can matter."""
        return not (
            self.writes.isdisjoint(other.writes)
            and self.writes.isdisjoint(other.reads)
            and self.reads.isdisjoint(other.writes)
        )


def touches(
    *, reads: tuple[Key, ...] = (), writes: tuple[Key, ...] = (), of: tuple[Operation[Any], ...] = ()
) -> Footprint:
    """A footprint of these keys, and of what other operations touch that are part of this one.

    Raises `BadInputError` for an operation that cannot be part of another one: one that waits, or that starts what
    time decides, such as a time to live.
    """
    for each in of:
        if not _is_operation(each) or isinstance(each, BlockingOperation):
            found = f"{each.name}, which waits" if _is_operation(each) else _shown(each)
            raise BadInputError(f"touches: of: found {found}; allowed: operations that take effect at once")
        starts_by_answer = (
            type(each).timer is Operation.timer and type(each).timer_after is not Operation.timer_after
        )
        if each.timer() is not None or starts_by_answer:
            raise BadInputError(
                f"touches: of: found {each.name}, which starts what time decides, such as a time to live; "
                "allowed: that in an operation by itself"
            )
    parts = [each.footprint() for each in of]
    read, written = (frozenset[Key]().union(*keys) for keys in zip((reads, writes), *parts, strict=True))
    return Footprint(read, written)


class Chance(NamedTuple):
    """With time: how likely something is. For each opportunity one number from 0 to 1 is drawn, and decides."""

    fault: Key
    """What it is the chance of: those of two faults are independent."""
    begin: float
    """It happens if the number is at least this …"""
    end: float
    """… and less than this. What can happen in several ways has a part of the numbers for each of them."""
    opportunity: str | None = None
    """What the number is drawn for, the same one whoever asks; `None`: this use of the operation."""


class Alternative(NamedTuple):
    """One of the ways in which an operation can turn out."""

    label: str | None = None
    """Tells this way from the others; `None` for the usual one."""
    timer: Key | None = None
    """With time: not before this timer has run out."""
    choice: Any = None
    """What the operation needs to know to turn out so."""
    chance: Chance | None = None
    """With time: how likely it turns out so, if nothing before it in order does; `None`: it does."""
    is_optional: bool = False
    """Whether a scenario leaves open that it turns out so: exploration also takes what comes after it in order."""
    fault: int | None = None
    """The number of the fault that happens so, in the order of the setting; `None`: none does, or one that
    happened before is only seen."""
    is_held: bool = False
    """With time: whether, if it is drawn, nothing happens now: somebody else meets it first."""
    due: tuple[Key, ...] = ()
    """With time: nor before one of these timers has run out, if there are any: what befalls a wait is met then."""

    @property
    def is_usual(self) -> bool:
        """Whether it turns out so at once, and by no chance or fault."""
        return self.chance is None and self.timer is None and not (self.due or self.is_held)

    @property
    def probability(self) -> float | None:
        """How likely it is; `None`: certain."""
        return None if self.chance is None else self.chance.end - self.chance.begin


class Timer(NamedTuple):
    """With time: what the step makes possible is so only after a delay."""

    key: Key
    delay_of: str
    """The operation under whose name the scenario gives the delay."""
    wakes_at_once: bool = False
    """Whether those who wait look at once, too: something else may let them go on."""
    item: int | None = None
    """The item that the delay is about, where the step that starts it is about none yet."""
    also: tuple[tuple[Key, int], ...] = ()
    """Further timers that are drawn together with it, each with the item that it is about.

    Of several timers each is about one of the cells that the step unblocks, in their order.
    """
    wait: Any = None
    """The operation that stands for the delay, where it is not the one whose effect starts it."""
    about: Key | None = None
    """The cell without which nobody asks for it any more; `None`: that of its name, or all that become ready."""

    def each(self) -> tuple[Timer, ...]:
        """All of them, one by one."""
        return (self, *(self._replace(key=key, item=item) for key, item in self.also)) if self.also else (self,)


USUAL = (Alternative(),)


_CLASSES: dict[str, dict[tuple[str, str], type[Operation[Any]]]] = {}
"""Every class of operations that has a fixed name, by that name."""


_RESERVED: set[str] = set()


def reserve(names: Iterable[str]) -> None:
    """From now on no class of a user's may have one of these names: latencies and faults would mean both."""
    _RESERVED.update(names)


def classes_named(name: str) -> tuple[type[Operation[Any]], ...]:
    """The classes whose operations all have this name, in the order of their definition."""
    return tuple(_CLASSES.get(name, {}).values())


def all_classes() -> tuple[type[Operation[Any]], ...]:
    """Every class of operations that has a fixed name."""
    return tuple(each for classes in _CLASSES.values() for each in classes.values())


def _is_ours(kind: type[Operation[Any]]) -> bool:
    return kind.__module__.partition(".")[0] == "batchsim"


class Operation(Generic[T_co]):
    """One atomic step: its name, its footprint, when it can act, and its effect.

    Subclasses are frozen dataclasses. `name` is the one under which people see it.
    """

    __slots__ = ()

    name: ClassVar[str]
    group: ClassVar[str | None] = None
    """With time: the group whose latency it follows, `redis`, `postgres`, `http` or one of one's own; `None`: what
    its name begins with; empty: none, only what is said of itself counts."""
    default_latency: ClassVar[Any] = None
    """With time: its latency where a scenario gives none, written as in a scenario: `"300 us"`,
    `{"uniform": ["1 ms", "2 ms"]}`, `{"request": "10 ms", "response": "5 ms"}`; `None`: that of its group."""
    done_by: ClassVar[tuple[str, ...]] = ()
    """The kinds of actors that do it, under one policy or another."""
    footprint_of_class: ClassVar[Footprint] = Footprint()
    may_unblock: ClassVar[bool] = False
    """Whether its effect may let somebody go on who waits for a cell: see `unblocks`."""
    may_start_timer: ClassVar[bool] = False
    """Whether its effect may start a timer: its class has a `timer` or a `timer_after` of its own."""
    wakes_all: ClassVar[bool] = False
    """Whether it may be all of those who wait: of a cell that is named once, one looks again otherwise."""
    is_instant: ClassVar[bool] = False
    """With time: whether it has no request leg; that of its name is the delay of a timer."""
    is_wait: ClassVar[bool] = False
    """With time: whether it is a wait, not a round trip: a plain duration passes before its effect, as a whole."""
    backs_off: ClassVar[bool] = False
    """With time: whether it is a backoff, as long as its `attempt` has it."""
    is_of_faults: ClassVar[bool] = False
    """Whether it takes place only where there are faults."""
    acts_on_arrival: ClassVar[bool] = False
    """With time: whether the response leg passes before its effect, which is to be received."""
    is_idle: ClassVar[bool] = False
    """Whether whoever waits for it has nothing to do meanwhile, as a worker without work."""
    is_under_way: ClassVar[bool] = False
    """Whether what it waits for is under way all the time, as a request that was sent."""
    lets_go: ClassVar[bool] = False
    """Whether, by its effect, whoever does it has its message in hand no more."""
    has_alternatives: ClassVar[bool] = False
    """Whether, at its effect, it is to be asked how it turns out: it may be blocked, or a fault befall it."""

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        cls.may_start_timer = (cls.timer, cls.timer_after) != (Operation.timer, Operation.timer_after)
        name = cls.__dict__.get("name")
        if isinstance(name, str):
            # A dataclass with slots is made twice; a class that is defined again takes the place of the first.
            _CLASSES.setdefault(name, {})[cls.__module__, cls.__name__] = cls
        if not _is_ours(cls):
            _guard(cls)

    def __await__(self) -> Generator[Operation[T_co], Any, T_co]:
        answer: Any = yield self
        if answer.__class__ is Raised:
            raise answer.exception()
        return answer  # type: ignore[no-any-return]

    @property
    def bare(self) -> Operation[T_co]:
        """The operation itself, without the faults that it is exposed to."""
        return self

    @property
    def on_its_cells(self) -> Operation[T_co]:
        """Likewise, but on the cells that it is on where an actor adapts it, as that of another batch."""
        return self

    @property
    def is_own(self) -> bool:
        """Whether what it does is said by code of the user's."""
        return not _is_ours(type(self.bare))

    @property
    def own_faults(self) -> tuple[str, ...]:
        """The faults of the user's that it is exposed to, as messages call them."""
        return ()

    @property
    def slower_while(self) -> tuple[tuple[Key, int], ...]:
        """With time: while which cells are there it is slow, and by how many microseconds it is later then."""
        return ()

    def slower_us(self, is_there: Callable[[Key], bool]) -> int:
        """How many microseconds later it takes effect; `is_there`: whether a cell is there as it is issued."""
        return sum(by_us for cell, by_us in self.slower_while if is_there(cell))

    @property
    def item(self) -> int | None:
        """The item that it is about, if any."""
        return None

    @property
    def reads_body(self) -> bool:
        """Whether its item has to have arrived with the body of the request: it is the first step for the item."""
        return False

    @property
    def message(self) -> Any:
        """The claim on a message that whoever does it holds meanwhile; `None`: none."""
        return None

    @property
    def leaves_message(self) -> bool:
        """Whether whoever does it goes on without the message that it holds, or has taken, if this raises."""
        return False

    @property
    def messages(self) -> tuple[Any, ...]:
        """All messages that whoever does it holds meanwhile."""
        return () if self.message is None else (self.message,)

    def message_taken(self, alternative: Alternative) -> Any:
        """The message that it takes if it turns out so; `None`: none."""
        return None

    def messages_taken(self, alternative: Alternative) -> tuple[Any, ...]:
        """All messages that it takes if it turns out so."""
        taken = self.message_taken(alternative)
        return () if taken is None else (taken,)

    def footprint(self) -> Footprint:
        """The keys that it touches."""
        return self.footprint_of_class

    def timer(self) -> Timer | None:
        """The timer that its effect starts anew, if any."""
        return None

    def unblocks(self) -> tuple[Key, ...]:
        """The cells that somebody may wait for and that its effect can make ready."""
        return ()

    def new_names(self, world: Any) -> Mapping[Key, Key]:
        """Where its effect is no write of a store, but gives cells other names: by the old name, the new one."""
        return {}

    def timer_after(self, answer: Any) -> Timer | None:
        """The timer that its effect started anew, having turned out so."""
        return self.timer()

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        """The cells that its effect made ready, having turned out so."""
        return self.unblocks()

    def timed_after(self, answer: Any) -> tuple[Key, ...]:
        """The cells that the timer which it started is about: while one of them is there, it matters."""
        return self.unblocks_after(answer)

    def apply(self, world: Any) -> T_co:
        """Take effect; the answer."""
        raise BadInputError(
            f"{told_class(type(self))}: apply: missing; allowed: a method of the world, with the answer"
        )

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """The ways in which it can turn out now; none while it is blocked."""
        return USUAL

    def apply_alternative(self, world: Any, alternative: Alternative) -> T_co:
        """Take effect in one of its ways; the answer."""
        return self.apply(world)

    def tell(self, answer: Any) -> str:
        """How it turned out in a few words, for people."""
        return str(answer) if isinstance(answer, Raised) else self.describe(answer)

    def describe(self, answer: Any) -> str:
        """The answer in a few words, for people."""
        return "" if answer is None else str(answer)


class BlockingOperation(Operation[T_co]):
    """A step that waits for a cell."""

    __slots__ = ()
    has_alternatives: ClassVar[bool] = True

    def waits_for(self) -> Key:
        """The cell that it waits for."""
        raise BadInputError(
            f"{told_class(type(self))}: waits_for: missing; allowed: a method with the name of a cell"
        )


@dataclass(frozen=True, slots=True)
class Wrapper(Operation[T_co]):
    """An operation with something added to it: people see it under the same name, about the same item."""

    operation: Operation[T_co]
    has_alternatives: ClassVar[bool] = True

    @property
    def bare(self) -> Operation[T_co]:
        """That of the operation."""
        return self.operation.bare

    @property
    def on_its_cells(self) -> Operation[T_co]:
        """That of the operation."""
        return self.operation.on_its_cells

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the operation."""
        return self.operation.name

    @property
    def item(self) -> int | None:
        """That of the operation."""
        return self.operation.item

    @property
    def wakes_all(self) -> bool:  # type: ignore[override]
        """As the operation."""
        return self.operation.wakes_all

    @property
    def slower_while(self) -> tuple[tuple[Key, int], ...]:
        """As the operation."""
        return self.operation.slower_while

    @property
    def attempt(self) -> int | None:
        """That of the operation, if it is one of several attempts."""
        return getattr(self.operation, "attempt", None)

    def timed_after(self, answer: Any) -> tuple[Key, ...]:
        """As the operation."""
        return self.operation.timed_after(answer)


@dataclass(frozen=True, slots=True)
class WaitingWrapper(Wrapper[T_co], BlockingOperation[T_co]):
    """The same for an operation that waits for a cell."""

    def waits_for(self) -> Key:
        """As the operation."""
        assert isinstance(self.operation, BlockingOperation)
        return self.operation.waits_for()


SLEEP = "sleep"


@dataclass(frozen=True, slots=True)
class Sleep(Operation[None]):
    """Nothing happens for a while."""

    is_wait: ClassVar[bool] = True
    duration: str

    @property
    def name(self) -> str:  # type: ignore[override]
        """It says how long: `sleep(100 ms)`."""
        return f"{SLEEP}({self.duration})"

    def apply(self, world: Any) -> None:
        """Only time has passed."""


def sleep(duration: str) -> Sleep:
    """Let time pass, as long as a scenario would write it: `sleep("100 ms")`; without time it is a step."""
    try:  # at a user's call
        if not isinstance(duration, str):
            raise InvalidDuration(DURATION_SENTENCE)
        parse_duration(duration)
    except InvalidDuration as error:
        raise BadInputError(f"sleep: found {duration!r}; allowed: {error}") from None
    return Sleep(duration)


CHOOSE = "choose"


@dataclass(frozen=True, slots=True)
class Choose(Operation[Any]):
    """The actor goes one of several ways, which nothing in the model decides."""

    name: ClassVar[str] = CHOOSE
    has_alternatives: ClassVar[bool] = True
    options: tuple[Hashable, ...]

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """One for each option; with chance they are equally likely, without each is taken."""
        count = len(self.options)
        return tuple(
            Alternative(
                label,
                choice=option,
                chance=Chance(CHOOSE, number / count, (number + 1) / count),
                is_optional=number + 1 < count,
            )
            for number, (label, option) in enumerate(zip(_labels(self.options), self.options, strict=True))
        )

    def apply_alternative(self, world: Any, alternative: Alternative) -> Any:
        """The option."""
        return alternative.choice


def choose(*options: Hashable) -> Choose:
    """Await any one of several values.

    `if await choose("commit", "abort") == "commit": …` goes either way. It is a step of its own that touches no
    cell and takes no time. Exploration goes each way, with times (`explore_timed`) too. In a timed run the seed
    draws one, and in an exact exploration all are equally likely.

    `options`: what has a hash, at least one, all different. Raises `BadInputError` for others.
    """
    try:
        are_different = len(frozenset(options)) == len(options) > 0
    except TypeError:
        raise BadInputError(f"choose{options!r}: allowed: values that have a hash") from None
    if not are_different or len(set(_labels(options))) < len(options):
        raise BadInputError(f"choose{options!r}: allowed: at least one value, and all of them different")
    return Choose(options)


def _labels(options: tuple[Hashable, ...]) -> tuple[str, ...]:
    labels = tuple(map(str, options))
    return labels if len(set(labels)) == len(labels) else tuple(map(repr, options))


def told(operation: Operation[Any]) -> str:
    """An operation by its name, one of a user's also by its class and where that stands, with faults of theirs."""
    kind = type(operation.bare)
    name = operation.name if _is_ours(kind) else f"{told_class(kind)} ({operation.name})"
    return f"{name} under {' and '.join(operation.own_faults)}" if operation.own_faults else name


def told_class(kind: type[Operation[Any]]) -> str:
    """A class of operations with the file where it stands."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or kind.__module__
    return f"{file}: {kind.__qualname__}"


# -- of one's own: what a class of the user's says is looked at where it says it --------------------


def _guard(kind: type[Operation[Any]]) -> None:
    """From now on a class of the user's tells what is wrong with what it says and with what its methods answer."""
    own = vars(kind)
    _check_constants(kind)
    for field, rule in _PROPERTIES.items():
        asked = own.get(field)
        if isinstance(asked, property) and asked.fget is not None and not hasattr(asked.fget, "__wrapped__"):
            setattr(kind, field, property(_guarded(asked.fget, field, *rule)))
    if not isinstance(getattr(kind, "name", None), str | property) and "name" not in own.get(
        "__annotations__", ()
    ):
        kind.name = property(_without_name)  # type: ignore[assignment]
    if kind.unblocks is Operation.unblocks and kind.unblocks_after is Operation.unblocks_after:
        # Whoever waits for a cell, or begins with it, need not be thought of by who writes it.
        kind.unblocks = _what_it_writes  # type: ignore[assignment,method-assign]
        kind.wakes_all = True
    kind.may_unblock = True
    for method, function in tuple(own.items()):
        if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
            continue
        if iscoroutinefunction(function):
            raise BadInputError(f"{told_class(kind)}: {method}: found async def; allowed: def, as it is one step")
        if method in _ANSWERS or callable(vars(Operation).get(method)):
            setattr(kind, method, _guarded(function, method, *_ANSWERS.get(method, _ANYTHING)))


def _check_constants(kind: type[Operation[Any]]) -> None:
    """Raises `BadInputError` for what a class says of itself in the wrong type, and for a name that is taken."""
    own = vars(kind)
    for field, value in own.items():
        usual = vars(Operation).get(field)
        if isinstance(usual, bool) and not isinstance(value, bool | property | MemberDescriptorType):
            raise BadInputError(f"{told_class(kind)}: {field}: found {_shown(value)}; allowed: True, False")
    for field in own.get("__annotations__", ()):
        # A dataclass would take what stands there for the default of its field, and could not set it.
        usual = next((vars(base)[field] for base in kind.__mro__[1:] if field in vars(base)), None)
        if field not in own and isinstance(usual, property | FunctionType):
            raise BadInputError(
                f"{told_class(kind)}: {field}: found a field with a name that every operation has; "
                f"allowed: another name, such as of_{field}"
            )
    group = own.get("group")
    if group is not None and not isinstance(group, str | property | MemberDescriptorType):
        raise BadInputError(f"{told_class(kind)}: group: found {_shown(group)}; allowed: redis, or another name")
    name = own.get("name")
    if name is None or isinstance(name, property | MemberDescriptorType):
        return
    is_right, allowed = _NAME
    if not is_right(name):
        raise BadInputError(f"{told_class(kind)}: name: found {_shown(name)}; allowed: {allowed}")
    if name in _RESERVED:
        raise BadInputError(
            f"{told_class(kind)}: name: found {name!r}, the name of an operation of batchsim.stores; "
            "allowed: another name"
        )


def _what_it_writes(operation: Operation[Any]) -> tuple[Key, ...]:
    return tuple(sorted(operation.footprint().writes))


def _without_name(operation: Operation[Any]) -> str:
    raise BadInputError(
        f'{told_class(type(operation))}: name: missing; allowed: text, such as name = "lease.take"'
    )


def _shown(value: object) -> str:
    """A value of a user's as a short line, the same in every process."""
    try:
        return in_one_line(without_addresses(repr(value)))
    except Exception:
        return f"what cannot be shown, of type {type(value).__name__}"


def _guarded(
    function: Callable[..., Any], name: str, is_right: Callable[[Any], bool], allowed: str
) -> Callable[..., Any]:
    @wraps(function)
    def guarded(operation: Operation[Any], *arguments: Any) -> Any:
        try:
            answer = function(operation, *arguments)
        except StopIteration as error:  # which ends generators on its way, and none of batchsim may end by it
            inner = error.__traceback__ and error.__traceback__.tb_next
            raise RuntimeError("it raised StopIteration").with_traceback(inner) from None
        if not is_right(answer):
            what = f"{told_class(type(operation))}: {name}"
            raise BadInputError(f"{what} returned {_shown(answer)}; allowed: {allowed}")
        if name == "alternatives" and not answer and not isinstance(operation, BlockingOperation):
            what = f"{told_class(type(operation))}: {name}"
            raise BadInputError(f"{what} returned (); allowed: at least one, or a class of BlockingOperation")
        return answer

    return guarded


def _is_footprint(answer: Any) -> bool:
    parts: tuple[Any, ...] = answer if isinstance(answer, Footprint) else (None,)
    return all(isinstance(keys, frozenset) and all(isinstance(key, str) for key in keys) for keys in parts)


def _is_tuple_of(kind: type) -> Callable[[Any], bool]:
    return lambda answer: isinstance(answer, tuple) and all(isinstance(each, kind) for each in answer)


_Rule = tuple[Callable[[Any], bool], str]
_NAME: _Rule = (
    lambda name: isinstance(name, str) and bool(name.strip()) and name.isprintable(),
    'one line of text, such as "lease.take"',
)
_ANYTHING: _Rule = (lambda answer: True, "")
_TEXT: _Rule = (lambda answer: isinstance(answer, str), "text")
_PROPERTIES: dict[str, _Rule] = {
    "name": _NAME,
    "item": (lambda item: item is None or type(item) is int, "a whole number, or None"),
}
_ANSWERS: dict[str, _Rule] = {
    "footprint": (_is_footprint, "touches(reads=(…,), writes=(…,)), of batchsim.model"),
    "alternatives": (_is_tuple_of(Alternative), "a tuple of Alternative, empty while it is blocked"),
    "unblocks": (_is_tuple_of(str), "a tuple of names of cells"),
    "unblocks_after": (_is_tuple_of(str), "a tuple of names of cells"),
    "timer": (lambda answer: answer is None or isinstance(answer, Timer), "a Timer, or None"),
    "timer_after": (lambda answer: answer is None or isinstance(answer, Timer), "a Timer, or None"),
    "waits_for": (lambda answer: isinstance(answer, str), "the name of a cell"),
    "describe": _TEXT,
    "tell": _TEXT,
}


@dataclass(frozen=True, slots=True)
class Both(Generic[A, B]):
    """Two operations issued together."""

    operations: tuple[Operation[A], Operation[B]]

    def __await__(self) -> Generator[Both[A, B], Any, tuple[A, B]]:
        answers: tuple[A, B] = yield self
        return answers


def both(first: Operation[A], second: Operation[B]) -> Both[A, B]:
    """Await two operations that are issued together, in either order; their answers."""
    for each in (first, second):
        if not _is_operation(each):
            for given in (first, second):
                if isinstance(given, CoroutineType):
                    given.close()  # nobody will await it: Python would warn of that
            raise BadInputError(f"both: found {_shown(each)}; allowed: two operations, such as redis.get(…)")
    return Both((first, second))


@dataclass(frozen=True, slots=True)
class ForEach:
    """Coroutines side by side."""

    count: int
    limit: int
    body: Callable[[int], Program[None]]
    may_end_early: bool = False

    def __await__(self) -> Generator[ForEach, Any, int | None]:
        answer = yield self
        return answer if isinstance(answer, int) else None

    def program(self, number: int) -> Program[None]:
        """The coroutine of a number; raises `BadInputError` where `body` returns something else."""
        begun: Any = self.body(number)
        if not hasattr(begun, "send"):
            code = getattr(self.body, "__code__", None)
            place = f"{code.co_filename}:{code.co_firstlineno}: " if code is not None else ""
            raise BadInputError(
                f"{place}for_each: body: returned {_shown(begun)}; allowed: a coroutine (of an async def)"
            )
        return begun  # type: ignore[no-any-return]

    def is_over(self, failure: Exception, in_progress: Iterable[int]) -> bool:
        """Whether a failure is but the end of what the coroutines are for; `in_progress`: their numbers."""
        if not (self.may_end_early and isinstance(failure, EndsEarly)):
            return False
        return failure.arrived > 0 and all(number >= failure.arrived for number in in_progress)


def for_each(
    count: int, limit: int, body: Callable[[int], Program[None]], *, may_end_early: bool = False
) -> ForEach:
    """Await `body(0)` … `body(count - 1)`, begun in this order, at most `limit` at once.

    The first that raises ends the wait with its exception: after it none is begun but the first `limit`, which
    begin at once, and those in progress go on to their own end. With `may_end_early`, one that raises `EndsEarly`
    ends it without an exception if at least one has ended, and none is in progress that was to come before the
    end. What it answers then is how many there were; `None`: all.
    """
    for name, number, least in (("count", count, 0), ("limit", limit, 1)):
        if type(number) is not int or number < least:
            raise BadInputError(f"for_each: {name}: found {_shown(number)}; allowed: a whole number from {least}")
    return ForEach(count, limit, body, may_end_early)


def _is_operation(value: object) -> bool:
    return isinstance(value, Operation)
