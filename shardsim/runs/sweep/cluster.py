"""A sweep on an existing Dask cluster whose workers see the sweep's folder under the same path."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shardsim.base.errors import UserError, one_line
from shardsim.runs.files import FAILURE
from shardsim.runs.sweep.index import Sweep
from shardsim.runs.sweep.pool import LOOK, Watch
from shardsim.runs.sweep.state import State, states
from shardsim.runs.sweep.worker import note_failure

PATIENCE = 30.0  # seconds in which a scheduler must answer


class LostCluster(UserError):
    """The scheduler is gone; what was begun is kept."""

    exit_code = 1  # of the command line: the input was well formed


def run_on(
    address: str,
    sweep: Sweep,
    *,
    fail_fast: bool = False,
    folders: Sequence[str | Path] = (),
    watch: Watch = lambda found: None,
    look: float = LOOK,
) -> dict[str, State]:
    """Do all points of a sweep on a cluster; other arguments and the result as `pool.run_here`.

    How often a point is begun again whose worker died is the cluster's to say
    (`distributed.scheduler.allowed-failures`). A worker that is taken for lost and lives on is kept
    apart from the one that replaces it by the lease of the run directory.

    Args:
        address: of the scheduler, like tcp://HOST:8786.
        sweep: its points; its folder must be seen by all workers under the same path.
        fail_fast: end at the first failure.
        folders: of the user's own envs.
        watch: told how far all points are.
        look: seconds between two looks.

    Raises:
        UserError: `distributed` is not installed, the scheduler does not answer, or its workers do
            not see the sweep's folder; LostCluster where it is gone before all is done.
    """
    client = _client(address)
    path, envs = str(sweep.path.resolve()), [str(Path(one).resolve()) for one in folders]
    try:
        _check_workers(client, path, address)
        for folder in sweep.folders:
            (folder / FAILURE).unlink(missing_ok=True)
        found = states(sweep)
        tasks = {
            name: client.submit(_point, path, name, sweep.until, envs, pure=False)
            for name, state in found.items()
            if state.word != "done"
        }
        heard = time.monotonic()
        while any(not task.done() for task in tasks.values()):
            found = states(sweep)
            watch(found)
            heard = time.monotonic() if client.status == "running" else heard
            if client.status == "closed" or time.monotonic() - heard > PATIENCE:
                raise _lost(address, sweep)
            if fail_fast and any(state.word == "failed" for state in found.values()):
                client.cancel(list(tasks.values()))
                break
            time.sleep(look)
        if client.status != "running":  # which ends all tasks
            raise _lost(address, sweep)
        _explain(sweep, tasks)
        found = states(sweep)
        watch(found)
        return found
    finally:
        client.close(timeout=PATIENCE)


def _lost(address: str, sweep: Sweep) -> LostCluster:
    return LostCluster(
        f"the Dask scheduler at {address} is gone; what was done is kept in {sweep.path}, and the "
        "same command goes on with it, with another --scheduler or with none"
    )


def _point(path: str, name: str, until: str, folders: Sequence[str]) -> bool:
    """Do one point, on a worker of the cluster; wait for another who is at it."""
    from shardsim.runs.pipeline import stages_until
    from shardsim.runs.sweep.state import state_of
    from shardsim.runs.sweep.worker import attempt

    folder, wanted = Path(path) / name, stages_until(until)
    while True:
        done = attempt(folder, until, folders)
        if not done or state_of(folder, wanted).word in ("done", "failed"):
            return done
        time.sleep(LOOK)


def _client(address: str) -> Any:
    """Return a client of a scheduler."""
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError(
            "--scheduler needs the package distributed; pip install 'shardsim[dask]'"
        ) from error
    try:
        return Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Dask scheduler answers at {address} ({one_line(error)}); give its address, like "
            "tcp://HOST:8786"
        ) from error


def _check_workers(client: Any, path: str, address: str) -> None:
    """Raise UserError where there is no worker, or one that does not see the folder."""
    try:
        seen = client.run(_sees, path)
    except Exception as error:
        raise UserError(
            f"a worker of {address} cannot import shardsim ({one_line(error)}); install it there"
        ) from error
    if not seen:
        raise UserError(f"the scheduler at {address} has no worker; start some with: dask worker")
    blind = [name for name, sees in seen.items() if not sees]
    if blind:
        raise UserError(
            f"worker {blind[0]} does not see {path}; put --out on a disk that all machines share"
        )


def _sees(path: str) -> bool:
    """Whether a folder is there, on a worker."""
    return Path(path).is_dir()


def _explain(sweep: Sweep, tasks: dict[str, Any]) -> None:
    """Write beside a run why the cluster gave it up, say, since every worker that had it died."""
    for name, task in tasks.items():
        if task.status == "error":
            note_failure(
                sweep.path / name, f"given up by the cluster: {one_line(task.exception())}"
            )
