"""`shardsim forecast`: how good the forecasts of reflection were, beside their nulls."""

from pathlib import Path
from typing import Annotated

import typer

from shardsim.cli.output import AsJson, Folders, show, with_results


@with_results
def forecast_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="run directories, scored together")
    ],
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Score what was foreseen of reflection before any weight moved."""
    from shardsim.runs.forecasts import pooled, read
    from shardsim.runs.report.forecast_text import as_text
    from shardsim.runs.run import load

    runs = [load(path, folders=envs or ()) for path in paths]
    models = pooled(runs)
    first = read(runs[0])
    margin, fitted = first["settings"]["epsilon"], first["fitted"]
    given = " (given by the config)" if fitted["rate_given"] else ""
    about = f"fitted: rate {fitted['rate']:g}{given}; on {fitted['on']}"
    data = {"runs": list(map(str, paths)), "margin": margin, "fitted": fitted, "models": models}
    show(data, f"{as_text(models, margin)}\n{about}", as_json)
