"""The random streams: SplitMix64, one stream for each coordinate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim.engines.streams import another, draw, stream_base


@pytest.mark.parametrize(
    ("seed", "outputs"),
    [
        (
            1234567,  # as in Rosetta Code, "Pseudo-random numbers/Splitmix64"
            [
                6457827717110365317,
                3203168211198807973,
                9817491932198370423,
                4593380528125082431,
                16408922859458223821,
            ],
        ),
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]),  # as in the JDK's and Vigna's
    ],
)
def test_the_draws_are_those_of_splitmix64(seed: int, outputs: list[int]) -> None:
    assert [draw(seed, use) for use in range(len(outputs))] == outputs
    assert another(seed) == outputs[0]


BASES_IN_ALL_VERSIONS = {
    (1, "sdk", "http.deliver", None): 9181633356910234181,
    (1, "consumer", "redis.record", 2): 14250986516017196729,
}
"""Computed apart: BLAKE2b of `1/sdk/http.deliver`, and the third output of SplitMix64 from the other's."""


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40))
def test_a_draw_has_64_bits(base: int, use: int) -> None:
    assert 0 <= draw(base, use) < 2**64


def test_streams_of_different_coordinates_have_nothing_in_common() -> None:
    coordinates = [
        (seed, kind, operation, number)
        for seed in (0, 1, 2**64 - 1)
        for kind in ("handler", "consumer", "sdk")
        for operation in ("redis.get_meta", "postgres.find_batch")
        for number in (None, 0, 1, 2, 11)
    ]
    draws = {draw(stream_base(*each), use) for each in coordinates for use in range(10)}
    assert len(draws) == 10 * len(coordinates)


@pytest.mark.parametrize(("place", "base"), BASES_IN_ALL_VERSIONS.items())
def test_a_seed_means_the_same_in_every_process(place: tuple[int, str, str, int | None], base: int) -> None:
    assert stream_base(*place) == base
