"""`shardsim modify`: what a run's agents would turn themselves into."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from shardsim.cli.output import AsJson, Folders, show, with_results


@with_results
def modify_command(
    path: Annotated[Path, typer.Argument(metavar="RUN", help="a run directory")],
    onset: Annotated[str, typer.Option(help="only this onset [all]", show_default=False)] = "",
    growth: Annotated[
        float | None,
        typer.Option(help="factor by which `strengthen` multiplies a shard's weight [e, 2.72]"),
    ] = None,
    levels: Annotated[
        int, typer.Option(min=1, help="levels for planners, in worlds that change who plans")
    ] = 32,
    as_json: AsJson = False,
    envs: Folders = None,
) -> None:
    """Offer agents a menu of self-modifications; say what each evaluator and model chooses."""
    from shardsim.base.progress import Listener, Tracked
    from shardsim.reflection.self_modify import GROWTH
    from shardsim.runs.progress import for_stderr
    from shardsim.runs.report.self_modify_text import in_words
    from shardsim.runs.run import load
    from shardsim.runs.self_modify import self_modify

    run = load(path, folders=envs or ())
    with for_stderr() as shown:
        shown.begin("modify")
        begun = time.monotonic()
        heard = Tracked(Listener(shown.show, shown.expect, lambda *_: None))
        factor = GROWTH if growth is None else growth
        found = self_modify(run, onset, growth=factor, levels=levels, progress=heard)
        shown.end(time.monotonic() - begun)
    summary = found.summary
    show({"run": str(path), **summary}, in_words(summary), as_json)
