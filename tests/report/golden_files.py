"""Golden files of reports.

`BATCHSIM_REWRITE_GOLDEN=1 pytest tests/report` writes them anew; then look at what changed.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str) -> None:
    """Assert that a text is that of a golden file, byte for byte."""
    file = FOLDER / name
    if os.environ.get("BATCHSIM_REWRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8", newline="\n")
    assert file.read_bytes() == text.encode()
