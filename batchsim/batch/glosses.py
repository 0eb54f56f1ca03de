"""What policies are, in two or three words beside their names: `pre3427` and `pr3427` differ by a letter."""

from __future__ import annotations

GLOSSES: dict[str, str] = {
    "pre3427": "bug",
    "pr3427_count_only": "first commit",
    "pr3427": "first fix",
    "pr3766": "second fix",
    "pr3777": "concurrent ingest",
    "pr4397": "latest",
    "pr4569": "heartbeat",
    "tombstone": "alternative",
    "local_count": "alternative",
    "seal_at_finalize": "alternative",
    "proposed": "proposal",
}
ALIASES: dict[str, str] = {
    gloss.replace(" ", "-"): name for name, gloss in GLOSSES.items() if gloss != "alternative"
}
"""Names by which options take policies too."""


def glossed(name: str) -> str:
    """`pre3427 (bug)`; another name as it is."""
    return f"{name} ({GLOSSES[name]})" if name in GLOSSES else name
