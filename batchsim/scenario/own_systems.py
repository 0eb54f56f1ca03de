"""A system of the user's own, in a file: loaded, given its parameters, and guarded.

What is wrong with it is a `UserCodeError`, one line that names the file, the policy, and what would do.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from batchsim.exact import EQUAL, has_equality
from batchsim.model.cells import Cells, freeze
from batchsim.model.faults import Fault, LostState, ServiceFault
from batchsim.model.injection import with_faults
from batchsim.model.model import Model, Variant, model_of
from batchsim.model.operation import Program, ProtocolError, Stopped, StoreFailure
from batchsim.model.properties import OK, Property
from batchsim.model.system import Actor, AtRest, System, at_rest
from batchsim.scenario.asking import Asked
from batchsim.scenario.own_fields import check_cells, check_fields
from batchsim.scenario.own_steps import mistakes_in
from batchsim.scenario.schema.own_types import content_of_value, read_as, written_plainly
from batchsim.signals import is_real
from batchsim.user_code import (
    EndsProcess,
    UserCodeError,
    check_comparable,
    content_of,
    is_reference,
    last_of_the_users,
    lines_to,
    load_from_file,
    printing_to_stderr,
    told,
    type_name,
    was_raised_here,
    what_it_did,
)


@dataclass(frozen=True, slots=True)
class OwnModel:
    """A model that a scenario is about, in place of the batch."""

    model: Model
    parameters: Any = None
    """Of the type that the model says; `None`: their defaults."""
    reference: str = ""
    """`path/to/file.py:NAME`, as the scenario has it; empty: code made it."""
    directory: Path = Path()
    """What the reference is relative to."""

    @property
    def told(self) -> str:
        """How messages call it."""
        return self.reference or self.model.name

    @property
    def identity(self) -> tuple[str, str]:
        """What runs depend on: the name in its file, and the content of the file."""
        if not self.reference:
            return self.model.name, ""
        return self.reference.rpartition(":")[2], content_of(self.reference, self.directory)

    @property
    def content(self) -> Any:
        """All that the parameters hold, as plain data: the same in every process."""
        return content_of_value(self.parameters)

    def policy(self, name: str, directory: Path) -> Variant:
        """The policy of a name, or `path.py:NAME` in a directory; raises `KeyError`, `UserCodeError`."""
        if not is_reference(name):
            return Variant(name, self.model.policies[name])
        value: Any = load_from_file(name, directory, self._kind)
        given = getattr(value, "name", None)
        return Variant(given if type(given) is str and given else name.rpartition(":")[2], value)

    @property
    def _kind(self) -> type:
        """What policies have to be of, so that the model can make something of them."""
        kinds = {type(value) for value in self.model.policies.values()}
        return kinds.pop() if len(kinds) == 1 else object

    def system(self, policy: Variant, faults: Sequence[Fault] = (), listed_as: Sequence[int] = ()) -> System[Any]:
        """The system under a policy, in which these faults happen; raises `UserCodeError`."""
        # Made once: engines ask for it time and again, and what its properties answered is to be compared.
        # All that the parameters hold: their own `repr` may leave fields out, as `==` may.
        key = (id(self.model), id(policy.value), policy.name, repr(self.content))
        known = _BUILT.get(key)
        if known is None:
            # With the objects whose identity nothing else can take while they live.
            known = _BUILT[key] = (self._built(policy), self.model, policy)
        built = known[0]
        return built if built.faults else with_faults(built, faults, listed_as)

    def _built(self, policy: Variant) -> System[Any]:
        what = f"{self.told}: system under {policy.name!r}"
        try:
            with printing_to_stderr():
                built = self.model.built(policy, self.parameters)
        except BaseException as error:
            if is_real(error):
                raise
            raise UserCodeError(f"{what}: {what_it_did(error)}{_defined(error, self.model)}") from None
        if type(built) is not System:
            raise UserCodeError(f"{what}: found {told(built)}, of type {type_name(built)}; allowed: a System")
        return _guarded(replace(built, name=policy.name), what)

    # Another process reads the file for itself.
    def __reduce__(self) -> tuple[Any, ...]:
        if not self.reference:
            return OwnModel, (self.model, self.parameters)
        return _loaded_again, (self.reference, self.directory, plain_of(self.parameters), self.content)


def _defined(error: BaseException, model: Model) -> str:
    """Where the function of a model is, if it takes other arguments: then no line of it was reached."""
    code = getattr(model.system, "__code__", None)
    if not isinstance(error, TypeError) or last_of_the_users(lines_to(error)) or code is None:
        return ""
    of_what = "the policy" if model.parameters is None else "the policy, and of the parameters"
    return f" ({code.co_filename}:{code.co_firstlineno}); allowed: a function of {of_what}"


_BUILT: dict[tuple[Any, ...], tuple[System[Any], Model, Variant]] = {}
_MODELS: dict[int, tuple[System[Any], Model]] = {}


def load_model(reference: str, directory: Path) -> Model:
    """The model in a user's file, or that of a single system; raises `UserCodeError`."""
    found = load_from_file(reference, directory, object, meant=(Model, System))
    if type(found) is System:
        _check_name(found.name, reference)
        # One model for each: what is known of a system is known of its model.
        known = _MODELS.get(id(found))
        if known is None:
            known = _MODELS[id(found)] = found, model_of(found)
        return known[1]
    if type(found) is not Model:
        file, _, name = reference.rpartition(":")
        raise UserCodeError(
            f"{directory / file}: {name} is of type {type_name(found)}; allowed: a Model or a System"
        )
    _check_model(found, reference)
    return found


