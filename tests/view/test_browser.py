"""The page in headless Chromium: from a file without a network, and from the server.

Needs Chromium on the path and playwright, which drives it; `make test-browser` installs the latter.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shardsim.view.export import export
from shardsim.view.page import Desk
from shardsim.view.server import HOST, application, bound

FRAME = 16.0  # ms
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
ARROWS = "document.querySelector('.policy .arrows').getAttribute('d')"

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: make test-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on the PATH: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser) -> Iterator[Any]:
    """A tab in which anything that goes wrong fails the test."""
    tab = browser.new_page(viewport={"width": 1400, "height": 950})
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: said.type == "error" and wrong.append(said.text))
    yield tab
    tab.close()
    assert not wrong


@pytest.fixture(scope="module")
def file(built_run, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("browser") / "view.html"
    export(built_run, path)
    return path.as_uri()


@pytest.fixture(scope="module")
def address(desk: Desk) -> Iterator[str]:
    uvicorn = pytest.importorskip("uvicorn", reason="the extra `view` is not installed")
    desk.warm()
    listening = bound(0)
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        application(desk, port), log_level="error", ws="websockets-sansio", lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    serving.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://{HOST}:{port}/"
    server.should_exit = True
    serving.join(10)
    listening.close()


def opened(page: Any, address: str) -> Any:
    page.goto(address)
    page.wait_for_selector(".numbers table")
    return page


def until(page: Any, script: str) -> None:
    """Wait until it holds; the page's own policy forbids playwright's way, which evaluates text."""
    end = time.monotonic() + 10
    while not page.evaluate(script):
        assert time.monotonic() < end, script
        page.wait_for_timeout(20)


def middle(page: Any, row: int, column: int) -> tuple[float, float]:
    """Where a cell of the first board is on the screen."""
    box = page.locator(".policy svg").first.bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / 5, box["y"] + (row + 0.5) * box["height"] / 5


def cheese(page: Any) -> tuple[int, int]:
    """Row and column of the first object that is drawn."""
    script = "(({cx, cy}) => [cy.baseVal.value, cx.baseVal.value])"
    row, column = page.eval_on_selector(".policy circle.object", script)
    return int(row), int(column)


def free_cells(desk: Desk) -> list[tuple[int, int]]:
    edit = desk.level(desk.number)[1]
    taken = {int(cell) for row in edit.cells[:2] for cell in row}
    cells = [int(cell) for cell in np.flatnonzero(~edit.walls.reshape(-1)) if cell not in taken]
    return [divmod(cell, 5) for cell in cells]


def test_the_file_works_without_a_network_and_redraws_within_a_frame(page, file, desk):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    opened(page, file)
    before, cells = page.evaluate(ARROWS), free_cells(desk)
    page.mouse.move(*middle(page, *cheese(page)))
    page.mouse.down()
    for turn in range(60):
        page.mouse.move(*middle(page, *cells[turn % len(cells)]))
        page.wait_for_timeout(18)
    page.mouse.up()
    assert cheese(page) == cells[59 % len(cells)] and page.evaluate(ARROWS) != before
    took = page.evaluate("performance.getEntriesByName('redraw').map((one) => one.duration)")
    assert len(took) > 50 and np.quantile(took, 0.95) <= FRAME
    assert [url.partition(":")[0] for url in asked] == ["file"] + ["data"] * (len(asked) - 1)


def test_a_link_shows_the_same_state(page, browser, file, desk):
    opened(page, file)
    page.get_by_label("2 corner").check()
    page.get_by_label("the fitted model").check()
    page.get_by_role("slider").press("ArrowLeft")
    page.mouse.move(*middle(page, *cheese(page)))
    page.mouse.down()
    page.mouse.move(*middle(page, *free_cells(desk)[0]))
    page.mouse.up()
    until(page, "location.hash.includes('off=1') && location.hash.includes('cells')")
    again = browser.new_page()
    opened(again, page.url)
    assert again.evaluate(ARROWS) == page.evaluate(ARROWS)
    assert again.get_by_label("2 corner").is_checked() and cheese(again) == cheese(page)
    said = again.locator(".moment output").inner_text()
    assert said == page.locator(".moment output").inner_text() and "env steps" in said
    again.close()


def test_the_keyboard_moves_the_cheese_and_what_happens_is_said(page, file, desk):
    opened(page, file)
    row, column = cheese(page)
    board = page.locator(".policy svg").first
    board.focus()
    at = np.array(divmod(_agent(page), 5))
    for key, away in (
        ("Arrow" + ("Down" if row > at[0] else "Up"), abs(row - at[0])),
        ("Arrow" + ("Right" if column > at[1] else "Left"), abs(column - at[1])),
    ):
        for _ in range(away):
            board.press(key)
    assert "cheese" in page.locator(".said").inner_text()
    board.press("Delete")
    until(page, "document.querySelectorAll('.policy circle.object').length === 1")
    assert "cheese removed" in page.locator(".said").inner_text()
    page.get_by_role("button", name="Put everything back").click()
    until(page, "document.querySelectorAll('.policy circle.object').length === 2")
    assert cheese(page) == (row, column)


def _agent(page: Any) -> int:
    """The agent's cell, from its mark."""
    script = "(mark) => Math.floor(mark.y.baseVal.value) * 5 + Math.floor(mark.x.baseVal.value)"
    return int(page.eval_on_selector(".policy rect.agent", script))


