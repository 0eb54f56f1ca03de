"""How many examples a costly property test tries.

The suite tries the same ones in every run, so that more of them would say the same again and again; new ones are
looked for by `python -m tests.search`, of which `make test` runs a short round and `make search` an hour.
"""

from __future__ import annotations

from hypothesis import settings


def examples(usual: int, *, searched: int) -> int:
    """So many in the suite, and so many in a search."""
    return usual if settings.default is None or settings.default.derandomize else searched
