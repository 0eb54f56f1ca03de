"""What a step changes: cells that note what is written, with what was there before.

A value is noted as it is. A collection, which is changed in place, writes a *journal*; what is noted of it is how
long the journal was. So noting takes the same short time however large a collection is, and the collection as it
was is made when somebody asks for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from batchsim.model.cells import Cells, GuardedCells, Key, freeze, thaw

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Change:
    """A cell that a step wrote or deleted; `before` and `after` are equal where it wrote what was there."""

    __slots__ = ("_after", "_before", "key")

    def __init__(self, key: Key, before: Seen, after: Seen) -> None:
        self.key = key
        self._before = before
        self._after = after

    @property
    def before(self) -> Any:
        """The value before the step, frozen; `None`: the cell was absent."""
        return self._before.value()

    @property
    def after(self) -> Any:
        """The value after the step, frozen; `None`: the cell is absent."""
        return self._after.value()

    @property
    def is_there(self) -> bool:
        """Whether the cell is there after the step."""
        return self._after.held is not None

    @property
    def creates(self) -> bool:
        """Whether the cell was absent before, and is there now."""
        return self._before.held is None and self._after.held is not None

    @property
    def deletes(self) -> bool:
        """Whether the cell was there before, and is absent now."""
        return self._before.held is not None and self._after.held is None

    def __repr__(self) -> str:
        return f"Change({self.key!r}, {self.before!r} -> {self.after!r})"


class Seen(NamedTuple):
    """What a cell held at one moment."""

    held: Any
    """The value, or the journal of the collection; `None`: nothing."""
    length: int
    """How long the journal was."""

    def value(self) -> Any:
        """The value, frozen."""
        return self.held.value(self.length) if isinstance(self.held, Journal) else self.held


Notes = tuple[Any, ...]
"""What a step wrote: of each cell its key, what was held before and after, and how long journals were.

