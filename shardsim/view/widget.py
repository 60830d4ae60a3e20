"""The view in a notebook: the same page as a widget. Needs the extra `notebook` (anywidget)."""

from __future__ import annotations

from typing import Any

from shardsim.base.errors import UserError
from shardsim.runs.run import Run
from shardsim.view import assets
from shardsim.view.extras import needed
from shardsim.view.page import Desk


def widget(run: Run, *, level: int | None = None, split: str = "target") -> Any:
    """Return the live view of a run as a widget, to be shown as the last value of a cell.

    Args:
        run: at least partly trained.
        level: number of the level; None for the one with most decisions in conflict.
        split: "train", "held-out" or "target".

    Returns:
        An `anywidget.AnyWidget` with the traits `page`, `query` and `answer`.

    Raises:
        UserError: no anywidget, no such level or split, or nothing is trained yet.
    """
    anywidget, traitlets = needed("anywidget", "notebook"), needed("traitlets", "notebook")
    desk = Desk(run, level, split)

    class LiveView(anywidget.AnyWidget):
        """What the page and Python tell one another."""

        _esm = assets.module()
        _css = assets.text("view.css")
        page = traitlets.Dict(desk.page).tag(sync=True)
        query = traitlets.Dict().tag(sync=True)
        answer = traitlets.Dict().tag(sync=True)

        @traitlets.observe("query")
        def _answer(self, change: Any) -> None:
            asked = change["new"]
            try:
                told = desk.answer(asked)
            except UserError as error:
                told = {"error": str(error)}
            self.answer = {"id": asked.get("id"), **told}

    return LiveView()
