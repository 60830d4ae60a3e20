"""`shardsim reflect`: a run's stage, a trial that leaves the run alone, or from checkpoints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from shardsim.base.errors import UserError
from shardsim.cli import output
from shardsim.cli.output import AsJson, Folders, show, with_results


@with_results
def reflect_command(
    path: Annotated[Path, typer.Argument(metavar="RUN", help="a run directory")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="other settings of [reflect] for a trial"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="try this model, its sham beside it; repeatable"),
    ] = None,
    onset: Annotated[
        str | None,
        typer.Option(
            metavar="ONSET",
            help="try from here: an onset's name, LEVEL:ROW,COLUMN, or a battery's file",
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="try so many reflection steps")] = None,
    checkpoints: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="add to a run that has reflected: the same from N checkpoints of its training",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="write a trial's reflection.nc and .json into this folder"
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="rerun even if finished")] = False,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Do the stage; with a model, onset, steps or settings, try them and leave the run alone.

    With --checkpoints ask from which point of training reflection changes nothing any more.
    """
    if checkpoints is not None:
        if onset is not None or out is not None or again or len(model or ()) > 1:
            raise UserError(
                "--checkpoints takes the run's onsets and one --model, and writes into the run; "
                "leave out --onset, --out, --again and further models"
            )
        _at_checkpoints(path, checkpoints, model, steps, settings, envs, as_json)
        return
    trial = bool(model or onset or steps is not None or settings)
    if trial and again:
        raise UserError(
            "--again redoes the run's own stage, and a trial writes no run; leave it out"
        )
    if out is not None and not trial:
        raise UserError("--out is for a trial; say what to try, for instance --model turns")
    if not trial:
        from shardsim.runs.pipeline import run_stage
        from shardsim.runs.progress import for_stderr

        done = run_stage(path, "reflect", again=again, folders=envs or (), progress=for_stderr())
        output.show_run(done, as_json)
        return
    _try(path, model or (), onset, steps, settings or (), out, envs, as_json)


def _try(
    path: Path,
    model: Sequence[str],
    onset: str | None,
    steps: int | None,
    settings: Sequence[str],
    out: Path | None,
    envs: Folders,
    as_json: bool,
) -> None:
    """Reflect as asked, leave the run alone, and show what came of it."""
    from shardsim.base.progress import Listener, Tracked
    from shardsim.runs.progress import for_stderr
    from shardsim.runs.reflect_trial import try_reflection, write_trial
    from shardsim.runs.report.trial import in_words
    from shardsim.runs.run import load

    with for_stderr() as shown:
        shown.begin("reflect")
        begun = time.monotonic()
        heard = Tracked(Listener(shown.show, shown.expect, lambda *_: None))
        opened = load(path, folders=envs or ())
        found = try_reflection(opened, model, onset, steps, settings, progress=heard)
        shown.end(time.monotonic() - begun)
    files = [] if out is None else [str(one) for one in write_trial(found, out)]
    data = {
        "settings": found.config.model_dump(mode="json"),
        "summary": found.reflection.summary,
        "files": files,
    }
    text = in_words(found.reflection.dataset)
    show(data, "\n".join([text, *files]), as_json)


def _at_checkpoints(
    path: Path,
    checkpoints: int,
    model: list[str] | None,
    steps: int | None,
    settings: list[str] | None,
    envs: list[str] | None,
    as_json: bool,
) -> None:
    """Add stability over training to a run, and show it."""
    from shardsim.runs.progress import for_stderr
    from shardsim.runs.report import stability_text
    from shardsim.runs.stability import add_stability

    done = add_stability(
        path,
        checkpoints,
        model[0] if model else None,
        steps,
        settings or (),
        folders=envs or (),
        progress=for_stderr(),
    )
    table = done.stability
    show(stability_text.as_data(table), stability_text.in_words(table), as_json)
