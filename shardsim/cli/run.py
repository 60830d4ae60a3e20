"""`shardsim run`: all stages of a config, or what is left of a run directory."""

from pathlib import Path
from typing import Annotated, Any

import typer

from shardsim.base.errors import UserError
from shardsim.cli import output
from shardsim.cli.complete import experiment_names, stage_names
from shardsim.cli.output import AsJson, Folders, Log, with_results


@with_results
def run_command(
    config: Annotated[
        str,
        typer.Argument(
            help="a TOML file, the name of an experiment, or a run directory to go on with",
            autocompletion=experiment_names,
        ),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="settings to override")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="the run directory [runs/NAME]")] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE", help="the last stage to run [report]", autocompletion=stage_names
        ),
    ] = None,
    log: Log = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Run all stages; an unfinished run continues."""
    from shardsim.runs.pipeline import go_on, is_run, run
    from shardsim.runs.progress import for_stderr

    common: dict[str, Any] = {
        "until": until,
        "folders": envs or (),
        "progress": for_stderr(),
        "log": log,
    }
    if is_run(config):
        if overrides or out is not None:
            raise UserError(
                f"{config} is a run directory, which keeps its config and its place; give no "
                f"settings and no --out, or start another run from {config}/config.toml"
            )
        done = go_on(config, **common)
        output.show_run(done, as_json)
        return
    done = run(config, out, overrides or (), **common)
    output.show_run(done, as_json)
