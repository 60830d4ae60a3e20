"""`shardsim view`: the live page, or the same in one file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from shardsim.base.errors import UserError
from shardsim.cli.output import AsJson, Folders, show, with_results

PORT = 8765


@with_results
def view_command(
    path: Annotated[Path, typer.Argument(metavar="RUN", help="a run directory")],
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="write one .html file that needs no server, and stop"),
    ] = None,
    level: Annotated[
        int | None,
        typer.Option(min=0, help="number of the level [that with most decisions in conflict]"),
    ] = None,
    split: Annotated[str, typer.Option(help="train, held-out or target")] = "target",
    thing: Annotated[
        str | None,
        typer.Option("--object", metavar="NAME", help="what can be moved in the file [the first]"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=f"of this machine; 0 for any free one [{PORT}]"),
    ] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Serve a page on this machine in which levels, checkpoints and shards can be changed."""
    from shardsim.runs.run import load

    if export is None and thing is not None:
        raise UserError("--object says what can be moved in an exported file; give --export too")
    if export is not None and port is not None:
        raise UserError("--port is the server's, and --export needs none; give one of them")
    run = load(path, folders=envs or ())
    if export is None:
        from shardsim.view.server import serve

        def told(address: str) -> None:
            show({"address": address}, f"{address}\n(Ctrl-C stops)", as_json)

        serve(run, port=PORT if port is None else port, level=level, split=split, told=told)
        return
    from shardsim.base.progress import Listener, Tracked
    from shardsim.runs.progress import for_stderr
    from shardsim.view.export import export as write

    with for_stderr() as shown:
        shown.begin("view")
        begun = time.monotonic()
        heard = Tracked(Listener(shown.show, shown.expect, lambda *_: None))
        written = write(run, export, level=level, split=split, thing=thing, progress=heard)
        shown.end(time.monotonic() - begun)
    kept = f"{len(written.checkpoints)} checkpoints"
    less = f"; {written.left_out} more did not fit" if written.left_out else ""
    data = {
        "file": str(written.path),
        "bytes": written.size,
        "checkpoints": written.checkpoints,
        "checkpoints_left_out": written.left_out,
    }
    show(data, f"{written.path}: {written.size / 1e6:.1f} MB, {kept}{less}", as_json)
