"""`shardsim compare`: results of many runs against what was varied between them."""

from pathlib import Path
from typing import Annotated

import typer

from shardsim.cli.output import AsJson, Folders, show, show_table, with_results


@with_results
def compare_command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="DIR... [RESULT]...",
            help="the folder of a sweep, or run directories; then results, like return.target "
            "or share [the usual ones]",
        ),
    ],
    against: Annotated[
        str | None, typer.Option(metavar="KEY", help="a varied key, or its last words [each]")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="keep the values of this key apart [average over them]"),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="only runs with this value; repeatable"),
    ] = None,
    confidence: Annotated[float, typer.Option(help="of all intervals")] = 0.9,
    out: Annotated[
        Path | None, typer.Option(metavar="PAGE.html", help="write a page that needs no network")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write the groups, a row each")
    ] = None,
    seeds: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write every seed's value, a row each")
    ] = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="list all results that the runs have, and stop")
    ] = False,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Compare runs: results against varied keys, grouped over seeds, with intervals."""
    from shardsim.runs.comparison import asked, text
    from shardsim.runs.comparison.compare import compare

    paths, results = asked.split(words)
    chosen = asked.held(where or ())
    if only_list:
        show_table(asked.results_of(paths, envs or ()), as_json)
        return
    found = compare(
        paths, results, against=against, by=by, where=chosen, confidence=confidence,
        folders=envs or (),
    )  # fmt: skip
    written = asked.write(found, out, csv, seeds)
    data = text.as_data(found) | {"files": [str(path) for path in written]}
    show(data, "\n".join([text.as_text(found), *map(str, written)]), as_json)
