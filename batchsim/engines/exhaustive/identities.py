"""Identities: along a path of the graph, which actor is meant by each place of a state.

Where states do not tell actors apart (`symmetry.py`), any one that could take a step may be said to take it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.engines.exhaustive.moves import Move, StepKind
from batchsim.engines.values import ABSENT
from batchsim.model.operation import Operation


class ActorIdentity(NamedTuple):
    """One actor."""

    role: Role
    twin: int

    @property
    def name(self) -> str:
        """The name under which people see it."""
        return self.role.actors[self.twin].name


class Identities:
    """Where each actor is; at first, all are at their beginning."""

    def __init__(self, layout: Layout) -> None:
        self._locals = {id(role): [0] * len(role.actors) for role in layout.roles}
        self._cells = {id(role): column for role, column in layout.exchangeable}
        self._contents = dict.fromkeys(self._cells.values(), ABSENT)
        self._exchangeable = [ActorIdentity(role, 0) for role, _ in layout.exchangeable]

    def who_takes(self, kind: StepKind, row: Sequence[int]) -> ActorIdentity:
        """One who can be meant by a step that leaves a state."""
        if id(kind.role) in self._cells:
            return next(each for each in self._exchangeable if self.can_take(each, kind, row))
        return ActorIdentity(kind.role, self._locals[id(kind.role)].index(kind.local))

    def can_take(self, identity: ActorIdentity, kind: StepKind, row: Sequence[int]) -> bool:
        """Whether an actor can be meant by a step that leaves a state."""
        role, twin = identity
        if self._locals[id(role)][twin] != kind.local:
            return False
        cell, cell_of_kind = self._cells.get(id(role)), self._cells.get(id(kind.role))
        if cell is None or cell_of_kind is None:
            return role is kind.role
        return self._contents[cell] == row[cell_of_kind]

    def operation(self, identity: ActorIdentity, kind: StepKind) -> Operation[Any]:
        """What the actor does who is meant by a step."""
        return identity.role.locals[kind.local].pending[kind.position].operation

    def take(self, identity: ActorIdentity, kind: StepKind, row: Sequence[int], move: Move) -> None:
        """An actor takes a step that leaves a state."""
        self._locals[id(identity.role)][identity.twin] = move.local
        own, own_of_kind = self._cells.get(id(identity.role)), self._cells.get(id(kind.role))
        for column, content in zip(kind.columns, move.cells, strict=True):
            if column in self._contents and content != row[column]:
                self._contents[own if own is not None and column == own_of_kind else column] = content
