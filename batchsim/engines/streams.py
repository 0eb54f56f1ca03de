"""Random streams that nobody shares: one for each (seed, actor, operation).

The n-th draw of a stream is a hash of its four coordinates (SplitMix64 over a BLAKE2b base; Steele,
Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014). So two policies under
one seed draw the same numbers, and another actor shifts nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from struct import unpack

MASK = (1 << 64) - 1
STRIDE = 0x9E3779B97F4A7C15
MULTIPLIER_1 = 0xBF58476D1CE4E5B9
MULTIPLIER_2 = 0x94D049BB133111EB


def stream_base(seed: int, actor_kind: str, operation: str, actor_number: int | None = None) -> int:
    """The 64 bits in which the stream of an actor for an operation begins."""
    base = _base_of_kind(seed, actor_kind, operation)
    return base if actor_number is None else bits_of((base + (actor_number + 1) * STRIDE) & MASK)


@lru_cache(maxsize=256)
def _base_of_kind(seed: int, actor_kind: str, operation: str) -> int:
    (base,) = bases_of(seed, (stream_name(actor_kind, operation),))
    return base


def stream_name(actor_kind: str, operation: str) -> bytes:
    """What the streams of all actors of a kind for an operation are told apart by under one seed."""
    return f"{actor_kind}/{operation}".encode()


def bases_of(seed: int, names: Iterable[bytes]) -> list[int]:
    """`stream_base` of several names under one seed, for the actor that is alone of its kind."""
    bases, hashed = [], _hashed_seed(seed)
    for each in names:
        name = hashed.copy()
        name.update(each)
        bases.append(int.from_bytes(name.digest(), "big"))
    return bases


@lru_cache(maxsize=1)
def _hashed_seed(seed: int) -> blake2b:
    """What all streams of a run have in common."""
    return blake2b(f"{seed}/".encode(), digest_size=8)


def draw(base: int, use: int) -> int:
    """The draw number `use`, from 0, of the stream: 64 bits."""
    return bits_of((base + (use + 1) * STRIDE) & MASK)


def bits_of(state: int) -> int:
    """The draw of a stream at a state; the next state is `STRIDE` further, modulo 2**64."""
    bits = (state ^ state >> 30) * MULTIPLIER_1 & MASK
    bits = (bits ^ bits >> 27) * MULTIPLIER_2 & MASK
    return bits ^ bits >> 31


def draws_from(base: int, use: int, count: int) -> Sequence[int]:
    """`draw` of so many uses, this one and those after it, at a third of the price if they are many.

    The states stand side by side in one long integer, 64 bits and room for a product in each place, so that one
    operation on it is that operation on all of them.
    """
    if count < _MANY:
        return [draw(base, each) for each in range(use, use + count)]
    ones, strides, low_64 = _places(count)
    states = ((base + use * STRIDE & MASK) * ones + strides) & low_64
    bits = (states ^ states >> 30 & low_64) * MULTIPLIER_1 & low_64
    bits = (bits ^ bits >> 27 & low_64) * MULTIPLIER_2 & low_64
    bits ^= bits >> 31 & low_64
    return unpack(f"<{2 * count}Q", bits.to_bytes(16 * count, "little"))[::2]


_MANY = 4


@cache
def _places(count: int) -> tuple[int, int, int]:
    """A one in each place, the strides to each state, and in each place the lowest 64 bits."""
    ones = sum(1 << 128 * place for place in range(count))
    strides = sum((place + 1) * STRIDE % (MASK + 1) << 128 * place for place in range(count))
    return ones, strides, ones * MASK


def another(bits: int) -> int:
    """A second draw that belongs to the first."""
    return draw(bits, 0)


_BITS = 53
"""As many of the 64 bits as a float holds exactly."""


def number_of(bits: int) -> float:
    """64 bits as a number from 0 to 1, 1 excluded."""
    return (bits >> (64 - _BITS)) / (1 << _BITS)
