"""What a run offers to a diagnosis, and which tier that makes.

Tier T has whole updates kept at a few phases of training; tier W+B has checkpoints (with
consecutive optimiser states) and the behaviour that follows from them. Axis letter: K seeds, the
leading axis of every array.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from shardsim.agent.checkpoint import Checkpoint, of_chunk, record_template
from shardsim.agent.config import TrainConfig
from shardsim.agent.learner import Record
from shardsim.agent.train import Chunk
from shardsim.base.arrays import from_bytes
from shardsim.base.errors import UserError
from shardsim.env.core import Env

Tier = Literal["T", "W+B"]
RECORDS = "records/"


class Artefacts(NamedTuple):
    """A run as a diagnosis sees it: no code, no names of faults."""

    env: Env
    config: TrainConfig
    checkpoints: Mapping[int, Checkpoint]  # update -> [K], the untrained one first
    records: Mapping[int, Record] = {}  # update -> [K]; empty at tier W+B
    returns: Mapping[int, Mapping[str, tuple[Any, Any]]] = {}  # logged: update -> split ->
    # (achieved float[K], optimum float[K])
    shares: Mapping[str, float] = {}  # concept -> share of decision influence on target levels

    @property
    def tier(self) -> Tier:
        """How much there is."""
        return "T" if self.records else "W+B"

    @property
    def seeds(self) -> int:
        """Number of seeds, K."""
        return jax.tree.leaves(next(iter(self.checkpoints.values())).parameters)[0].shape[0]

    def behaviour_only(self) -> Artefacts:
        """Return the same without records and logs: what tier W+B has."""
        return self._replace(records={}, returns={})

    def check(self) -> None:
        """Raise UserError unless there are two checkpoints, the untrained one first."""
        if len(self.checkpoints) < 2 or min(self.checkpoints) != 0:
            raise UserError(
                "a diagnosis compares checkpoints with the untrained one, and there are "
                f"{len(self.checkpoints)}; let the run train first, or keep checkpoint 0"
            )


MISSING = {
    "T": "",
    "W+B": "no rollout batches were kept, so what happened inside an update (environment, action, "
    "advantage, loss) can only be inferred from weights and behaviour",
}


def of_chunks(env: Env, config: TrainConfig, chunks: Iterable[Chunk]) -> Artefacts:
    """Gather artefacts from training itself."""
    checkpoints, records, returns = {}, {}, {}
    for chunk in chunks:
        checkpoints[chunk.update] = of_chunk(chunk)
        returns[chunk.update] = {
            split: (np.asarray(exact.achieved), np.asarray(exact.optimum))
            for split, exact in chunk.evaluation.items()
        }
        if chunk.record is not None:
            records[chunk.update] = chunk.record
    return Artefacts(env, config, checkpoints, records, returns)


def of_run(run: Any, shares: Mapping[str, float] | None = None) -> Artefacts:
    """Read artefacts from a run directory; raises UserError where it is damaged.

    `run` offers env, config, store, updates, checkpoint() and training, as
    `shardsim.runs.run.Run` does; this room does not import it.
    """
    config = run.config.train
    updates = run.updates
    checkpoints = {update: run.checkpoint(index) for index, update in enumerate(updates)}
    names = [name for name in run.store.names(RECORDS) if name.endswith(".safetensors")]
    records: dict[int, Record] = {}
    if names:
        template = record_template(run.env, config)
        for name in names:
            update = int(name.removeprefix(RECORDS).split(".")[0])
            records[update] = from_bytes(run.store.read(name), template, name)
    return Artefacts(run.env, config, checkpoints, records, _logged(run.training), shares or {})


def _logged(training: Any) -> dict[int, dict[str, tuple[Any, Any]]]:
    """Return the logged exact returns of a training dataset (dims split, seed, checkpoint)."""
    return {
        int(update): {
            str(split): tuple(
                training[part].sel(split=split).isel(checkpoint=index).values
                for part in ("achieved", "optimum")
            )
            for split in training["split"].values
        }
        for index, update in enumerate(training["update"].values)
    }
