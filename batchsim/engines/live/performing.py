"""How an operation is done on real servers: as one command, as a script, or as a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any

from batchsim.engines.live import commands
from batchsim.engines.live.cells import Conflict, Lines, LiveCells
from batchsim.engines.live.keys import Store, store_of
from batchsim.engines.live.scripts import Asking, NoCells, NoScript, Script, script_of, tree_of
from batchsim.engines.live.servers import telling
from batchsim.model.cells import Cells, Key, freeze
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation
from batchsim.model.system import System

TRIES_MAX = 1000
"""So often an operation is done again as somebody else was there."""

Choose = Callable[[tuple[Alternative, ...]], Alternative | None]
"""Which of its ways an operation takes; `None`: none now."""


class _Sentinel(Enum):
    BLOCKED = auto()
    AS_IT_IS = auto()


BLOCKED = _Sentinel.BLOCKED
"""In place of an answer: the operation has to wait."""
AS_IT_IS = _Sentinel.AS_IT_IS
"""In place of a script: the operation is one command."""


def first_of(alternatives: tuple[Alternative, ...]) -> Alternative | None:
    """The first way, if there is any."""
    return alternatives[0] if alternatives else None


def _is_memory(key: Key) -> bool:
    return store_of(key) is Store.MEMORY


class LiveSystem:
    """A system whose cells are on real servers, under a name of its own."""

    def __init__(self, system: System[Any], lines: Lines, name: str) -> None:
        self.system = system
        self.cells = LiveCells(lines, name, system.cells)
        self.world = system.world(self.cells)
        self._native = system.world(self.cells)
        self._has_commands = hasattr(self._native, "redis")
        if self._has_commands:
            self._native.redis = commands.Commands(self.cells)
        self._programs: dict[Operation[Any], Script | _Sentinel | None] = {}

    def begin(self) -> None:
        """Make tables, and put the first values where they belong."""
        first = Cells()
        self.system.begin(first)
        self.cells.make_tables()
        values = {key: freeze(value) for key, value in first.items()}
        self.cells.remember({key: value for key, value in values.items() if _is_memory(key)})
        stored = {key: value for key, value in values.items() if not _is_memory(key)}
        if stored:
            self.cells.impose(stored)

    def perform(self, operation: Operation[Any], choose: Choose = first_of, *, is_forced: bool = False) -> Any:
        """Let an operation take effect; its answer, or `BLOCKED`.

        `is_forced`: it is not asked how it can turn out, as a fault lets it act.
        """
        bare = operation.bare
        if commands.is_ready_made(bare) and operation.on_its_cells is bare:
            return self._ready_made(bare)
        if is_forced:
            return self._transact(operation, None)
        if not operation.has_alternatives:
            program = self._program_of(operation)
            if program is AS_IT_IS:
                return operation.apply(self._native)
            if isinstance(program, Script):
                return self._run(operation, program)
        return self._transact(operation, choose)

    def _ready_made(self, operation: Operation[Any]) -> Any:
        answer = commands.perform(self.cells, operation)
        return BLOCKED if answer is None and isinstance(operation, BlockingOperation) else answer

    # -- one command, or a script ------------------------------------------------------------------

    def _program_of(self, operation: Operation[Any]) -> Script | _Sentinel | None:
        """A script, or one command as it is; `None`: neither."""
        if not self._has_commands:
            return None
        if operation not in self._programs:
            self._programs[operation] = self._derived(operation)
        return self._programs[operation]

    def _derived(self, operation: Operation[Any]) -> Script | _Sentinel | None:
        footprint = operation.footprint()
        touched = footprint.reads | footprint.writes
        stored = [key for key in touched if not _is_memory(key)]
        if not stored or any(store_of(key) is not Store.REDIS for key in stored):
            return None

        def apply(asking: Asking) -> Any:
            world = self.system.world(NoCells(_is_memory))
            world.redis = asking
            return operation.apply(world)

        try:
            tree = tree_of(apply)
        except NoScript:
            # Where it writes nothing and looks at one key, nothing can come between.
            return AS_IT_IS if len(touched) == 1 and not footprint.writes else None
        if tree is None:
            return None
        return AS_IT_IS if tree.is_single and len(stored) == len(touched) else script_of(tree)

    def _run(self, operation: Operation[Any], script: Script) -> Any:
        cells = self.cells
        keys = [cells.redis.key(key) for key in script.keys]
        with telling("Redis"):
            answers = cells.lines.redis().register_script(script.text)(keys, list(script.words))
        memory = frozenset(filter(_is_memory, operation.footprint().reads | operation.footprint().writes))
        while True:
            with cells.unit(Footprint(memory, memory)) as unit:
                world = self.system.world(cells)
                world.redis = Asking(tuple(answers))
                answer = operation.apply(world)
                if unit.commit():
                    return answer

    # -- a transaction -------------------------------------------------------------------------------

    def _transact(self, operation: Operation[Any], choose: Choose | None) -> Any:
        footprint = operation.footprint()
        for _ in range(TRIES_MAX):
            with self.cells.unit(footprint) as unit:
                try:
                    answer = self._applied(operation, choose)
                    if answer is BLOCKED or unit.commit():
                        return answer
                except Conflict:
                    continue
        raise AssertionError(f"{operation.name}: {TRIES_MAX} times somebody else was there")

    def _applied(self, operation: Operation[Any], choose: Choose | None) -> Any:
        if choose is None or not operation.has_alternatives:
            return operation.apply(self.world)
        chosen = choose(operation.alternatives(self.world))
        return BLOCKED if chosen is None else operation.apply_alternative(self.world, chosen)

    # -- as a whole ------------------------------------------------------------------------------------

    def contents(self, cells: Iterable[Key] | None = None) -> dict[Key, Any]:
        """What stores hold, frozen; `None`: all cells that are listed."""
        listed = self.system.cells if cells is None else cells
        return self.cells.contents(cell for cell in listed if not _is_memory(cell))
