"""Draws that are made before they are needed, for many seeds at once.

Runs of one scenario draw from the same streams, about as often. So what runs have drawn so far is drawn for the
next ones in a few operations on arrays; what these need beyond that, they draw themselves. A draw is the same
either way, as it depends on nothing but its coordinates (`streams.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.latencies import DrawnAhead, Stream
from batchsim.engines.streams import MULTIPLIER_1, MULTIPLIER_2, STRIDE, bases_of, stream_name

DRAWS_AT_ONCE = 100_000
"""At most so many, which take some megabytes."""
_Bits = NDArray[np.uint64]


class DrawingAhead:
    """Knows how much of each stream runs have drawn so far."""

    def __init__(self) -> None:
        self._counts: dict[Stream, int] = {}

    def note(self, stream: Stream, use: int) -> None:
        """A run needed a draw that was not made ahead."""
        self._counts[stream] = max(use + 1, self._counts.get(stream, 0))

    def draw(self, seeds: Sequence[int]) -> Iterator[tuple[int, DrawnAhead]]:
        """Each seed, with draws that a run under it will probably need."""
        begin = 0
        while begin < len(seeds):
            # For as many runs as there were, as what is known of streams grows with them.
            end = begin + max(1, min(begin, DRAWS_AT_ONCE // max(1, sum(self._counts.values()))))
            yield from self._draw_at_once(seeds[begin:end])
            begin = end

    def _draw_at_once(self, seeds: Sequence[int]) -> Iterator[tuple[int, DrawnAhead]]:
        counts = tuple(self._counts.values())
        ends = tuple(accumulate(counts))
        places = {
            stream: (end - count, count) for stream, count, end in zip(self._counts, counts, ends, strict=True)
        }
        uses = np.array([use for count in counts for use in range(count)], dtype=np.uint64)
        rows = _draws(np.repeat(self._bases(seeds), counts, axis=1), uses)
        for seed, row in zip(seeds, rows.tolist(), strict=True):
            yield seed, DrawnAhead(places, row, self.note)

    def _bases(self, seeds: Sequence[int]) -> _Bits:
        """Where the streams begin, by seed and stream."""
        kinds = {(kind, name): None for kind, _, name in self._counts}
        columns = {each: column for column, each in enumerate(kinds)}
        names = [stream_name(*each) for each in kinds]
        of_kind = np.array([bases_of(seed, names) for seed in seeds], dtype=np.uint64)
        bases = of_kind.reshape(len(seeds), len(kinds))[:, [columns[kind, name] for kind, _, name in self._counts]]
        numbers = np.array([-1 if number is None else number for _, number, _ in self._counts])
        numbered = numbers >= 0
        bases[:, numbered] = _draws(bases[:, numbered], numbers[numbered].astype(np.uint64))
        return bases


def _draws(bases: _Bits, uses: _Bits) -> _Bits:
    """`streams.draw` of each, with the arithmetic modulo 2**64 that arrays have anyway."""
    states: _Bits = bases + (uses + np.uint64(1)) * np.uint64(STRIDE)
    bits: _Bits = (states ^ states >> np.uint64(30)) * np.uint64(MULTIPLIER_1)
    bits = (bits ^ bits >> np.uint64(27)) * np.uint64(MULTIPLIER_2)
    bits ^= bits >> np.uint64(31)
    return bits