def _check_name(name: Any, reference: str) -> None:
    if type(name) is not str or not name or not name.isprintable():
        raise UserCodeError(f"{reference}: name: found {told(name)}; allowed: one line of text")


def _check_model(model: Model, reference: str) -> None:
    _check_name(model.name, reference)
    if not callable(model.system):
        raise UserCodeError(f"{reference}: system: found {told(model.system)}; allowed: a function")
    names: list[Any] = list(model.policies) if isinstance(model.policies, Mapping) else []  # type: ignore[redundant-expr]
    if not names or not all(type(name) is str and name.isprintable() and name.strip() for name in names):
        raise UserCodeError(
            f"{reference}: policies: found {told(model.policies)}; allowed: a mapping, with a name for each"
        )
    if model.parameters is not None and not isinstance(model.parameters, type):
        raise UserCodeError(
            f"{reference}: parameters: found {told(model.parameters)}; allowed: a dataclass, or a pydantic model"
        )
    for name, each in dict(getattr(model.parameters, "model_fields", None) or {}).items():
        # Pydantic would take nothing under its name, and leave what is excluded at its default elsewhere.
        if each.alias is not None or each.validation_alias is not None:
            raise UserCodeError(f"{reference}: parameters: {name}: found an alias; allowed: a field without one")
        if each.exclude:
            raise UserCodeError(
                f"{reference}: parameters: {name}: found exclude=True; allowed: a field without it"
            )


def _loaded_again(reference: str, directory: Path, parameters: Any, content: Any) -> OwnModel:
    model = load_model(reference, directory)
    again = OwnModel(model, read_parameters(model, parameters), reference, directory)
    if again.content != content:
        raise UserCodeError(
            f"{reference}: parameters: found {told(again.content)} in another process for {told(content)}; "
            "allowed: fields that are what they were once they are written and read"
        )
    return again


# -- parameters ----------------------------------------------------------------------------------


def parameter_names(model: Model) -> tuple[str, ...]:
    """The names of a model's parameters."""
    kind: Any = model.parameters
    if kind is None:
        return ()
    if is_dataclass(kind):
        return tuple(each.name for each in fields(kind) if each.init)
    return tuple(getattr(kind, "model_fields", ()))


def read_parameters(model: Model, plain: Any) -> Any:
    """The parameters in plain data, as the model's own type has them; raises `NotOfType`."""
    return None if model.parameters is None else read_as(model.parameters, {} if plain is None else plain)


def plain_of(parameters: Any) -> Any:
    """The same as plain data; `None`: there are none."""
    return None if parameters is None else written_plainly(parameters)


# -- systems ---------------------------------------------------------------------------------------


