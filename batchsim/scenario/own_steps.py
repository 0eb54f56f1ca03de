"""Steps and actors of the user's own, guarded: what they do wrong is told by the file, the field and the function.

A step is read before it runs: an operation or a coroutine that is made and not awaited would silently do nothing.
While it runs, what it raises is told, but for what operations raise; when it ends, so is a result of a wrong type.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Any

from batchsim.batch.actors import KINDS
from batchsim.batch.stores import Answer, Claim, Status
from batchsim.model.operation import Both, ForEach, Operation, ProtocolError, both, for_each, sleep
from batchsim.model.system import Actor
from batchsim.scenario.spelling import did_you_mean
from batchsim.signals import is_real
from batchsim.user_code import (
    EndsProcess,
    UserCodeError,
    check_output,
    printing_to_stderr,
    told,
    type_name,
    what_it_did,
)
from batchsim.visible import in_one_line

Step = Callable[..., Coroutine[Any, Any, Any]]

RESULTS: dict[str, tuple[type, ...]] = {
    "enqueue": (NoneType,),
    "count": (int,),
    "seal": (bool,),
    "count_and_seal": (Answer,),
    "consume": (NoneType,),
    "claim": (Claim,),
    "complete": (NoneType,),
    "create_run": (bool,),
    "record": (int, NoneType),
    "finalize": (NoneType,),
    "update_batch": (Status,),
    "cleanup": (NoneType,),
    "try_complete": (NoneType,),
    "set_completed": (bool,),
    "reap": (NoneType,),
}
"""What each step of a policy may return."""
OUTSIDE = frozenset(
    {
        "asyncio",
        "datetime",
        "os",
        "posix",
        "random",
        "secrets",
        "socket",
        "subprocess",
        "threading",
        "time",
        "uuid",
    }
)
"""Modules that answer differently each time."""


@dataclass(frozen=True)
class OwnStep:
    """A step of the user's; `UserCodeError` and what operations raise is all that it raises."""

    function: Step
    what: str
    """The file and the names to tell it by."""
    results: tuple[type, ...] | None
    """`None`: nobody looks at what it returns."""

    async def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Its result."""
        try:
            result = await self._begun(arguments, named)
            check_output()
        except EndsProcess as error:
            raise UserCodeError(f"{self.what} {error}") from None
        except (ProtocolError, UserCodeError, GeneratorExit):
            raise
        except BaseException as error:  # `sys.exit` must not pass for an end either
            if is_real(error):
                raise
            raise UserCodeError(f"{self.what} {what_it_did(error)}") from None
        if self.results is not None and type(result) not in self.results:
            allowed = ", ".join("None" if each is NoneType else each.__name__ for each in self.results)
            raise UserCodeError(
                f"{self.what} returned {told(result)}, of type {type_name(result)}; allowed: {allowed}"
            )
        return result

    # Not in `__call__`: engines look at its variables, and a coroutine object is like no other.
    def _begun(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        begun = self.function(*arguments, **named)
        if not inspect.iscoroutine(begun):
            raise UserCodeError(f"{self.what} returned {told(begun)}; allowed: a coroutine (async def)")
        return begun


@dataclass(frozen=True)
class OwnActors:
    """Who acts under a policy of the user's; `UserCodeError` is all that this, and their programs, raise."""

    function: Callable[[Any, Any], Iterable[Any]]
    what: str

    def __call__(self, setting: Any, policy: Any) -> Iterator[Actor]:
        """Each of them."""
        try:
            with printing_to_stderr():
                found = tuple(self.function(setting, policy))
        except BaseException as error:
            if is_real(error):
                raise
            raise UserCodeError(f"{self.what}(setting, policy) {what_it_did(error)}") from None
        for each in found:
            if type(each) is not Actor or type(each.kind) is not str or not callable(each.program):
                raise UserCodeError(
                    f"{self.what}(setting, policy) gave {told(each)}; allowed: an Actor of a kind and a program"
                )
            if each.kind in KINDS:
                gave = f"{self.what}(setting, policy) gave the actor {each.kind!r}"
                raise UserCodeError(f"{gave}; allowed: a name that nobody else has ({', '.join(sorted(KINDS))})")
            yield each._replace(program=OwnStep(each.program, f"{self.what}: {in_one_line(each.name)}", None))


def guarded_actors(function: Any, reference: str) -> Callable[[Any, Any], Iterable[Actor]]:
    """One of the `actors` of a policy, a function of a setting and the policy."""
    if _is_ours(function):
        return function  # type: ignore[no-any-return]
    return OwnActors(function, f"{reference}: actors: {told(function, lambda it: it.__name__)}")


def guarded_step(function: Any, name: str, reference: str) -> Step:
    """The step of a policy of this name; raises `UserCodeError` for one that is of no use."""
    what = f"{reference}: {name}"
    if not callable(function):
        raise UserCodeError(f"{what}: found {told(function)}; allowed: a coroutine function")
    if _is_ours(function):
        return function  # type: ignore[no-any-return]
    if not inspect.iscoroutinefunction(function) and inspect.isfunction(function):
        raise UserCodeError(f"{what}: found {told(function)}; allowed: a coroutine function (async def)")
    for line, why in mistakes_in(function):
        raise UserCodeError(f"{what}: line {line}: {why}")
    return OwnStep(function, what, RESULTS[name])


