"""A sweep as one SLURM array: each task is `shardsim run` of one run directory."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from shardsim.runs.mirrors import FROM_ENVIRONMENT
from shardsim.runs.sweep.index import Sweep
from shardsim.runs.sweep.state import State

HOURS = 4


def script(
    sweep: Sweep,
    found: dict[str, State],
    folders: Sequence[str | Path] = (),
    log: Sequence[str] = (),
) -> str:
    """Return the text of a batch script for the points that are not done.

    Print it to a file, adapt its first lines to the cluster, and give it to sbatch.

    Args:
        sweep: its points.
        found: how far they are.
        folders: of the user's own envs.
        log: mirrors of each task's log, as `shardsim.runs.mirrors.names_of` gives them.
    """
    left = [entry.name for entry in sweep.entries if found[entry.name].word != "done"]
    envs = " ".join(f"--envs {shlex.quote(str(Path(one).resolve()))}" for one in folders)
    mirrors = f"export {FROM_ENVIRONMENT}={shlex.quote(','.join(log))}\n" if log else ""
    names = "\n".join(f"  {shlex.quote(name)}" for name in left)
    return f"""#!/bin/bash
#SBATCH --job-name=shardsim
#SBATCH --array=0-{max(0, len(left) - 1)}
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time={HOURS}:00:00
#SBATCH --requeue
# Tasks that are cut off or requeued go on from where they were. Give the sweep's command again
# with --slurm to list only what is left then.
points=(
{names}
)
cd {shlex.quote(str(sweep.path.resolve()))} || exit 1
{mirrors}exec shardsim run "./${{points[$SLURM_ARRAY_TASK_ID]}}" --until {sweep.until} {envs}
""".replace(" \n", "\n")