def _guarded(system: System[Any], what: str) -> System[Any]:
    """The same system, whose steps and properties are guarded; raises `UserCodeError` for one of no use."""
    actors = _checked(system.actors, Actor, f"{what}: actors")
    for actor in actors:
        _check_numbered(actor, f"{what}: actors")
        if actor.kind in (ServiceFault.word, LostState.word) and not actor.is_environment:
            raise UserCodeError(f"{what}: actors: found {told(actor.kind)}; allowed: a name that no fault has")
    _refuse_twice([each.name for each in actors], f"{what}: actors")
    cells = _checked(system.cells, str, f"{what}: cells")
    _refuse_twice(cells, f"{what}: cells")
    properties = _checked(system.properties, Property, f"{what}: properties")
    _refuse_twice([each.name for each in properties], f"{what}: properties")
    for each in properties:
        if type(each.meaning) is not str or not each.meaning.isprintable():
            raise UserCodeError(
                f"{what}: properties: {each.name}: meaning: found {told(each.meaning)}; allowed: one line of text"
            )
        if each.name == OK or type(each.name) is not str or not each.name.isprintable() or not each.name.strip():
            raise UserCodeError(f"{what}: properties: found the name {told(each.name)}; allowed: another name")
    if not actors:
        raise UserCodeError(f"{what}: actors: found none; allowed: at least one Actor")
    _checked(system.built_in, Property, f"{what}: built_in")
    check_fields(system, what)
    check_cells(system, what)
    for actor in actors:
        for function in _coroutine_functions(actor.program):
            for line, why in _mistakes(function):
                raise UserCodeError(f"{what}: {actor.name}: {function.__qualname__}, line {line}: {why}")
    guarded = tuple(replace(each, holds=_asked(each, what)) for each in properties)
    ending = tuple(
        actor._replace(program=partial(_to_its_end, f"{what}: {actor.name}", actor.program, actor.is_judged))
        for actor in actors
    )
    judged = frozenset(actor.name for actor in actors if actor.is_judged)
    outcome = system.outcome
    if outcome is at_rest:
        outcome = partial(_at_rest, frozenset(cells), judged)
    else:
        outcome = partial(_own_outcome, f"{what}: outcome", outcome)
    return replace(
        system,
        actors=ending,
        cells=cells,
        begin=_Begin(system.begin, cells, f"{what}: begin"),
        outcome=outcome,
        properties=guarded,
        is_guarded=True,
    )


class _Begin:
    """How a system of the user's begins, which has to be so each time: engines begin it time and again."""

    def __init__(self, begin: Callable[[Any], Any], cells: Collection[str], what: str) -> None:
        self._begin = begin
        self._cells = cells
        self._what = what
        self._first: dict[str, Any] | None = None

    def __call__(self, cells: Any) -> Any:
        """As the user's."""
        found = self._begin(cells)
        held = {key: freeze(value) for key, value in cells.items()}
        first = self._first
        if first is None:
            unknown = next((key for key in held if key not in self._cells), None)
            if unknown is not None:
                allowed = f"one that is listed ({', '.join(self._cells)})"
                raise UserCodeError(f"{self._what} writes the cell {unknown!r}; allowed: {allowed}")
            again = Cells()
            self._begin(again)
            first = self._first = {key: freeze(value) for key, value in again.items()}
        if held != first:
            key = next(each for each in (*first, *held) if first.get(each) != held.get(each))
            raise UserCodeError(
                f"{self._what} wrote {told(held.get(key))} to {key!r}, and {told(first.get(key))} another time; "
                "allowed: the same each time"
            )
        return found


def _own_outcome(what: str, function: Callable[[Any, Any], Any], world: Any, results: Any) -> Any:
    """What a function of the user's makes of an end: comparable, and always the same."""
    found, again = function(world, results), function(world, results)
    _check_comparable(found, what)
    if found != again:
        raise UserCodeError(
            f"{what} returned {told(found)}, and {told(again)} of the same end; allowed: what depends on it alone"
        )
    return found


def _check_comparable(value: Any, what: str) -> None:
    check_comparable(value, what)
    if not has_equality(value):
        raise UserCodeError(f"{what} returned {told(value)}; allowed: {EQUAL}")


def _at_rest(listed: frozenset[str], judged: frozenset[str], world: Any, results: Any) -> AtRest:
    return replace(at_rest(world, results), listed=listed, judged=judged)