def _is_ours(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "batchsim" or isinstance(
        function, OwnStep | OwnActors
    )


def mistakes_in(function: Any) -> Iterator[tuple[int, str]]:
    """What nobody awaits, what asks the outside world, what is left behind: the lines, and what is wrong."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return
    known = inspect.getclosurevars(function)
    for node, written in _left_behind(tree, {**known.globals, **known.nonlocals}):
        yield (
            first + node.lineno - 1,
            f"{written} outlives the run, and the next one finds it; allowed: variables of its own, and cells",
        )
    names = {**known.builtins, **known.globals, **known.nonlocals}
    reached = {id(each) for node in ast.walk(tree) for each in _awaited(node)}
    used = {id(call) for node in ast.walk(tree) for call in _used_at_once(node)}
    used |= {id(call) for call in _kept_and_never_awaited(tree)}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        line, written, called = first + call.lineno - 1, ast.unparse(call), _called(call, names)
        missing = _missing_operation(call, names)
        if missing is not None:
            yield line, missing
            continue
        if called is time.sleep:
            yield line, f'{written} waits outside the model; allowed: `await sleep("100 ms")`, of batchsim.model'
        elif _home_of(called) in OUTSIDE or called is id or called is hash:
            yield line, f"{written} asks the outside world; allowed: what depends on answers and arguments alone"
        elif id(call) in used and id(call) not in reached and _is_awaitable(called):
            yield line, f"{written} is not awaited, so it does nothing; allowed: `await {written}`"


_CHANGING = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
)
"""Methods that change a list, a set or a dictionary."""


def _left_behind(tree: ast.AST, names: dict[str, Any]) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """Changes of what is no variable of the coroutine's own: `COUNT[0] += 1`, `SEEN.append(1)`."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Global):
            yield node, ast.unparse(node)
        elif isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
            kept = node.func.value
            if isinstance(kept, ast.Name) and isinstance(names.get(kept.id), list | set | dict):
                yield node, ast.unparse(node)
        for target in targets:
            part = target
            while isinstance(part, ast.Subscript | ast.Attribute):
                part = part.value
            if part is target or not isinstance(part, ast.Name):
                continue
            if part.id in names and not inspect.ismodule(names[part.id]):
                yield target, ast.unparse(node)


def _missing_operation(call: ast.Call, names: dict[str, Any]) -> str | None:
    """`redis.rpsh`: that there is no such ready-made operation; `None`: there is, or it is none."""
    function = call.func
    if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)):
        return None
    module = names.get(function.value.id)
    if not inspect.ismodule(module) or not module.__name__.startswith("batchsim.stores."):
        return None
    if hasattr(module, function.attr):
        return None
    known = [name for name, each in vars(module).items() if callable(each) and not name.startswith("_")]
    hint = did_you_mean(function.attr, known)
    return f"found {ast.unparse(function)}; allowed: an operation of {module.__name__}; {hint}".removesuffix("; ")


def _used_at_once(node: ast.AST) -> Iterator[ast.Call]:
    """Calls whose answers are looked at as they are, or not at all."""
    if isinstance(node, ast.Expr | ast.Compare | ast.If | ast.While | ast.BoolOp | ast.UnaryOp | ast.BinOp):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield child


def _kept_and_never_awaited(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls whose answers are kept under a name that nobody awaits: `number = redis.blpop("jobs")`."""
    awaited = {
        each.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Await)
        for each in ast.walk(node)
        if isinstance(each, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id not in awaited:
                yield node.value


def _awaited(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Await):
        yield node.value
        if isinstance(node.value, ast.Call):
            yield from node.value.args  # of `both` and `for_each`


def _called(call: ast.Call, names: dict[str, Any]) -> Any:
    parts: list[str] = []
    function: ast.expr = call.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name) or function.id not in names:
        return None
    found = names[function.id]
    for part in reversed(parts):
        found = getattr(found, part, None)
    return found


def _home_of(called: Any) -> str:
    if inspect.ismodule(called) or called is None:
        return ""
    owner = getattr(called, "__self__", None)
    # Of a method of a class (`datetime.now`), the class says where it is from.
    of_owner = owner.__module__ if inspect.isclass(owner) else type(owner).__module__
    home = getattr(called, "__module__", None) or (None if owner is None else of_owner)
    return str(home or "").partition(".")[0].removeprefix("_")


def _is_awaitable(called: Any) -> bool:
    if called in (both, for_each, sleep):
        return True
    if inspect.isclass(called):
        return issubclass(called, Operation | Both | ForEach)
    if inspect.iscoroutinefunction(called):
        return True
    return str(getattr(called, "__module__", "")).startswith("batchsim.stores.")
