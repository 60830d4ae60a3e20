"""`shardsim events`: when shards of a run appeared, crossed thresholds, led, split or merged."""

from pathlib import Path
from typing import Annotated

import typer

from shardsim.cli.output import AsJson, show, with_results


@with_results
def events_command(
    path: Annotated[Path, typer.Argument(metavar="RUN", help="a run directory")],
    shard: Annotated[
        str | None, typer.Option(metavar="SHARD", help="only this shard: its number or name [all]")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARE",
            help="share that is crossed, as 10% or 0.1, or null; repeatable [null, 5%, 10%]",
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="of the interval of the median over seeds")
    ] = 0.9,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="also write a row a seed and event as CSV")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say when each shard appeared, crossed thresholds, took over, split or merged, by seed."""
    from shardsim.runs import events
    from shardsim.runs.report import events_text
    from shardsim.runs.run import load

    track = load(path).track
    thresholds = threshold or events.THRESHOLDS
    by_seed = events.table(track, shard, thresholds)
    over_seeds = events.table(track, shard, thresholds, True, confidence)
    text = events_text.in_words(track, shard, thresholds, confidence)
    data = {
        "run": str(path),
        "checkpoints": by_seed.attrs["checkpoints"],
        "events": by_seed.to_dict("records"),
        "over_seeds": over_seeds.to_dict("records"),
    }
    if csv is not None:
        data["csv"] = str(events.save_csv(by_seed, csv))
        text = f"{text}\n\n{csv}"
    show(data, text, as_json)