def test_every_control_has_a_name_and_both_themes_are_drawn(page, file):
    opened(page, file)
    for control in page.locator("input, select, button, svg[tabindex]").all():
        name = control.evaluate(
            "(one) => one.labels?.[0]?.textContent || one.ariaLabel || one.textContent"
        )
        assert name.strip()
    colour = "getComputedStyle(document.querySelector('.shardsim-view')).backgroundColor"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert light == "rgb(255, 255, 255)" and page.evaluate(colour) == "rgb(21, 23, 27)"


def test_nothing_is_cut_off_on_a_telephone(page, file):
    page.set_viewport_size({"width": 420, "height": 900})
    opened(page, f"{file}#seeds=0,1&off=0")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_the_served_page_paints_soon_edits_walls_and_shows_seeds_beside_one_another(
    page, address, desk
):
    opened(page, address)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    first = page.evaluate("performance.getEntriesByName('redraw').at(0).startTime")
    assert paint <= 1000 and first <= 2000
    assert free_cells(desk)[0] == (0, 0)  # the corner, where no wall can be put
    wall = int(np.flatnonzero(desk.level(desk.number)[1].walls.reshape(-1))[0])
    before = page.evaluate(ARROWS)
    page.mouse.move(*middle(page, *divmod(wall, 5)))
    page.mouse.down()
    page.mouse.move(*middle(page, *free_cells(desk)[1]))
    page.mouse.up()
    until(page, f"{ARROWS} !== '{before}'")
    page.get_by_role("group", name="Seeds").get_by_label("1").check()
    until(page, "document.querySelectorAll('.seed .numbers table').length === 2")
    page.get_by_role("spinbutton").fill("3")
    page.get_by_role("spinbutton").press("Enter")
    until(page, "location.hash.startsWith('#level=3')")
    shown = desk.answer({"level": 3})
    walls = page.evaluate(
        "document.querySelector('.policy .walls').getAttribute('d').match(/M/g).length"
    )
    assert walls == sum(shown["edit"]["walls"])


def test_a_page_from_elsewhere_gets_no_answer(browser, address, tmp_path: Path):
    (tmp_path / "evil.html").write_text("<!doctype html><title>evil</title>")
    tab = browser.new_page()
    tab.goto((tmp_path / "evil.html").as_uri())
    script = """(url) => new Promise((done) => {
        const socket = new WebSocket(url);
        socket.onopen = () => done("open");
        socket.onerror = () => done("refused");
    })"""
    assert tab.evaluate(script, address.replace("http", "ws") + "live") == "refused"
    tab.close()
