"""`Run`: what a run directory offers, finished or not. Loading executes nothing from it.

A config may name a folder of a user's own envs. Loading does not import them: whoever opens the
run says `folders=` to allow it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from shardsim.agent.checkpoint import Checkpoint, agent_of, checkpoint_template
from shardsim.agent.components import DEFAULT_COMPONENTS
from shardsim.agent.evaluation import Evaluation
from shardsim.agent.learner import Learner
from shardsim.agent.policy import Agent
from shardsim.agent.train import make_learner
from shardsim.base.arrays import from_bytes
from shardsim.base.errors import UserError
from shardsim.base.scalars import Whole, whole
from shardsim.env.core import Env
from shardsim.runs.config import RunConfig, make_env
from shardsim.runs.io import dataset_from_bytes, json_from_bytes
from shardsim.runs.store import CONFIG, Store
from shardsim.runs.toml import validate

CHECKPOINTS = "checkpoints/"


def load(path: str | Path, *, folders: Sequence[str | Path] = ()) -> Run:
    """Open a run directory, finished or not.

    Args:
        path: the directory.
        folders: folders of your own envs that this run may import.

    Raises:
        UserError: no run directory, damaged, or from another version.
    """
    return Run(Store.open(path), folders)


class Run:
    """One run directory: a config with all its seeds."""

    def __init__(self, store: Store, folders: Sequence[str | Path] = ()) -> None:
        """Wrap an open store; `folders` are the user's folders that may be imported."""
        self.store = store
        self.refine: int | None = None  # contexts that `identify` is to add, where not the config's
        self._folders = tuple(str(Path(folder).resolve()) for folder in folders)

    @property
    def path(self) -> Path:
        """The directory."""
        return self.store.path

    @cached_property
    def config(self) -> RunConfig:
        """The complete config."""
        data = tomllib.loads(self.store.read(CONFIG).decode())
        return validate(data, str(self.path / CONFIG))

    @cached_property
    def env(self) -> Env:
        """The env; raises UserError where it comes from a folder that was not allowed."""
        refused = set(self.config.env.folders) - set(self._folders)
        if refused:
            folder = sorted(refused)[0]
            raise UserError(
                f"the env of {self.path} comes from {folder}, which opening a run does not "
                f"execute; allow it with --envs {folder} (from Python: folders=[...])"
            )
        return make_env(self.config.env)

    @cached_property
    def learner(self) -> Learner:
        """The static part of training: env, config, components, network."""
        config: Any = self.config.train  # frozen, so hashable, which pydantic does not declare
        return make_learner(self.env, config, DEFAULT_COMPONENTS)

    @property
    def seeds(self) -> list[int]:
        """The seeds, in the order of the results' dim `seed`."""
        return self.store.manifest["seeds"]

    @property
    def checkpoints(self) -> list[int]:
        """Update counts of the checkpoints that exist, the untrained one first."""
        names = [name for name in self.store.names(CHECKPOINTS) if name.endswith(".safetensors")]
        stems = [Path(name).stem for name in names]
        return [int(stem) for stem in stems if stem.isdigit()]

    def checkpoint(self, index: Whole = -1) -> Checkpoint:
        """One checkpoint, all seeds on the leading axis; `index` counts as in a list."""
        updates, index = self.checkpoints, whole("checkpoint", index, None)
        if not -len(updates) <= index < len(updates):
            raise UserError(
                f"{self.path} has {len(updates)} checkpoints, so no number {index}; "
                f"give one from {-len(updates)} to {len(updates) - 1}"
                if updates
                else f"{self.path} has no checkpoint yet; go on with: shardsim run"
            )
        name = checkpoint_name(updates[index])
        template = checkpoint_template(self.env, self.config.train)
        return from_bytes(self.store.read(name), template, str(self.path / name))

    def agent(self, seed: Whole = 0, checkpoint: Whole = -1) -> Agent:
        """One trained agent; `seed` and `checkpoint` are positions along those dims."""
        count, seed = len(self.seeds), whole("seed", seed, None)
        if not -count <= seed < count:
            raise UserError(
                f"{self.path} has {count} seeds, so no number {seed}; "
                f"give one from 0 to {count - 1}"
            )
        return agent_of(self.learner, self.checkpoint(checkpoint).parameters, seed % count)

    @property
    def training(self) -> xr.Dataset:
        """Learning curves: exact returns and training means, dims seed, checkpoint, split."""
        return self.dataset("training.nc")

    def returns(self, split: str) -> Evaluation:
        """Exact returns f[seed, checkpoint] of a split; older runs do not hold the worst (NaN)."""
        found = self.training.sel(split=split).transpose("seed", "checkpoint", ...)
        achieved, optimum = found["achieved"].values, found["optimum"].values
        worst = found["worst"].values if "worst" in found else np.full_like(optimum, np.nan)
        return Evaluation(achieved, optimum, worst)

    @property
    def shards(self) -> xr.Dataset:
        """The shards of all seeds, their shares, rivals, influence and views."""
        return self.dataset("shards.nc")

    @property
    def track(self) -> xr.Dataset:
        """The shard distribution over checkpoints."""
        return self.dataset("track.nc")

    @property
    def reflection(self) -> xr.Dataset:
        """What reflection did, by onset, model, step and seed."""
        return self.dataset("reflection.nc")

    @property
    def diagnosis(self) -> dict[str, Any]:
        """Which world the run is in, with the evidence."""
        return self.json("diagnosis.json")

    @property
    def summary(self) -> dict[str, Any]:
        """The results in short, as in `summary.json`."""
        return self.json("summary.json")

    @property
    def timings(self) -> dict[str, float]:
        """Wall seconds of each stage that is finished."""
        path = self.path / "timings.json"
        return json_from_bytes(path.read_bytes(), str(path)) if path.is_file() else {}

    def dataset(self, name: str) -> xr.Dataset:
        """Read one NetCDF result; raises UserError where it is not there yet or damaged."""
        return dataset_from_bytes(self.store.read(name), str(self.path / name))

    def json(self, name: str) -> Any:
        """Read one JSON result; raises UserError where it is not there yet or damaged."""
        return json_from_bytes(self.store.read(name), str(self.path / name))


def checkpoint_name(update: int) -> str:
    """The file of a checkpoint."""
    return f"{CHECKPOINTS}{update:08d}.safetensors"
