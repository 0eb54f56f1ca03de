"""A real browser, and pages to open in it; without a browser these tests are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batchsim.cli import main
from tests.short import short_pages

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Opened:
    """A page in the browser, and what it complained of or asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def press(self, key: str) -> None:
        """Press a key in the list of steps."""
        self.page.evaluate("document.querySelector('.steps').focus({preventScroll: true})")
        self.page.keyboard.press(key)

    @property
    def told(self) -> str:
        """The line that says which step it is."""
        return str(self.page.locator("#step .told").inner_text())

    @property
    def link(self) -> dict[str, str]:
        """What stands in the address."""
        hash_ = str(self.page.evaluate("location.hash")).removeprefix("#")
        return dict(part.split("=", 1) for part in hash_.split("&") if part)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Opened]]:
    pages: list[Any] = []

    def open_it(file: Path, link: str = "", *, width: int = 1280, scheme: str = "light") -> Opened:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        page.set_default_timeout(10_000)
        opened = Opened(page)
        page.goto(f"{file.as_uri()}{link}")
        page.wait_for_selector("h1")
        if page.locator("#app").count() and 'id="step"' not in file.name and "index" not in file.name:
            page.wait_for_selector("#app > section")
        return opened

    yield open_it
    for page in pages:
        page.close()


def written(folder: Path, *arguments: str) -> Path:
    """The page that a command writes."""
    file = folder / "page.html"
    batchsim(*arguments, "--html", str(file), "--quiet")
    return file


def batchsim(*arguments: str) -> None:
    """Run a command where the scenarios are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        with pytest.raises(SystemExit):
            main(arguments)


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the incident under the bug and the fix, with as few runs as make it quick."""
    policies = ("--policy", "pre3427", "--policy", "pr3766")
    return written(tmp_path_factory.mktemp("incident"), "run", "scenarios/incident.yaml", *policies)


@pytest.fixture(scope="session")
def chord(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a system that is no batch."""
    with pytest.MonkeyPatch.context() as patch:
        short_pages(patch)
        return written(tmp_path_factory.mktemp("chord"), "run", "examples/chord.yaml")
