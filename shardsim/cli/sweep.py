"""`shardsim sweep`: many runs of one config, and how far they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from shardsim.base.errors import UserError, caution
from shardsim.cli.complete import experiment_names, stage_names
from shardsim.cli.output import AsJson, Folders, Log, results, show, with_results

STATUS = "status"

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="processes at once [one for two cores, or one for a GPU]"),
]
Retries = Annotated[
    int, typer.Option(min=0, help="how often to begin again a run whose process was killed")
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="an existing Dask cluster, like tcp://HOST:8786"),
]


@with_results
def sweep_command(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG | status",
            help="a TOML file, or the name of an experiment; or the word status, and then DIR",
            autocompletion=experiment_names,
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=V1,V2]...",
            help="settings: several values, separated by commas, make a run of each",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="the sweep's folder [runs/NAME-sweep]")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="seeds of each run")] = None,
    until: Annotated[
        str,
        typer.Option(metavar="STAGE", help="the last stage", autocompletion=stage_names),
    ] = "report",
    workers: Workers = None,
    retries: Retries = 2,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="end at the first failure")
    ] = False,
    scheduler: Scheduler = None,
    slurm: Annotated[
        bool, typer.Option("--slurm", help="print a SLURM batch script, and run nothing")
    ] = False,
    log: Log = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Run a config with every combination of some values; what is done is not repeated."""
    from shardsim.runs.mirrors import names_of, pass_on
    from shardsim.runs.sweep import cluster, grid, index, pool, table
    from shardsim.runs.sweep import slurm as batch
    from shardsim.runs.sweep.state import states

    if config == STATUS:
        _show_status(words or (), as_json)
        return
    pass_on(log)
    asked = grid.points(config, words or (), seeds=seeds, folders=envs or ())
    folder = out or Path("runs") / f"{Path(config).stem}-sweep"
    sweep = index.extend(folder, asked, until, done_here=not slurm and scheduler is None)
    if slurm:
        script = batch.script(sweep, states(sweep), envs or (), names_of(None))
        print(script, end="", file=results())
        return
    count = workers or pool.usual_workers()
    common: dict[str, Any] = {"fail_fast": fail_fast, "folders": envs or ()}
    with table.Watching(sweep, count) as watch:
        if scheduler is not None:
            _say_who_logs(scheduler, log)
            found = cluster.run_on(scheduler, sweep, watch=watch, **common)
        else:
            found = pool.run_here(sweep, workers=count, retries=retries, watch=watch, **common)
    show(
        {"sweep": str(folder), "points": table.rows(sweep, found)},
        f"{table.in_words(sweep, found, count)}\n{folder}",
        as_json,
    )
    _refuse_failures(found)


def _say_who_logs(scheduler: str, log: str | None) -> None:
    """Warn that a cluster's workers mirror their logs by their own environment."""
    if log:
        caution(
            f"--log {log} does not reach the workers of {scheduler}; set SHARDSIM_LOG={log} in the "
            "environment that they are started in"
        )


def _refuse_failures(found: Mapping[str, Any]) -> None:
    """Raise UserError where some point failed."""
    failed = [name for name, state in found.items() if state.word == "failed"]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(found)} points failed, first {failed[0]}: "
            f"{found[failed[0]].why}; the same command tries them again"
        )


def _show_status(words: list[str] | tuple[str, ...], as_json: bool) -> None:
    """Print how far a sweep is."""
    from shardsim.runs.sweep import index, pool, table
    from shardsim.runs.sweep.state import states

    if len(words) != 1:
        raise UserError("give the sweep's folder: shardsim sweep status DIR")
    sweep = index.open_sweep(words[0])
    found = states(sweep)
    show(
        {"sweep": words[0], "points": table.rows(sweep, found)},
        table.in_words(sweep, found, pool.usual_workers()),
        as_json,
    )
