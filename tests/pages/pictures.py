"""Pictures of pages: those of the README, and those that the visual test holds pages against.

python -m tests.pages.pictures        # `make pictures`: takes them anew
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.pages.conftest import CHROMIUM, FLAGS, ROOT, written

GOLDEN = Path(__file__).parent / "golden"
README = ROOT / "docs" / "pictures"
LOOKS = [(width, scheme) for width in (360, 1280) for scheme in ("light", "dark")]
LINK = "#step=30&policy=pre3427"
RACE = "#step=31&policy=pre3427"
"""The count, just after the cleanup."""
BESIDE = "#step=33&policy=pre3427&with=pr3766"
POLICIES = ("--policy", "pre3427", "--policy", "pr3766")
MAP = (
    *(
        "--policy",
        "pre3427",
        "--runs",
        "200",
        "--vary",
        "latency.operations.redis.enqueued_count.request=10 ms..90 ms:9",
    ),
    *("--vary", "latency.operations.queue.take.response=0 ms..50 ms:6"),
)


def taken(browser: Any, file: Path, link: str, width: int, scheme: str, part: str = "") -> bytes:
    """A picture of what one sees first, or of a part of the page."""
    (picture,) = all_taken(browser, file, link, width, scheme, (part,))
    return picture


def all_taken(browser: Any, file: Path, link: str, width: int, scheme: str, parts: tuple[str, ...]) -> list[bytes]:
    """Pictures of what one sees first (no part), and of parts of the page."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{file.as_uri()}{link}")
    page.wait_for_selector("#app > section")
    page.wait_for_timeout(300)
    pictures = []
    for part in parts:
        if part:
            # The bar at the top would be in the picture of a long part.
            page.add_style_tag(content="nav.parts { position: static !important; }")
            pictures.append(page.locator(part).first.screenshot())
        else:
            pictures.append(page.screenshot())
    page.close()
    return pictures


def golden_pictures(browser: Any, incident: Path) -> Iterator[tuple[str, bytes]]:
    """What the visual test looks at, by the names of the files."""
    for width, scheme in LOOKS:
        top, lanes = all_taken(browser, incident, LINK, width, scheme, ("", ".lanes"))
        yield f"top-{width}-{scheme}.png", top
        yield f"lanes-{width}-{scheme}.png", lanes


def readme_pictures(browser: Any, folder: Path, incident: Path) -> Iterator[tuple[str, bytes]]:
    """Those of the README."""
    yield "incident-timeline.png", taken(browser, incident, RACE, 1280, "light", ".lanes")
    yield "incident-stepper.png", taken(browser, incident, LINK, 1280, "light", "#step")
    yield "incident-beside.png", taken(browser, incident, BESIDE, 1280, "light", ".lanes")
    yield "incident-window.png", taken(browser, incident, LINK, 1280, "light", "article.window")
    yield (
        "incident-map.png",
        taken(browser, written(folder, "sweep", "scenarios/incident.yaml", *MAP), "", 1280, "light", "figure"),
    )


def main() -> None:
    """Take all of them."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        incident = written(folder, "run", "scenarios/incident.yaml", *POLICIES)
        incident = incident.rename(folder / "incident.html")
        for directory, pictures in (
            (GOLDEN, golden_pictures(browser, incident)),
            (README, readme_pictures(browser, folder, incident)),
        ):
            directory.mkdir(exist_ok=True)
            for file, picture in pictures:
                (directory / file).write_bytes(picture)
                print(directory / file, len(picture))
        browser.close()


if __name__ == "__main__":
    main()
