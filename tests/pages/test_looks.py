"""Pages look as they did when somebody looked at them; `make pictures` takes the pictures anew."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from tests.pages.pictures import GOLDEN, golden_pictures

DIFFERENT = 0.2
"""By so much of its range a colour has to differ."""
SHARE_MAX = 0.02
"""So many pixels may: another version of the browser sets letters a little otherwise."""


def test_pages_look_as_they_did(browser: Any, incident: Path) -> None:
    if shutil.which("fc-match") is None or "DejaVu Sans" not in font():
        pytest.skip("the pictures were taken with DejaVu Sans")
    for name, picture in golden_pictures(browser, incident):
        now, before = (imread(each)[..., :3] for each in (BytesIO(picture), GOLDEN / name))
        assert abs(now.shape[0] - before.shape[0]) <= 4, name
        rows = min(now.shape[0], before.shape[0])
        apart = (np.abs(now[:rows] - before[:rows]) > DIFFERENT).any(axis=2)
        assert apart.mean() < SHARE_MAX, name


def font() -> str:
    """What the browser takes for the font of the system."""
    return subprocess.run(["fc-match", "system-ui"], capture_output=True, text=True, check=True).stdout
