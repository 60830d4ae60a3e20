"""`shardsim verify`: whether every file of runs and sweeps is what was written."""

from pathlib import Path
from typing import Annotated

import typer

from shardsim.base.errors import UserError
from shardsim.cli.output import AsJson, show, with_results


@with_results
def verify_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="run directories, or folders of sweeps")
    ],
    as_json: AsJson = False,
) -> None:
    """Check every file of runs: present, whole, of its hash and form; says how to mend each."""
    from shardsim.runs.sweep.verify import verify, verify_each
    from shardsim.runs.verify import as_data, in_words

    found = verify_each(paths) if paths[1:] else verify(paths[0])
    show([as_data(one) for one in found], "\n".join(map(in_words, found)), as_json)
    problems = [f"{one.path}/{problem}" for one in found for problem in one.problems]
    if problems:
        more = f" (and {len(problems) - 1} more, listed above)" if problems[1:] else ""
        raise UserError(f"{problems[0]}{more}")