It is flat, as there is one for every step of a run.
"""
OF_EACH = 5
"""So many entries there are for a cell."""


def keys_in(notes: Notes) -> tuple[Key, ...]:
    """The keys of the cells that notes tell of."""
    return notes[::OF_EACH]


def changes_in(notes: Notes) -> Iterator[Change]:
    """The changes that notes tell of, in the order in which cells were first written."""
    for place in range(0, len(notes), OF_EACH):
        key, before, before_length, after, after_length = notes[place : place + OF_EACH]
        yield Change(key, Seen(before, before_length), Seen(after, after_length))


# -- collections -------------------------------------------------------------------------------


class Journal:
    """What a collection held at first, and every change that was made to it since."""

    __slots__ = ("changes", "first")

    def __init__(self, first: Hashable) -> None:
        self.first = first
        self.changes: list[Any] = []
        """In turn the method that was called, and with what: with one thing, and `__setitem__` with a pair.

        Without a name, the whole value was noted. It is one list, as a queue that was empty has a new journal.
        """

    def note(self, method: str, argument: Any) -> None:
        """One more change."""
        self.changes += method, argument

    def value(self, length: int) -> Hashable:
        """The collection, frozen, when the journal was so long."""
        collection = thaw(self.first)
        noted = iter(self.changes[:length])
        for method, argument in zip(noted, noted, strict=True):
            if method == "__setitem__":
                collection[argument[0]] = argument[1]
            elif method:
                getattr(collection, method)(argument)
            else:
                collection = thaw(argument)
        return freeze(collection)

    def has_changed(self, earlier: int, later: int) -> bool:
        """Whether the value is another one where the journal is longer."""
        # One is a change; of several, one may take back what another did.
        return later == earlier + 2 or (later != earlier and self.value(later) != self.value(earlier))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Journal):
            return NotImplemented
        return (self.first, self.changes) == (other.first, other.changes)

    def __hash__(self) -> int:
        # It grows, and steps are hashed by what they hold.
        return 0

    def __repr__(self) -> str:
        return f"Journal({self.first!r}, of {len(self.changes)})"


def _journaled(*rest: str) -> Callable[[C], C]:
    """A class of collections that write a journal; by `rest`, methods after which the whole value is noted.

    Its own methods, those that the stores use, note what they do, and only where it changes something.
    """

    def complete(journaled: C) -> C:
        for method in rest:
            setattr(journaled, method, _noting_whole(getattr(journaled, method)))
        return journaled

    return complete


def _noting_whole(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def noting(self: Any, *arguments: Any, **named: Any) -> Any:
        before = freeze(self)
        answer = method(self, *arguments, **named)
        after = freeze(self)
        if after != before:
            self.journal.note("", after)
        return answer

    return noting


@_journaled(
    "discard", "remove", "clear", "pop", "update", "difference_update", "intersection_update",
    "symmetric_difference_update", "__iand__", "__ior__", "__isub__", "__ixor__",
)  # fmt: skip
class _Set(set[Any]):
    __slots__ = ("journal",)
    journal: Journal

    def add(self, member: Any) -> None:
        if member not in self:
            set.add(self, member)
            self.journal.note("add", member)


@_journaled("__delitem__", "clear", "pop", "popitem", "setdefault", "update", "__ior__")
class _SortedSet(dict[Any, Any]):
    __slots__ = ("journal",)
    journal: Journal

    def __setitem__(self, member: Any, score: Any) -> None:
        if member not in self or self[member] != score:
            dict.__setitem__(self, member, score)
            self.journal.note("__setitem__", (member, score))


@_journaled(
    "clear", "extend", "insert", "pop", "remove", "reverse", "sort", "__setitem__", "__delitem__",
    "__iadd__", "__imul__",
)  # fmt: skip
class _List(list[Any]):
    __slots__ = ("journal",)
    journal: Journal

    def append(self, element: Any) -> None:
        list.append(self, element)
        self.journal.note("append", element)


@_journaled(
    "appendleft", "clear", "extend", "extendleft", "insert", "pop", "popleft", "reverse", "rotate",
    "__iadd__", "__imul__",
)  # fmt: skip
class _Queue(deque[Any]):
    __slots__ = ("journal",)
    journal: Journal

    def append(self, element: Any) -> None:
        deque.append(self, element)
        self.journal.note("append", element)

    def remove(self, element: Any) -> None:
        deque.remove(self, element)
        self.journal.note("remove", element)

    def __setitem__(self, place: Any, element: Any) -> None:
        if self[place] != element:
            deque.__setitem__(self, place, element)
            self.journal.note("__setitem__", (place, element))

    def __delitem__(self, place: Any) -> None:
        deque.__delitem__(self, place)
        self.journal.note("__delitem__", place)


_JOURNALED: dict[type, type[Any]] = {set: _Set, dict: _SortedSet, list: _List, deque: _Queue}
_EMPTY = {kind: freeze(kind()) for kind in _JOURNALED}
_WITH_JOURNAL = frozenset(_JOURNALED.values())


def _with_journal(value: Any) -> Any:
    """A collection like this one that writes a journal."""
    collection = _JOURNALED[value.__class__](value)
    collection.journal = Journal(freeze(value) if value else _EMPTY[value.__class__])
    return collection


# -- cells -------------------------------------------------------------------------------------


# Of the dictionary alone: what is guarded is guarded above.
_get, _has, _set, _pop = dict.get, dict.__contains__, dict.__setitem__, dict.pop


class RecordedCells(Cells):
    """Cells that note what is written, until somebody takes it."""

    # Without slots, so that cells can be guarded, too.

    def __init__(self, cells: Mapping[Key, Any]) -> None:
        super().__init__(cells)
        self._before: dict[Key, Any] = {}
        """What was held, of the cells that may have been written since notes were taken."""
        self._lengths: dict[Key, int] = {}
        """Of those that held a collection, how long its journal was."""

    def modify(self, key: Key, empty: Callable[[], T]) -> T:
        """As in `Cells`; what is then changed in place is noted."""
        value: Any = _get(self, key)
        there = value
        if value.__class__ not in _WITH_JOURNAL:
            if value is None:
                value = empty()
            if value.__class__ in _JOURNALED:
                value = _with_journal(value)
            _set(self, key, value)
        if key not in self._before:
            if there is None:
                self._before[key] = None
            elif value.__class__ in _WITH_JOURNAL:
                self._note(key, value)
        return value  # type: ignore[no-any-return]

    def write(self, key: Key, value: Hashable) -> None:
        """As in `Cells`; noted, be it the same value again."""
        if key not in self._before:
            self._note(key, _get(self, key))
        _set(self, key, value)

    def delete(self, key: Key) -> bool:
        """As in `Cells`; noted, if it was there."""
        if key not in self._before and _has(self, key):
            self._note(key, _get(self, key))
        return _pop(self, key, None) is not None

    def _note(self, key: Key, there: Any) -> None:
        if there.__class__ in _WITH_JOURNAL:
            self._before[key] = there.journal
            self._lengths[key] = len(there.journal.changes)
        else:
            self._before[key] = there

    def take_notes(self) -> Notes:
        """What was written since they were taken last."""
        if not self._before:
            return ()
        notes: list[Any] = []
        for key, before in self._before.items():
            after: Any = _get(self, key)
            before_length = after_length = 0
            if after.__class__ in _WITH_JOURNAL:
                after = after.journal
                after_length = len(after.changes)
            elif before is None and after is None:
                continue
            if before.__class__ is Journal:
                before_length = self._lengths[key]
                if after is before and not before.has_changed(before_length, after_length):
                    continue
                is_another = after is not before and after.__class__ is Journal
                if is_another and before.value(before_length) == after.value(after_length):
                    continue  # deleted, and made anew as it was
            notes += key, before, before_length, after, after_length
        self._before.clear()
        return tuple(notes)


class InstrumentedCells(GuardedCells, RecordedCells):
    """Cells that admit one operation's footprint and nothing else, and note what is written."""

    # What a step writes as to a dictionary is noted, too.

    def __setitem__(self, key: Key, value: Any) -> None:
        self._note_first(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: Key) -> None:
        self._note_first(key)
        super().__delitem__(key)

    def pop(self, key: Key, *default: Any) -> Any:
        """As of a dictionary."""
        self._note_first(key)
        return super().pop(key, *default)

    def setdefault(self, key: Key, default: Any = None) -> Any:
        """As of a dictionary."""
        self._note_first(key)
        return super().setdefault(key, default)

    def _note_first(self, key: Key) -> None:
        if self.is_guarded and key not in self._before:
            self._note(key, _get(self, key))