async def _to_its_end(what: str, program: Callable[[], Program[Any]], is_judged: bool) -> Any:
    """What an actor does; where a fault makes an operation raise and it does not catch that, it ends in silence.

    That is as a process would, whose store is gone. Any other error is one of its own: what it raises by itself,
    be it of the same class, and what a store refuses (`ResponseError`, `UniqueViolation`) or does not answer in
    time, with no fault at all.
    """
    try:
        result = await _begun(what, program)
        if is_judged:
            _check_comparable(result, what)
        return result
    except Stopped:
        raise
    except ProtocolError as error:
        if type(error) is StoreFailure and was_raised_here(error):
            return None
        raise
    except (Exception, GeneratorExit) as error:
        if isinstance(error, EndsProcess):
            raise UserCodeError(f"{what}: {error}") from None
        raise
    except BaseException as error:  # `sys.exit` must pass neither for an end nor for an error of ours
        if is_real(error):
            raise
        raise UserCodeError(f"{what}: {what_it_did(error)}; allowed: an Exception") from None


# Not where it is awaited: engines look at the variables there, and a coroutine object is like no other.
def _begun(what: str, program: Callable[[], Program[Any]]) -> Program[Any]:
    try:
        begun = program()
    except BaseException as error:
        if is_real(error):
            raise
        raise UserCodeError(f"{what}: program {what_it_did(error)}; allowed: a coroutine function") from None
    if not inspect.iscoroutine(begun):
        raise UserCodeError(f"{what}: program: found {told(program)}; allowed: a coroutine function (async def)")
    return begun


def _checked(values: Any, kind: type, what: str) -> tuple[Any, ...]:
    try:
        found = tuple(values)
    except BaseException as error:
        if is_real(error):
            raise
        raise UserCodeError(f"{what}: {what_it_did(error)}") from None
    for each in found:
        # A subclass of the user's could do anything where it is compared; those of batchsim do not.
        if type(each) is not kind and not (
            isinstance(each, kind) and type(each).__module__.startswith("batchsim.")
        ):
            raise UserCodeError(f"{what}: found {told(each)}, of type {type_name(each)}; allowed: {kind.__name__}")
    return found


def _check_numbered(actor: Actor, what: str) -> None:
    if type(actor.kind) is not str or not actor.kind.strip() or not actor.kind.isprintable():
        raise UserCodeError(f'{what}: found the kind {told(actor.kind)}; allowed: a name, such as "worker"')
    if "." in actor.kind:  # lanes of one actor side by side have one: `handler-1.0`
        raise UserCodeError(f"{what}: found the kind {told(actor.kind)}; allowed: a name without a dot")
    if actor.number is not None and (type(actor.number) is not int or actor.number < 0):
        raise UserCodeError(
            f"{what}: {actor.kind}: found the number {told(actor.number)}; allowed: a whole number from 0, or None"
        )


def _refuse_twice(names: Sequence[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserCodeError(f"{what}: found {told(name)} twice; allowed: each once")


def _asked(own: Property, what: str) -> Callable[[Any], bool]:
    """A property of the outcome, asked with care; nothing else may decide it."""
    if isinstance(own.holds, Asked):
        return own.holds

    def asked() -> Asked[Any, bool]:
        allowed = {"True": True, "False": False}
        return Asked(own.holds, f"{what}: {own.name}: holds", allowed, briefly=lambda _: "outcome")

    # Outcomes that are equal may differ in what is remembered of their history: then each is asked by itself.
    return asked() if own.history is None else asked().ask


@cache
def _mistakes(function: Any) -> tuple[tuple[int, str], ...]:
    return tuple(mistakes_in(function))


def _coroutine_functions(program: Any) -> Iterator[Any]:
    """What an actor runs, and the coroutine functions of the user's that are called on the way."""
    left, seen = list(_functions_in(program)), set[int]()
    while left:
        function = left.pop()
        if id(function) in seen or not inspect.iscoroutinefunction(function):
            continue
        seen.add(id(function))
        yield function
        code = getattr(function, "__code__", None)
        if code is not None and not str(function.__module__).startswith("batchsim."):
            known = inspect.getclosurevars(function)
            left += [each for each in (*known.globals.values(), *known.nonlocals.values()) if callable(each)]


def _functions_in(program: Any) -> Iterator[Any]:
    while isinstance(program, partial):
        yield from (each for each in (*program.args, *program.keywords.values()) if callable(each))
        program = program.func
    yield program
